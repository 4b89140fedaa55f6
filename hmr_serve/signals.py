"""SIGINT and SIGTERM: the first asks the server to end, the second ends it at once.

Also where user code keeps the main thread busy: an import is interrupted at once, a
handler that blocks the loop when the grace is over.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.005  # seconds until a signal that came at a bad moment is repeated
LOST = 0.5  # seconds until one is repeated whose exception something swallowed


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
            # The engine would take it for a failure of the adapter, and go on.
            early = _in_adapter(frame)
            self._later(AGAIN if early else LOST, self._repeat, number)
            if early:
                return
            raise KeyboardInterrupt
        if self.count == 1:
            self._later(self._grace, self._interrupt, signal.SIGINT)
        elif not self._told:
            raise asyncio.CancelledError

    def _tell(self, count: int) -> None:
        self._told = count
        self.on_signal(count)

    def _later(
        self, seconds: float, send: Callable[[int, int], None], number: int
    ) -> None:
        main_thread = threading.get_ident()

        def wait() -> None:
            time.sleep(seconds)
            send(main_thread, number)

        # No threading.Thread: the engine would take it for one of the statement's.
        _thread.start_new_thread(wait, ())

    def _repeat(self, main_thread: int, number: int) -> None:
        """The import still runs: the interrupt came too early for it, or a finalizer, a
        callback or a bare `except` swallowed it."""
        if self._importing:
            self._again = True
            signal.pthread_kill(main_thread, number)

    def _interrupt(self, main_thread: int, number: int) -> None:
        """The loop has not even heard of the signal: end the handler that blocks it."""
        if not self._told:
            self._nudging = True
            signal.pthread_kill(main_thread, number)


def _in_adapter(frame: FrameType | None) -> bool:
    """Whether the engine looks at a library: no code of the user's is running."""
    while frame is not None:
        name = f"{frame.f_globals.get('__name__')}."
        if name.startswith("hmr_serve.adapters."):
            return True
        frame = frame.f_back
    return False
