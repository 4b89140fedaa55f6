"""logging: levels, handlers, filters, `propagate` and `disabled` of each logger, and
logging.disable(); so basicConfig() and dictConfig() too."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from typing import Any

from . import Adapter

PLAIN = {"level": logging.NOTSET, "propagate": True, "disabled": False}
LISTS = ("handlers", "filters")
SHOWN = {
    "level": ("level", "isEnabledFor", "getEffectiveLevel"),
    "propagate": ("propagate", "hasHandlers"),
    "disabled": ("disabled", "isEnabledFor"),
    "handlers": ("handlers", "hasHandlers"),
    "filters": ("filters",),
    "disable": ("disable", "isEnabledFor"),
}


class Loggers(Adapter):
    library = "logging"
    ordered = True

    def types(self) -> tuple[type, ...]:
        return (logging.Logger,)

    def __init__(self) -> None:
        self.size = 0
        self.loggers: list[tuple[str, dict[str, Any]]] = []  # with their attributes
        self.awaited: list[str] = []  # places of loggers that do not exist yet

    def look(self) -> dict[Hashable, Any]:
        manager = logging.root.manager
        known = manager.loggerDict
        if len(known) != self.size or any(
            isinstance(known.get(name), logging.Logger) for name in self.awaited
        ):
            self._find(dict(known))
        found: dict[Hashable, Any] = {}
        _look_at("", logging.root.__dict__, found)
        for name, values in self.loggers:
            if (
                values["level"]
                or values["handlers"]
                or values["filters"]
                or values["disabled"]
                or not values["propagate"]
            ):
                _look_at(name, values, found)
        if manager.disable:
            found["disable"] = manager.disable
        return found

    def _find(self, known: dict[str, Any]) -> None:
        self.size = len(known)
        self.loggers, self.awaited = [], []
        for name, logger in known.items():
            if isinstance(logger, logging.Logger):
                self.loggers.append((name, logger.__dict__))
            else:
                self.awaited.append(name)

    def put(self, place: Any, value: Any) -> None:
        if place == "disable":
            logging.root.manager.disable = value
            return
        name, what, *item = place
        logger = logging.getLogger(name)
        if item:
            items = getattr(logger, what)
            if item[0] not in items:
                items.append(item[0])
            return
        if what == "level":
            try:
                logger.setLevel(value)  # forgets what it remembered to be enabled
            except (TypeError, ValueError):
                logger.level = value  # as the program had stored it
        else:
            setattr(logger, what, value)

    def remove(self, place: Any) -> None:
        if place == "disable":
            self.put(place, 0)
            return
        name, what, *item = place
        if not item:
            self.put(place, PLAIN[what])
            return
        items = getattr(logging.getLogger(name), what)
        if item[0] in items:
            items.remove(item[0])

    def arrange(self, places: Sequence[Any]) -> None:
        ordered: dict[tuple[str, str], list[Any]] = {}
        for place in places:
            if place != "disable" and len(place) == 3:
                ordered.setdefault(place[:2], []).append(place[2])
        for (name, what), items in ordered.items():
            there = getattr(logging.getLogger(name), what)
            own = [item for item in there if item not in items]
            there[:] = own + [item for item in items if item in there]

    def owner(self, place: Any) -> object | None:
        if place == "disable":
            return None
        if place[0] == "":  # basicConfig() looks whether root has handlers
            return logging
        return logging.getLogger(place[0])

    def names(self, place: Any) -> tuple[str, ...]:
        return SHOWN[place if place == "disable" else place[1]]

    def doubt(self, place: Any, before: Any, after: Any) -> str | None:
        if place[1:] == ("disabled",) and after and not before:
            return f"logger {place[0]} is disabled: a cold start may make it later"
        return None


def _look_at(name: str, values: dict[str, Any], found: dict[Hashable, Any]) -> None:
    for what, plain in PLAIN.items():
        if values.get(what, plain) != plain:
            found[name, what] = values[what]
    for what in LISTS:
        for item in values[what]:
            found[name, what, item] = True


adapter = Loggers()
