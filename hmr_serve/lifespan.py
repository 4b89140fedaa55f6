"""The ASGI lifespan protocol: one task that starts an application up and shuts it down.

Responsibilities: speak the protocol as uvicorn does (auto, on, off), have the engine
trace the startup, keep `scope["state"]`, end what the startup left running: tasks, and
what it gave to `on_dispose`. Loop thread only. A Lifespan is used once:
after `shutdown`, or a startup that failed, make another.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .middleware import ASGI
from .workers import is_of_pool

if TYPE_CHECKING:
    from ._core import Engine
    from .log import Log
    from .middleware import Middleware

SILENT = "the application says that its startup failed, and not why"
TRACE = "lifespan"  # the name of the startup's trace in the engine
THREADS_WAIT = 1.0  # seconds that threads get to end after a shutdown
THREADS_LOOKS = 50
TASKS_WAIT = 1.0  # seconds that tasks get to end once they are cancelled

_starting: ContextVar[Lifespan | None] = ContextVar("hmr_serve_lifespan", default=None)

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def is_of_lifespan(task: asyncio.Task[Any]) -> bool:
    """Whether a lifespan is the task, or has started it."""
    return task.get_context().get(_starting) is not None


class LifespanFailed(Exception):
    """The startup did not complete. `cause` is what the application raised, if it
    did."""

    def __init__(self, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class Lifespan:
    """The startup and shutdown of one application object."""

    def __init__(
        self,
        app: Application,
        mode: str,
        log: Log,
        engine: Engine | None,
        middleware: Middleware | None = None,
    ) -> None:
        self.app = app
        self._middleware = middleware  # traced apart from what comes behind it
        self.state: dict[str, Any] = {}
        self.running = False  # the startup completed, no shutdown yet
        self.unsupported = False  # the application raised, which `auto` allows
        self._mode = mode
        self._log = log
        self._engine = engine
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: LifespanFailed | None = None
        self._stopping = False
        self._leave: Callable[[], None] | None = None
        self._tracing = False
        self._threads: list[threading.Thread] = []
        self._shutdown_failed = False

    async def startup(self) -> None:
        """Run the startup; `running` is False after it where there is no lifespan.

        Raises LifespanFailed."""
        if self._mode == "off":
            return
        before = set(threading.enumerate())
        self._inbox.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._main(), name="lifespan")
        await self._started.wait()
        self._threads = [
            thread
            for thread in threading.enumerate()
            if thread not in before and not is_of_pool(thread)
        ]
        if self._failure:
            await self._ended.wait()
            await self._end_what_it_started()
            raise self._failure

    async def shutdown(self) -> bool:
        """Run the shutdown, once; False if it failed, which is logged, as nothing can
        be done about it. Another call while it runs waits for the same end."""
        if self.running:
            self.running = False
            self._stopping = True
            self._inbox.put_nowait({"type": "lifespan.shutdown"})
        if self._stopping:
            await self._ended.wait()
            await self._end_what_it_started()
        return not self._shutdown_failed

    async def threads_left(self) -> list[str]:
        """After the shutdown: names of threads that the startup has started and that do
        not end."""
        for _ in range(THREADS_LOOKS):
            if not any(thread.is_alive() for thread in self._threads):
                return []
            await asyncio.sleep(THREADS_WAIT / THREADS_LOOKS)
        return [thread.name for thread in self._threads if thread.is_alive()]

    def cancel(self) -> None:
        """End the task without a shutdown (a second Ctrl+C)."""
        if self._task:
            self._task.cancel()

    async def _end_what_it_started(self) -> None:
        """A process that ends would take it along."""
        mine = [
            task
            for task in asyncio.all_tasks()
            if task is not self._task and task.get_context().get(_starting) is self
        ]
        for task in mine:
            task.cancel()
        if mine:
            _, late = await asyncio.wait(mine, timeout=TASKS_WAIT)
            for task in late:
                self._log.warning(f"{task.get_name()} of the lifespan does not end.")
        if self._engine:
            self._engine.dispose(TRACE)

    async def _main(self) -> None:
        _starting.set(self)
        scope = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        told = (scope, self._receive, self._send)
        if self._middleware:
            self._leave = self._middleware.watch(told, self._trace_begins)
        else:
            self._trace_begins()
        try:
            await self.app(*told)
        except Exception as exc:
            self._raised(exc)
        finally:
            self._trace_ends()
            self.running = False
            self._started.set()
            self._ended.set()

    def _raised(self, exc: Exception) -> None:
        if self._failure:  # Starlette sends startup.failed, then raises
            self._failure.cause = exc
        elif self._shutdown_failed:
            pass  # said in shutdown.failed
        elif self._started.is_set():
            self._shutdown_failed = True
            self._log.error("Exception in 'lifespan' protocol", exc)
        elif self._mode == "auto":
            self.unsupported = True
        else:
            self._failure = LifespanFailed("Exception in 'lifespan' protocol", exc)

    async def _receive(self) -> dict[str, Any]:
        """Nothing comes after a startup that failed: Quart waits all the same."""
        if self._failure and self._task:
            self._task.cancel()
        return await self._inbox.get()

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        text = message.get("message", "")
        starting = not self._started.is_set()
        if kind.startswith("lifespan.startup.") != starting:
            raise RuntimeError(f"unexpected {kind} in the lifespan protocol")
        if kind == "lifespan.startup.complete":
            self.running = True
        elif kind == "lifespan.startup.failed":
            # told where it is handled, as Quart does: the text alone may be empty
            self._failure = LifespanFailed(text or SILENT, sys.exception())
        elif kind == "lifespan.shutdown.failed":
            self._shutdown_failed = True
            self._log.error(f"Application shutdown failed. {text}".rstrip())
        elif kind != "lifespan.shutdown.complete":
            raise RuntimeError(f"unknown message {kind} in the lifespan protocol")
        if starting:
            self._trace_ends()
            self._started.set()
        else:
            self._ended.set()

    def _trace_begins(self) -> None:
        if self._engine and not self._started.is_set():
            self._engine.begin(TRACE)
            self._tracing = True

    def _trace_ends(self) -> None:
        if self._leave:
            self._leave()
            self._leave = None
        if self._engine and self._tracing:
            self._engine.end(TRACE)
            self._tracing = False
