"""SQLAlchemy: tables that a statement or a startup created in a SQLite database in
memory. They are part of this process, and go with what created them; those in files
stay, as for a cold start."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from . import Adapter, CannotWithdraw


class Tables(Adapter):
    library = "sqlalchemy.sql.schema"

    def __init__(self) -> None:
        self.there: dict[Hashable, Any] = {}

    def types(self) -> tuple[type, ...]:
        from sqlalchemy import event
        from sqlalchemy.sql.schema import Table

        event.listen(Table, "after_create", self.created)
        event.listen(Table, "after_drop", self.dropped)
        return ()

    def created(self, table: Any, connection: Any, **_: Any) -> None:
        if is_in_memory(connection.engine):
            place = weakref.ref(connection.engine), table.key
            self.there = {**self.there, place: table}

    def dropped(self, table: Any, connection: Any, **_: Any) -> None:
        place = weakref.ref(connection.engine), table.key
        self.there = {p: t for p, t in self.there.items() if p != place}

    def look(self) -> dict[Hashable, Any]:
        return self.there

    def put(self, place: Any, value: Any) -> None:
        self.remove(place)
        engine = place[0]()
        if engine is not None:
            with connected(engine, place) as connection:
                value.create(connection)

    def remove(self, place: Any) -> None:
        engine, table = place[0](), self.there.get(place)
        if engine is None:  # its database went with it
            self.there = {p: t for p, t in self.there.items() if p != place}
        elif table is not None:
            with connected(engine, place) as connection:
                table.drop(connection)


def is_in_memory(engine: Any) -> bool:
    url = engine.url
    return engine.dialect.name == "sqlite" and (
        url.database in (None, "", ":memory:") or "mode=memory" in url.database
    )


@contextmanager
def connected(engine: Any, place: Any) -> Iterator[Any]:
    """A connection on which tables may be dropped in any order."""
    from sqlalchemy.exc import SQLAlchemyError

    if engine.dialect.is_async:
        raise CannotWithdraw(f"table {place[1]} is in a database in memory")
    try:
        with engine.connect() as connection:
            keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
            connection.exec_driver_sql("PRAGMA foreign_keys=0")
            try:
                yield connection
                connection.commit()
            finally:
                connection.exec_driver_sql(f"PRAGMA foreign_keys={keys}")
    except SQLAlchemyError as exc:
        raise CannotWithdraw(f"table {place[1]} is in use") from exc


adapter = Tables()
