"""SQLAlchemy: tables that a lifespan's startup created in a SQLite database in memory.
They are part of this process: a cold start makes them anew, and so does the lifespan
that takes this one's place. What statements create needs no help: the engine of the
database is the program's object."""

from __future__ import annotations

import weakref
from typing import Any

from . import Adapter, CannotWithdraw

Place = tuple[Any, str]  # a weak reference to an engine, the name of a table


class Tables(Adapter):
    library = "sqlalchemy.sql.schema"
    blind = True

    def __init__(self) -> None:
        self.there: dict[Place, Any] = {}

    def types(self) -> tuple[type, ...]:
        from sqlalchemy import event
        from sqlalchemy.sql.schema import Table

        event.listen(Table, "after_create", self.created)
        event.listen(Table, "after_drop", self.dropped)
        return ()

    def created(self, table: Any, connection: Any, **_: Any) -> None:
        if is_in_memory(connection.engine):
            self.there[weakref.ref(connection.engine), table.key] = table

    def dropped(self, table: Any, connection: Any, **_: Any) -> None:
        self.there.pop((weakref.ref(connection.engine), table.key), None)

    def drop(self, places: set[Place]) -> None:
        """Raises CannotWithdraw."""
        for place in places & self.there.keys():
            engine, table = place[0](), self.there.pop(place)
            if engine is not None:  # else its database went with it
                drop(engine, table)


def is_in_memory(engine: Any) -> bool:
    database = engine.url.database or ":memory:"
    return engine.dialect.name == "sqlite" and (
        database == ":memory:" or "mode=memory" in database
    )


def drop(engine: Any, table: Any) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    if engine.dialect.is_async:
        raise CannotWithdraw(f"table {table.key} is in a database in memory")
    try:
        with engine.connect() as connection:
            keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
            connection.exec_driver_sql("PRAGMA foreign_keys=0")  # in any order
            try:
                table.drop(connection)
                connection.commit()
            finally:
                connection.exec_driver_sql(f"PRAGMA foreign_keys={keys}")
    except SQLAlchemyError as exc:
        raise CannotWithdraw(f"table {table.key} is in use") from exc


adapter = Tables()
