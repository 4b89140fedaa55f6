"""SQLAlchemy: engines that a statement made and that are no more. Their pools are
closed when the last request that may use one is over."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Awaitable, Hashable
from typing import Any

from . import Adapter, End


class Engines(Adapter):
    library = "sqlalchemy.engine.base"

    def __init__(self) -> None:
        self.made: weakref.WeakSet[Any] = weakref.WeakSet()
        self.withdrawn: set[weakref.ref[Any]] = set()

    def types(self) -> tuple[type, ...]:
        from sqlalchemy.engine.base import Engine

        made = self.made

        def making(cls: type[Engine], /, *args: Any, **kwargs: Any) -> Engine:
            engine = object.__new__(cls)
            if cls is Engine:  # not one of execution_options(), which shares a pool
                made.add(engine)
            return engine

        # Not __init__: create_engine() reads its own options off that one's signature.
        Engine.__new__ = making  # type: ignore[assignment]
        return ()

    def look(self) -> dict[Hashable, Any]:
        found = map(weakref.ref, self.made)
        return {place: True for place in found if place not in self.withdrawn}

    def put(self, place: weakref.ref[Any], value: Any) -> None:
        self.withdrawn.discard(place)

    def remove(self, place: weakref.ref[Any]) -> None:
        self.withdrawn.add(place)

    def retired(self) -> list[End]:
        engines = [engine for place in self.withdrawn if (engine := place())]
        self.withdrawn.clear()
        self.made.difference_update(engines)
        return [functools.partial(dispose, engine) for engine in engines]


def dispose(engine: Any) -> Awaitable[None] | None:
    if engine.dialect.is_async:
        from sqlalchemy.ext.asyncio import AsyncEngine

        return AsyncEngine(engine).dispose()
    return engine.dispose()


adapter = Engines()
