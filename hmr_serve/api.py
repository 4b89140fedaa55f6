"""What an application may tell hmr-serve. Everywhere else it costs nothing.

Responsibilities: pass callbacks on to the engine, remember what `keep` keeps. While no
hmr-serve reloads this process (another server, tests, production) nothing is
registered, `keep` calls its function and `is_reloading` is False. Imports neither
extension and starts nothing. docs/state.md has examples.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from ._core import Engine


class Cached[**P, T](Protocol):
    """A function with functools.cache."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T: ...
    def cache_info(self) -> functools._CacheInfo: ...
    def cache_clear(self) -> None: ...


class Runtime:
    """The process that reloads: one at a time, set by the program."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reloading = False
        self.kept: dict[tuple[str, str], Any] = {}
        self.lock = threading.RLock()


_runtime: Runtime | None = None


def attach(engine: Engine) -> Runtime:
    """`engine` reloads this process from now on."""
    global _runtime
    _runtime = Runtime(engine)
    return _runtime


def on_dispose[Callback: Callable[[], object]](callback: Callback, /) -> Callback:
    """Call `callback()` before the statement that runs now runs again, or goes.

    At the top level of a module that is the statement that calls on_dispose(), directly
    or through functions; in a lifespan's startup, the lifespan: after its shutdown.
    Statements that use an object are disposed of before the one that made the object
    runs again. The last one registered is called first; what a callback raises is
    printed. All are called when the process ends.
    """
    _check(callback)
    if _runtime:
        _runtime.engine.on_dispose(callback)
    return callback


def before_reload[Callback: Callable[[], object]](callback: Callback, /) -> Callback:
    """Call `callback()` before each edit, in the code before it; the edit may fail.

    It is registered for as long as the statement that calls before_reload() stands.
    """
    _check(callback)
    if _runtime:
        _runtime.engine.before_reload(callback)
    return callback


def after_reload[Callback: Callable[[], object]](callback: Callback, /) -> Callback:
    """Call `callback()` after each edit that was applied, before the next request.

    It is registered for as long as the statement that calls after_reload() stands.
    """
    _check(callback)
    if _runtime:
        _runtime.engine.after_reload(callback)
    return callback


def is_reloading() -> bool:
    """Whether an edit is being applied: False in a cold start, and everywhere else."""
    return _runtime is not None and _runtime.reloading


def keep[T](key: str, make: Callable[[], T], /) -> T:
    """What `make()` gave when this module first asked for `key`, in this process.

    For state that has to outlive an edit of the very statement that creates it. Nothing
    but a new process makes it anew. Without hmr-serve it is `make()`.
    """
    if _runtime is None:
        return make()
    module = sys._getframe(1).f_globals.get("__name__", "")
    with _runtime.lock:
        if (module, key) not in _runtime.kept:
            _runtime.kept[module, key] = make()
        return _runtime.kept[module, key]


def cache_across_reloads[**P, T](function: Callable[P, T], /) -> Cached[P, T]:
    """functools.cache for what takes long to load: a model, an index, a client.

    The result stays while nothing that the function reads (its code, names, functions
    that it calls) is edited, also where its caller runs again: a lifespan can restart
    without loading the model again. Under other servers it is the same cache.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError(
            "cache_across_reloads() takes a plain function; await what it returns"
        )
    return cast("Cached[P, T]", functools.cache(function))


def _check(callback: object) -> None:
    if not callable(callback):
        raise TypeError(f"a callback has to be callable, and {callback!r} is not")
    if inspect.iscoroutinefunction(callback):
        raise TypeError(
            f"{callback!r} is a coroutine function; hmr-serve calls callbacks outside "
            "of the event loop: start a task in it, or use the lifespan"
        )
