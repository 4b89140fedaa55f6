"""loguru: sinks, levels, the patcher, what is extra, and which modules are enabled."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from . import Adapter, CannotWithdraw, End

SINK, LEVEL, EXTRA, PATCHER, ACTIVE = "sink", "level", "extra", "patcher", "active"
NONE = "activation_none"  # loggers of no module


class Sinks(Adapter):
    library = "loguru"
    ordered = True

    def __init__(self) -> None:
        self.withdrawn: dict[int, Any] = {}

    def types(self) -> tuple[type, ...]:
        from loguru import logger

        self.core: Any = logger._core  # type: ignore[attr-defined]
        return ()

    def look(self) -> dict[Hashable, Any]:
        core = self.core
        found: dict[Hashable, Any] = {(SINK, i): h for i, h in core.handlers.items()}
        for name, level in core.levels.items():
            found[LEVEL, name] = level, core.levels_ansi_codes[name]
        for name, value in core.extra.items():
            found[EXTRA, name] = value
        if core.patcher:
            found[PATCHER, None] = core.patcher
        found[ACTIVE, None] = (tuple(core.activation_list), getattr(core, NONE, True))
        return found

    def put(self, place: Any, value: Any) -> None:
        core, (what, name) = self.core, place
        with core.lock:
            if what == SINK:
                if value._stopped and value._enqueue:
                    raise CannotWithdraw("the thread of a sink has ended")
                value._stopped = False
                self.withdrawn.pop(name, None)
                self._set({**core.handlers, name: value})
            elif what == LEVEL:
                level, core.levels_ansi_codes[name] = value
                core.levels[name] = level
                core.levels_lookup[name] = name, name, level.no, level.icon
                for handler in core.handlers.values():
                    handler.update_format(name)
            elif what == EXTRA:
                core.extra[name] = value
            elif what == PATCHER:
                core.patcher = value
            else:
                modules, others = value
                core.activation_list, core.enabled = [*modules], {}
                if hasattr(core, NONE):
                    setattr(core, NONE, others)

    def remove(self, place: Any) -> None:
        core, (what, name) = self.core, place
        with core.lock:
            if what == SINK:
                handlers = core.handlers.copy()
                if handler := handlers.pop(name, None):
                    self.withdrawn[name] = handler
                    self._set(handlers)
            elif what == LEVEL:
                for levels in (core.levels, core.levels_ansi_codes, core.levels_lookup):
                    levels.pop(name, None)
            elif what == EXTRA:
                core.extra.pop(name, None)
            elif what == PATCHER:
                core.patcher = None

    def arrange(self, places: Sequence[Any]) -> None:
        handlers = self.core.handlers.copy()
        for _, name in [place for place in places if place[0] == SINK]:
            if name in handlers:
                handlers[name] = handlers.pop(name)
        with self.core.lock:
            self._set(handlers)

    def _set(self, handlers: dict[int, Any]) -> None:
        least = min((h.levelno for h in handlers.values()), default=float("inf"))
        self.core.min_level, self.core.handlers = least, handlers

    def retired(self) -> list[End]:
        gone, self.withdrawn = self.withdrawn, {}
        return [handler.stop for handler in gone.values() if not handler._stopped]


adapter = Sinks()
