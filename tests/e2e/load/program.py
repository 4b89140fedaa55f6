"""The program of the load test, and the saves that are made of it.

A FastAPI application with settings, a model, a metric, tables of SQLModel and of
SQLAlchemy, a lifespan, WebSockets and streams. Each kind of edit owns a number in one
file, which its saves count up; where it shows is part of the kind, so that a client can
tell a fresh answer from a stale one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

from .. import apps


@dataclass
class Save:
    began: float  # perf_counter, before the file was opened
    closed: float
    version: int


@dataclass
class Kind:
    """One kind of edit, and the request that shows it."""

    name: str  # also the placeholder in the file
    file: str
    path: str  # {} is the version, where the edit moves the route
    before: str = "version"  # what stands before the number in the answer
    saves: list[Save] = field(default_factory=list)
    shown: int = 0  # the newest version that an answer showed

    @property
    def version(self) -> int:
        return self.saves[-1].version

    @property
    def moves(self) -> bool:
        return "{}" in self.path


def kinds() -> list[Kind]:
    return [
        Kind("handler", "items.py", "/handler"),
        Kind("constant", "settings.py", "/constant"),
        Kind("route", "items.py", "/route/{}"),
        Kind("model", "predict.py", "/predict"),
        Kind("lifespan", "main.py", "/lifespan"),
        Kind("metric", "metrics.py", "/metrics", "shop_sold_total Sold "),
        Kind("table", "tables.py", "/table"),
        Kind("orm", "orders.py", "/orders"),
        Kind("word", "words.py", "/word"),
        Kind("syntax", "broken.py", "/broken"),
    ]


# An edit of this one needs a new process.
RESTART = Kind("level", "limits.py", "/level")


class Program:
    """The files, and which version of each kind they hold."""

    def __init__(self, folder: Path, restarts: bool = False) -> None:
        self.kinds = [replace(RESTART, saves=[])] if restarts else kinds()
        self._folder = folder
        self._broken = False
        self._count = 0
        now = time.perf_counter()
        for kind in self.kinds:
            kind.saves.append(Save(now, now, 0))

    def files(self) -> dict[str, str]:
        return {name: self._text(name) for name in FILES}

    @property
    def cycle(self) -> int:
        """Saves until the files are as before but for the numbers."""
        return len(self.kinds) + 1

    @property
    def applied(self) -> bool:
        """Whether answers showed all saves. One that is not yet applied when a syntax
        error is saved may wait for its fix: to the server the two can be one change."""
        return all(kind.shown == kind.version for kind in self.kinds)

    @property
    def breaks_next(self) -> bool:
        """Whether the next edit is the syntax error."""
        return self._next.name == "syntax" and not self._broken

    @property
    def _next(self) -> Kind:
        return self.kinds[self._count % len(self.kinds)]

    def save(self) -> Kind:
        """The next edit, and its kind. A syntax error, which changes no answer, is an
        edit of its own; the next one mends it, for until then nothing is applied."""
        kind = self._next
        if self.breaks_next:
            self._broken = True
            self._put(kind.file, self._text(kind.file) + "def oops(:\n")
            return kind
        self._broken = False
        self._count += 1
        self._write(kind, kind.version + 1)
        return kind

    def mend(self) -> None:
        """Leave nothing broken behind: that file first, as until then nothing shows."""
        for kind in sorted(self.kinds, key=lambda kind: kind.name != "syntax"):
            self._write(kind, kind.version + 1)

    def _write(self, kind: Kind, version: int) -> None:
        began = time.perf_counter()
        self._put(kind.file, self._text(kind.file, {kind.name: version}))
        kind.saves.append(Save(began, time.perf_counter(), version))

    def _put(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def _text(self, name: str, newer: dict[str, int] | None = None) -> str:
        versions = dict.fromkeys([kind.name for kind in (*kinds(), RESTART)], 0)
        versions |= {kind.name: kind.version for kind in self.kinds} | (newer or {})
        return Template(FILES[name]).substitute(versions)


FILES = {
    "journal.py": apps.JOURNAL,
    "census.py": """\
import ctypes
import gc
import re
import sys
from types import CodeType, FunctionType

from fastapi import APIRouter

router = APIRouter()
for number in range(512):  # what re keeps: each new path of a route is one
    re.compile(f"^/route/(?P<version>{number})$$")


def codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from codes(const)


class MallocInfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks "
        "fordblks keepcost".split()
    ]


def malloc_in_use():
    # mallinfo(3): glibc 2.33 and later have it. KiB in use, not what is kept free.
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return {}
    mallinfo.restype = MallocInfo
    info = mallinfo()
    return {"malloc KiB": (info.uordblks + info.hblkhd) // 1024}


@router.get("/census")
async def census():
    while gc.collect():
        pass
    objects = gc.get_objects()
    functions = [o for o in objects if type(o) is FunctionType]
    return malloc_in_use() | {
        "functions": len(functions),
        "classes": sum(isinstance(o, type) for o in objects),
        "codes": len({id(c) for f in functions for c in codes(f.__code__)}),
        "objects": len(objects),
        "blocks": sys.getallocatedblocks(),
    }
""",
    **apps.SHARED,
    "limits.py": """\
import shared
from fastapi import APIRouter

log = shared.get("q")
log.set_level($level)
router = APIRouter()


@router.get("/level")
async def level():
    return {"version": log.level}
""",
    "settings.py": "LIMIT = $constant\n",
    "words.py": """\
def word():
    return "version $word"
""",
    "broken.py": """\
def number():
    return $syntax
""",
    "items.py": """\
from fastapi import APIRouter

from broken import number
from settings import LIMIT
from words import word

router = APIRouter()


@router.get("/handler")
async def handler():
    return {"version": $handler}


@router.get("/constant")
def constant(limit: int = LIMIT):
    return {"version": limit}


@router.get("/route/$route")
async def route():
    return {"version": $route}


@router.get("/word")
async def one_word():
    return word()


@router.get("/broken")
async def broken():
    return {"version": number()}
""",
    "predict.py": """\
from fastapi import APIRouter


class Model:
    def __init__(self, weight):
        self.weight = weight


model = Model($model)
router = APIRouter()


@router.get("/predict")
async def predict():
    return {"version": model.weight}
""",
    "metrics.py": """\
from fastapi import APIRouter, Response
from prometheus_client import Counter, generate_latest

SEEN = Counter("shop_seen", "Seen.")
SOLD = Counter("shop_sold", "Sold $metric")
router = APIRouter()


@router.get("/metrics")
async def metrics():
    SEEN.inc()
    return Response(generate_latest())
""",
    "tables.py": """\
from sqlmodel import Field, SQLModel


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    version: int = $table
""",
    "orders.py": """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=$orm)
""",
    "main.py": """\
import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel, create_engine, select

import census
import items
import journal
import limits
import metrics
import predict
from orders import Base, Order
from tables import Team
from words import word

engine = create_engine(
    "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
)


@asynccontextmanager
async def lifespan(app):
    journal.note("startup")
    for metadata in (SQLModel.metadata, Base.metadata):
        metadata.drop_all(engine)
        metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Team(), Order()])
        session.commit()
    yield {"version": $lifespan}
    journal.note("shutdown")


app = FastAPI(lifespan=lifespan)
for part in (census, items, limits, metrics, predict):
    app.include_router(part.router)


@app.get("/lifespan")
async def of_lifespan(request: Request):
    return {"version": request.state.version}


@app.get("/table")
async def table():
    with Session(engine) as session:
        return session.scalars(select(Team)).one()


@app.get("/orders")
async def orders():
    with Session(engine) as session:
        return {"version": session.scalars(select(Order)).one().version}


@app.websocket("/socket")
async def socket(websocket: WebSocket):
    await websocket.accept()
    async for _ in websocket.iter_text():
        await websocket.send_text(word())


@app.get("/stream")
async def stream():
    async def lines():
        while True:
            yield word() + "\\n"
            await asyncio.sleep(0.5)

    return StreamingResponse(lines())
""",
}
