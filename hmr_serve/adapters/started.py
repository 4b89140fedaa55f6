"""What statements and lifespans start, and only they can end: schedulers, servers,
listeners of log queues, child processes and pools of them.

Each is ended before the statement that started it runs again or goes, after the
lifespan's shutdown, and when the process ends, as if the program had given it to
`on_dispose`. Nothing is looked at: the classes tell when something starts.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .. import api
from . import Adapter
from .pools import renew_executor, renew_pool

CHILD_WAIT = 1.0  # seconds that a child process gets to end
LISTENER_WAIT = 1.0  # seconds for the records that are in its queue
SERVER_WAIT = 1.0  # and the loop of a server in a thread


class Started(Adapter):
    """Objects of one class that start something in a method. Known as soon as
    `library` is imported, which may import the class's own module late."""

    blind = True

    def __init__(
        self,
        where: str,
        name: str,
        method: str,
        end: Callable[[Any], object],
        library: str | None = None,
        renew: Callable[[Any], object] | None = None,
        which: Callable[[Any], object] | None = None,
    ) -> None:
        self.library = library or where
        self._where, self._name, self._method, self._end = where, name, method, end
        self._renew = renew  # it runs code that an edit may change
        self._which = which  # what to end; None: nothing
        self._living: weakref.WeakSet[Any] = weakref.WeakSet()

    def types(self) -> tuple[type, ...]:
        owner = getattr(importlib.import_module(self._where), self._name)
        start, end = getattr(owner, self._method), self._end
        living, renewed = self._living, self._renew is not None
        which = self._which

        @functools.wraps(start)
        def starting(this: Any, /, *args: Any, **kwargs: Any) -> Any:
            started = which(this) if which else this
            result = start(this, *args, **kwargs)
            if started is not None and not is_awaited():
                api.on_dispose(lambda: end(started))
            if renewed:
                living.add(this)
            return result

        setattr(owner, self._method, starting)
        return ()

    def applied(self) -> None:
        if self._renew:
            for each in list(self._living):
                self._renew(each)


def is_awaited() -> bool:
    """Whether subprocess.run() and the like wait for what has started."""
    frame = sys._getframe(2)
    return frame.f_globals.get("__name__") == "subprocess"


def end_scheduler(scheduler: Any) -> None:
    if scheduler.running:
        scheduler.shutdown(wait=False)


def end_popen(child: Any) -> None:
    import subprocess

    if child.poll() is None:
        child.terminate()
        try:
            child.wait(CHILD_WAIT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def end_process(child: Any) -> None:
    with suppress(ValueError):  # it was closed
        if child.is_alive():
            child.terminate()
            child.join(CHILD_WAIT)
        if child.is_alive():
            child.kill()
            child.join()


def end_executor(executor: Any) -> None:
    """What it was given is still done: a request waits for it."""
    executor.shutdown(wait=False)


def listener_of(thread: Any) -> Any:
    """Its listener, if it waits for the records of a log queue. (The class itself may
    be imported by the very statement that starts one: dictConfig() does.)"""
    handlers = sys.modules.get("logging.handlers")
    owner = getattr(getattr(thread, "_target", None), "__self__", None)
    return owner if handlers and isinstance(owner, handlers.QueueListener) else None


def end_listener(listener: Any) -> None:
    """As stop(), which the program may still call: at exit, and Python 3.12 fails when
    there is no thread any more."""
    thread = listener._thread
    if thread is not None and thread.is_alive():
        listener.enqueue_sentinel()
        thread.join(LISTENER_WAIT)


def end_server(server: Any) -> None:
    """Its loop may run in a thread, or never have begun: then shutdown() waits for
    ever."""
    thread = threading.Thread(target=server.shutdown, daemon=True)
    thread.start()
    thread.join(SERVER_WAIT)
    server.server_close()


adapters = (
    Started("apscheduler.schedulers.base", "BaseScheduler", "start", end_scheduler),
    Started("socketserver", "BaseServer", "__init__", end_server),
    Started("threading", "Thread", "start", end_listener, which=listener_of),
    Started("subprocess", "Popen", "__init__", end_popen),
    Started("multiprocessing.process", "BaseProcess", "start", end_process),
    Started(
        "multiprocessing.pool",
        "Pool",
        "__init__",
        lambda pool: pool.terminate(),
        library="multiprocessing.context",
        renew=renew_pool,
    ),
    Started(
        "concurrent.futures.process",
        "ProcessPoolExecutor",
        "__init__",
        end_executor,
        renew=renew_executor,
    ),
)
