"""`hmr_serve.run`: serve from a program of the user's own.

A program that runs `main.py` has imported most of the application already, untracked,
as `__main__` and what that imports. Importing it again beside the first copy would
register tables and metrics twice, so the process starts a fresh Python first (same
pid), as the reloaders of other servers start a child.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

from .config import Config
from .entry import find_entry
from .problem import Problem
from .program import HANDED_OVER, reload_roots, serve

START = "from hmr_serve.script import run_handed_over; run_handed_over()"


def run_from_script(app: Any, options: dict[str, Any]) -> None:
    """`hmr_serve.run`; raises SystemExit when the server could not run to its end.

    Does not return where the process has to start anew."""
    try:
        config = Config.from_options(options)
        if not config.app_dir and sys.path and os.path.isdir(sys.path[0]):
            config.app_dir = options["app_dir"] = sys.path[0]  # the script's folder
        if isinstance(app, str) and config.reload and _imported_already(app, config):
            _start_anew(app, options)
        code = serve(app, config)
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
    if code:
        raise SystemExit(code)


def run_handed_over() -> NoReturn:
    """What `_start_anew` runs in the fresh Python."""
    from .program import leave

    app, options = json.loads(os.environ[HANDED_OVER])
    try:
        code = serve(app, Config.from_options(options))
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        code = problem.exit_code
    leave(code)


def _imported_already(app: str, config: Config) -> bool:
    """Whether modules that the engine should track are there, besides the script."""
    roots = tuple(
        os.path.join(root, "") for root in reload_roots(find_entry(app, config), config)
    )
    own = os.path.dirname(os.path.abspath(__file__))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not file:
            continue
        path = os.path.realpath(file)
        if path.startswith(roots) and not path.startswith((own, sys.prefix)):
            return True
    return False


def _start_anew(app: str, options: dict[str, Any]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    environ = {**os.environ, HANDED_OVER: json.dumps([app, options])}
    os.execve(sys.executable, [sys.executable, "-c", START], environ)
