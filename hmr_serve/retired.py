"""Retired: libraries' caches that still hold what edits have replaced.

A cache of FastAPI knows 4,096 functions, one of SQLAlchemy 500 statements: each
may keep a function or class that was replaced, and with it the application that it
belonged to. When no edit has come for a moment, such caches are cleared: a
cache may forget at any time. Those that hold nothing that was replaced keep what they
have. Loop thread only.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
from collections.abc import Iterator
from inspect import getattr_static
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import Engine

IDLE = 0.5  # seconds after an edit
MOST = 50  # edits without such a moment
LOOKED_AT = 50_000  # objects of one cache
DEPTH = 3  # from an item of a cache; containers do not count
LEAVES = (ModuleType, str, bytes, int, float, type(None))
CONTAINERS = (tuple, list, dict, set, frozenset)
Cache = type(functools.lru_cache(len))


class Retired:
    """Looks after each edit that ran statements."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._tracked: set[str] = set()  # modules, those that went included
        self._edits = 0
        self._waiting: asyncio.TimerHandle | None = None

    def edited(self) -> None:
        self._edits += 1
        if self._waiting:
            self._waiting.cancel()
        delay = IDLE if self._edits < MOST else 0
        self._waiting = self._loop.call_later(delay, self._forget)

    def _forget(self) -> None:
        self._edits, self._waiting = 0, None
        self._tracked.update(self._engine.modules())
        for cache in self._functools_caches():
            if self._holds_retired(cache):
                cache.cache_clear()
        for sql_engine in self._sql_engines():
            if self._holds_retired(sql_engine._compiled_cache):
                sql_engine.clear_compiled_cache()

    def _functools_caches(self) -> Iterator[Any]:
        """Those of libraries, in their modules and classes. Caches of the program's
        own are the engine's."""
        for name, module in list(sys.modules.items()):
            if name in self._tracked or not isinstance(module, ModuleType):
                continue
            for value in list(vars(module).values()):
                if type(value) is Cache:
                    yield value
                elif isinstance(value, type) and value.__module__ == name:
                    yield from (v for v in vars(value).values() if type(v) is Cache)

    def _sql_engines(self) -> Iterator[Any]:
        for name in self._tracked & sys.modules.keys():
            for value in list(vars(sys.modules[name]).values()):
                if type(value).__module__ == "sqlalchemy.ext.asyncio.engine":
                    value = getattr(value, "sync_engine", None)
                if type(value).__module__ == "sqlalchemy.engine.base" and hasattr(
                    value, "_compiled_cache"
                ):
                    yield value

    def _holds_retired(self, cache: Any) -> bool:
        """Whether what it holds, or keys that lead there, is code of the program that
        is no more."""
        seen: set[int] = set()
        todo = [(cache, DEPTH + 1)]
        while todo and len(seen) < LOOKED_AT:
            item, depth = todo.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            kind = type(item)  # isinstance would ask what proxies stand for
            if kind is FunctionType or issubclass(kind, type):
                if self._is_retired(item):
                    return True
            elif kind not in LEAVES:
                depth -= kind not in CONTAINERS
                if depth:
                    todo += [(inner, depth) for inner in gc.get_referents(item)]
        return False

    def _is_retired(self, item: Any) -> bool:
        """Whether its module has something else by its name. What has none (a closure)
        is not known to be retired."""
        if item.__module__ not in self._tracked or "<locals>" in item.__qualname__:
            return False
        found: Any = sys.modules.get(item.__module__)
        for name in item.__qualname__.split("."):
            try:
                found = vars(found).get(name)
            except TypeError:
                return True
        while found is not None and found is not item:
            if type(found) in (staticmethod, classmethod):
                found = found.__func__
            else:
                found = getattr_static(found, "__wrapped__", None)
        return found is None
