"""SQLModel: tables and mappers of models.

The registry is the library's own, so every model adds to it. Models name each other in
relationships and foreign keys: when one is defined again, all are, as in a cold start.
(Models below a declarative base of the program's own need no adapter: the base is the
program's object, and what is defined below it is defined again with it.)
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from . import Adapter

TABLE, MAPPER = "table", "mapper"


class Models(Adapter):
    library = "sqlmodel"
    together = True

    def types(self) -> tuple[type, ...]:
        from sqlalchemy.orm import clsregistry
        from sqlmodel import SQLModel
        from sqlmodel.main import default_registry

        self.registry, self.metadata = default_registry, SQLModel.metadata
        # By name, for relationships; the function has a new name since 2.1.
        self.add_class = getattr(clsregistry, "_add_class", None) or (
            clsregistry.add_class
        )
        return ()  # a MetaData that a statement makes is the statement's

    def anchors(self) -> tuple[object, ...]:
        return (self.metadata,)

    def look(self) -> dict[Hashable, Any]:
        found: dict[Hashable, Any] = {
            (TABLE, key): table for key, table in self.metadata.tables.items()
        }
        for manager in list(self.registry._managers):
            cls = manager.class_
            found[MAPPER, f"{cls.__module__}.{cls.__qualname__}"] = manager
        return found

    def put(self, place: Any, value: Any) -> None:
        self.remove(place)
        if place[0] == TABLE:
            self.metadata._add_table(value.name, value.schema, value)
        else:
            self.registry._managers[value] = True
            cls = value.class_
            self.add_class(cls.__name__, cls, self.registry._class_registry)

    def remove(self, place: Any) -> None:
        kind, key = place
        if kind == TABLE:
            table = self.metadata.tables.get(key)
            if table is not None:
                self.metadata.remove(table)
            return
        manager = self.look().get(place)
        if manager is not None:
            del self.registry._managers[manager]
            self.registry._dispose_cls(manager.class_)

    def owner(self, place: Any) -> object | None:
        return self.metadata if place[0] == TABLE else None


adapter = Models()
