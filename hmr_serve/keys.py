"""What is typed on the terminal: `r` and Enter restart the process in place.

For what no save tells of: a rebuilt C extension, an installed package. Only where the
standard input is a terminal, this process is in its foreground, and no debugger reads
there. Loop thread only.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

DEBUGGERS = ("pdb", "bdb", "ipdb", "pudb", "IPython")  # they read lines themselves


class Keys:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_restart: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._on_restart = on_restart
        self._closed = False
        self._file = _terminal()
        if self._file is not None:
            loop.add_reader(self._file, self._readable)

    def close(self) -> None:
        self._closed = True
        self._pause()

    def _pause(self) -> None:
        if self._file is not None:
            self._loop.remove_reader(self._file)
            self._file = None

    def _readable(self) -> None:
        assert self._file is not None
        if not _in_foreground(self._file) or _debugging():
            # It stays readable: look again when somebody else has had the time.
            file = self._file
            self._pause()
            self._loop.call_later(1.0, self._resume, file)
            return
        try:
            line = os.read(self._file, 1024)
        except OSError:
            line = b""
        if not line:
            self.close()  # the terminal is gone
        elif line.strip() == b"r":
            self._on_restart()

    def _resume(self, file: int) -> None:
        if not self._closed:
            self._file = file
            self._loop.add_reader(file, self._readable)


def _terminal() -> int | None:
    try:
        file = sys.stdin.fileno()
        return file if os.isatty(file) else None
    except (AttributeError, OSError, ValueError):
        return None  # none, closed, or no file


def _in_foreground(file: int) -> bool:
    """A process in the background that reads its terminal is stopped."""
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:
        return True  # not the terminal that controls us


def _debugging() -> bool:
    for frame in sys._current_frames().values():
        at = frame
        while at is not None:
            if str(at.f_globals.get("__name__")).partition(".")[0] in DEBUGGERS:
                return True
            at = at.f_back
    return False
