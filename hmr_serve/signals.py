"""SIGINT and SIGTERM: the first asks the server to end, the second ends it at once.

Also where user code keeps the main thread busy: an import is interrupted at once, a
handler that blocks the loop when the grace is over.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.005  # seconds until a signal that came at a bad moment is repeated


class Signals:
    """Handlers of the main thread. `count` and `number` tell how often and which."""

    def __init__(self, loop: asyncio.AbstractEventLoop, grace: float) -> None:
        self.count = 0
        self.number = 0
        self.since = 0.0  # when the first came (monotonic)
        self.on_signal: Callable[[int], None] = lambda count: None
        self._loop = loop
        self._grace = grace
        self._importing = False
        self._nudging = False
        self._again = False  # the next one is the one before, repeated
        self._told = 0  # how many signals the loop knows of
        self._before: dict[int, object] = {}

    def install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows handlers in the main thread only
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)

    def uninstall(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextmanager
    def importing(self) -> Iterator[None]:
        """While user code is imported on the main thread: a signal raises
        KeyboardInterrupt."""
        self._importing = True
        try:
            yield
        finally:
            self._importing = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._nudging:
            self._nudging = False
            raise asyncio.CancelledError  # into the handler that blocks the loop
        if self._again:
            self._again = False
        else:
            self.count += 1
            self.number = number
            if self.count == 1:
                self.since = time.monotonic()
            self._loop.call_soon_threadsafe(self._tell, self.count)
        if self._importing:
            if not _in_adapter(frame):
                raise KeyboardInterrupt
            # The engine would take it for a failure of the adapter, and go on.
            self._again = True
            main_thread = threading.get_ident()
            later = threading.Timer(AGAIN, signal.pthread_kill, (main_thread, number))
            later.daemon = True
            later.start()
            return
        if self.count == 1:
            watchdog = threading.Timer(
                self._grace, self._interrupt, (threading.get_ident(),)
            )
            watchdog.daemon = True
            watchdog.start()
        elif not self._told:
            raise asyncio.CancelledError

    def _tell(self, count: int) -> None:
        self._told = count
        self.on_signal(count)

    def _interrupt(self, main_thread: int) -> None:
        """The loop has not even heard of the signal: end the handler that blocks it."""
        if not self._told:
            self._nudging = True
            signal.pthread_kill(main_thread, signal.SIGINT)


def _in_adapter(frame: FrameType | None) -> bool:
    """Whether the engine looks at a library: no code of the user's is running."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("hmr_serve.adapters."):
            return True
        frame = frame.f_back
    return False
