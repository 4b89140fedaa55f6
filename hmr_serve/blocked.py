"""The line for an event loop that a handler blocks: where, and for how long.

Called on a thread of its own, with the GIL; everything else of the server goes on in
the I/O thread meanwhile, and requests wait.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from itertools import takewhile
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .log import Log

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
RELOADER = os.path.join(HERE, "reloader.py")
DEBUGGERS = {"bdb", "pdb", "_pydevd_bundle", "pydevd", "debugpy"}
LOOPS = {"asyncio", "selectors", "uvloop"}


class Blocked:
    """What `_asgi.Server(on_blocked=...)` is given; made in the loop's thread."""

    def __init__(self, log: Log, roots: list[str]) -> None:
        self._log = log
        self._roots = tuple(os.path.join(root, "") for root in roots)
        self._thread = threading.get_ident()

    def __call__(self, seconds: float) -> None:
        frames = list(_frames(sys._current_frames().get(self._thread)))
        if any(map(_is_excused, frames)):
            return
        # What called us is a frame of the application too, if it is a script.
        above = list(takewhile(lambda frame: not _is_ours(frame), frames))
        own = next(filter(self._is_own, above), None)
        if own is None and (not above or _is_loop(above[0])):
            return  # the loop runs, it has only had no processor
        self._log.warning(
            f"The event loop is blocked, for {seconds:.1f} s by now: "
            f"{_shown(own or above[0])}. Requests wait until it goes on."
        )

    def _is_own(self, frame: FrameType) -> bool:
        """Of the application, no library in a folder of its own environment."""
        path = frame.f_code.co_filename
        return path.startswith(self._roots) and "site-packages" not in path


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """From the innermost to the outermost."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_excused(frame: FrameType) -> bool:
    """Somebody debugs, or we apply a save."""
    return frame.f_code.co_filename == RELOADER or _package(frame) in DEBUGGERS


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(HERE)


def _is_loop(frame: FrameType) -> bool:
    """A frame of the event loop: it waits for events."""
    return _package(frame) in LOOPS


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _shown(frame: FrameType) -> str:
    path = frame.f_code.co_filename
    relative = os.path.relpath(path)
    path = path if relative.startswith(os.pardir) else relative
    return f"{path}:{frame.f_lineno} in {frame.f_code.co_qualname}"
