"""`--explain-path FILE`: whether a save of that file is seen, and why.

The application is imported (its lifespan does not start), since what it imports and
reads is what counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .rules import Rules

if TYPE_CHECKING:
    from ._core import Engine


def explain_path(
    path: str, engine: Engine, rules: Rules, roots: Iterable[str], env_file: str | None
) -> str:
    """One sentence. `engine` has imported the application."""
    real = os.path.realpath(path)
    excluded = rules.excluded_by(real)
    reason = _dependency(real, engine)
    if env_file and real == os.path.realpath(env_file):
        return f"{path} is watched: --env-file; what read its variables runs again."
    if excluded is not None:
        return f"{path} is not watched: --reload-exclude {excluded!r} matches it."
    if reason:
        return f"{path} is watched: {reason}."
    included = rules.included_by(real)
    below = any(real.startswith(os.path.join(root, "")) for root in roots)
    if included is not None and below:
        return (
            f"{path} is watched: --reload-include {included!r} matches it; a change "
            "restarts the process in place."
        )
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and os.path.realpath(file) == real:
            return (
                f"{path} is not watched: it was imported as {name}, but is in none of "
                f"the folders that are reloaded ({', '.join(roots)}); see --reload-dir."
            )
    return f"{path} is not watched: the application neither imported nor read it."


def _dependency(real: str, engine: Engine) -> str | None:
    files, folders = engine.watched()
    if real in files:
        for name in engine.modules():
            module = sys.modules.get(name)
            if os.path.realpath(getattr(module, "__file__", None) or "") == real:
                return f"the application imported it as {name}"
        if os.path.exists(real):
            return "the application read it, or looked for it"
        return "the application looked for it, and it does not exist"
    if real in folders or os.path.dirname(real) in folders:
        return "the application listed its folder"
    return None
