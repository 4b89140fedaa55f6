"""SQLAlchemy's asynchronous engine over aiosqlite: twenty edits in a row, and what they
leave is what a new process has."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from string import Template

from .conftest import Serve
from .harness import Server, until

EDITS = 4 if os.environ.get("HMR_SANITIZER") else 20
FILES = {
    "db.py": """\
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

TIMEOUT = $timeout
engine = create_async_engine(
    "sqlite+aiosqlite:///shop.db", connect_args={"timeout": TIMEOUT}
)
Session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


async def get_session():
    async with Session() as session:
        yield session
""",
    "models.py": """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db import Base


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[list["Item"]] = relationship(back_populates="owner")


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=$column)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="items")

    def label(self):
        return f"$method {self.number}"
""",
    "main.py": """\
import asyncio
import os
import threading
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

import db
from db import Base, engine, get_session
from models import Item, Owner


@asynccontextmanager
async def lifespan(app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
QUERY = select(Owner).options(selectinload(Owner.items)).where(Owner.id > 0)


@app.get("/create")
async def create(session: AsyncSession = Depends(get_session)):
    session.add(Owner(items=[Item(), Item()]))
    await session.commit()
    owners = (await session.scalars(QUERY)).all()
    labels = {item.label() for owner in owners for item in owner.items}
    await session.close()  # before the answer: an edit may follow at once
    return [$handler, len(owners), sorted(labels), db.TIMEOUT]


@app.get("/left")
async def left():
    tables = Base.metadata.tables
    files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
             if os.path.lexists(f"/proc/self/fd/{fd}")]
    counts = [threading.active_count(), len(asyncio.all_tasks())]
    return [sum(f.endswith("shop.db") for f in files), counts, sorted(tables)]
""",
}
# what is edited in turn
PARTS = {
    "column": "models.py",
    "handler": "main.py",
    "timeout": "db.py",
    "method": "models.py",
}


def text(name: str, now: Mapping[str, int]) -> str:
    return Template(FILES[name]).substitute(now)


def test_twenty_edits_of_an_asynchronous_database(
    serve: Serve, make_server: Callable[[Mapping[str, str]], Server]
) -> None:
    now = {part: 100 * i for i, part in enumerate(PARTS, 1)}
    server = serve({name: text(name, now) for name in FILES})
    client = server.client()
    assert client.get("/create").json == [200, 1, ["400 100"], 300]
    for number in range(EDITS):
        part, name = list(PARTS.items())[number % len(PARTS)]
        now[part] += 1
        server.write(name, text(name, now))
        got = client.get("/create")
        assert got.status == 200, server.log
        answer = got.json
        assert (answer[0], answer[3]) == (now["handler"], now["timeout"]), answer
        assert f"{now['method']} {now['column']}" in answer[2], answer
    assert "restarting" not in server.log and "ERROR" not in server.log
    fresh = make_server({name: text(name, now) for name in FILES}).start()
    assert fresh.get("/create").status == 200
    until(
        lambda: server.get("/left").json == fresh.get("/left").json,
        "as many files, threads and tasks as in a new process",
    )
    assert server.stop() == 0
