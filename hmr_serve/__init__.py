"""hmr-serve: an ASGI development server that applies every save in place."""

from __future__ import annotations

from typing import Any

from .api import (
    after_reload,
    before_reload,
    cache_across_reloads,
    is_reloading,
    keep,
    on_dispose,
)

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "after_reload",
    "before_reload",
    "cache_across_reloads",
    "is_reloading",
    "keep",
    "on_dispose",
    "run",
]


def run(app: Any, **options: Any) -> None:
    """Serve `app` until SIGINT or SIGTERM; raises SystemExit when it cannot.

    `app` is what the command takes ("app:app", "main.py") or an application object,
    which cannot be reloaded. `options` are the fields of `hmr_serve.config.Config`.
    """
    from .script import run_from_script

    run_from_script(app, options)
