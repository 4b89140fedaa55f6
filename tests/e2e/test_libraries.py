"""Libraries that remember what a program tells them: each is edited twenty times in a
row, and ends where a new process with the same files does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from string import Template
from typing import Any

from . import apps
from .conftest import Serve
from .harness import Server

FIRST = 1001  # numbers that stand for nothing else
EDITS = 3 if os.environ.get("HMR_SANITIZER") else 20

# A module each. `shown()` says what the library makes of the number $n.
LIBRARIES = {
    "of_logging": """\
import logging
import logging.config

logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"all": {"name": ""}},
    "handlers": {"h": {"class": "logging.NullHandler", "filters": ["all"]}},
    "loggers": {"shop": {"level": $n, "handlers": ["h"], "propagate": False}},
})
log = logging.getLogger("shop.part")
log.setLevel($n + 5)
log.addHandler(logging.NullHandler(level=$n))


def shown():
    found = map(logging.getLogger, ("shop", "shop.part"))
    return [
        [each.level, each.propagate, [h.level for h in each.handlers]]
        for each in found
    ]
""",
    "of_sqlalchemy": """\
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session
from sqlalchemy.orm import mapped_column, relationship
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[list["Item"]] = relationship(back_populates="owner")


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=$n)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="items")


engine = create_engine("sqlite://", poolclass=StaticPool)


def shown():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Owner(items=[Item(), Item()]))
        session.commit()
        owner = session.scalars(select(Owner)).one()
        numbers = [item.number for item in owner.items]
    mappers = sorted(m.class_.__name__ for m in Base.registry.mappers)
    return [numbers, sorted(Base.metadata.tables), mappers]
""",
    "of_sqlmodel": """\
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    number: int = $n
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")


engine = create_engine("sqlite://", poolclass=StaticPool)


def shown():
    SQLModel.metadata.drop_all(engine)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Team(heroes=[Hero()]))
        session.commit()
        numbers = [hero.number for hero in session.exec(select(Hero))]
    return [numbers, sorted(SQLModel.metadata.tables)]
""",
    "of_prometheus": """\
from prometheus_client import Counter, Gauge, Histogram, generate_latest

other = Gauge("shop_other", "Other.")
sold = Counter("shop_sold", "Sold $n.", ["kind"])
took = Histogram("shop_took", "Took.", buckets=[1, $n])


def shown():
    sold.labels("a").inc(0)
    lines = generate_latest().decode().splitlines()
    return [line for line in lines if "shop_" in line and "_created" not in line]
""",
    "of_caches": """\
from functools import cache, lru_cache, partial

from cachetools import TTLCache, cached

RATE = $n
store = TTLCache(maxsize=9, ttl=600)


@lru_cache(maxsize=4)
def price(count):
    return count * RATE


@cached(store)
def total(count):
    return price(count) + 1


@cache
def name():
    return f"n{total(1)}"


one = partial(price, 1)


def shown():
    return [price(1), total(1), name(), one(), price.cache_info().currsize, len(store)]
""",
    "of_pydantic": """\
from pydantic import BaseModel, TypeAdapter, create_model, field_validator


class Inner(BaseModel):
    number: int = $n

    @field_validator("number")
    @classmethod
    def check(cls, value: int) -> int:
        return value + 0


class Outer(BaseModel):
    inner: Inner = Inner()
    more: list["Inner"] = []


adapter = TypeAdapter(list[Outer])
made = create_model("Made", __base__=Outer, own=(int, $n))


def shown():
    many = adapter.validate_python([Outer(more=[Inner()]), {"inner": Inner()}])
    return [adapter.dump_python(many), made().model_dump(), adapter.json_schema()]
""",
    "of_fastapi": """\
from fastapi import APIRouter, Depends, FastAPI, Query
from starlette.routing import Mount, Route
from starlette.responses import PlainTextResponse

router = APIRouter(prefix="/of-fastapi")
sub = FastAPI(title="sub $n")


def number(default: int = Query(default=$n)) -> int:
    return default


@router.get("/first/{x}", name="first-$n")
def first(x: int, n: int = Depends(number)) -> dict[str, int]:
    return {"x": x, "n": n}


@router.get("/second", tags=["t$n"])
def second() -> int:
    return 2


@sub.get("/deep")
def deep() -> int:
    return $n


async def plain(request):
    return PlainTextResponse("$n")


mounts = [Mount("/of-sub", sub), Route("/of-plain/$n", plain)]


def shown():
    return [[route.name, route.path] for route in (*router.routes, *sub.routes)]
""",
    "of_signal": """\
import os
import signal

seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append($n))
signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def shown():
    del seen[:]
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR2)
    return seen
""",
    "of_atexit": """\
import atexit

import journal

atexit.register(journal.note, "first")
atexit.register(journal.note, "bye-$n")


def shown():
    return $n
""",
    "of_apscheduler": """\
import threading

from apscheduler.schedulers.background import BackgroundScheduler


def job():
    return $n


scheduler = BackgroundScheduler()
scheduler.add_job(job, "interval", seconds=$n, id="a")


@scheduler.scheduled_job("cron", hour=3, id="b")
def other():
    return 2


scheduler.start()


def shown():
    jobs = [[j.id, str(j.trigger), j.func()] for j in scheduler.get_jobs()]
    names = sorted(t.name for t in threading.enumerate())
    return [sorted(jobs), [n for n in names if "APS" in n]]
""",
    "of_celery": """\
from celery import Celery, current_app, shared_task

celery = Celery("shop", broker="memory://", backend="cache+memory://")


@shared_task(name="shop.job-$n")
def job(number=$n):
    return number


@celery.task
def own(number=$n):
    return number


def shown():
    names = [name for name in current_app.tasks if name[:7] != "celery."]
    return [sorted(names), job.apply().get(), own.apply().get()]
""",
    "of_injector": """\
from dependency_injector import containers, providers, wiring
from dependency_injector.wiring import Provide, inject


class Kept:
    def __init__(self):
        self.number = $n


class Container(containers.DeclarativeContainer):
    kept = providers.Singleton(Kept)
    port = providers.Object($n)


@inject
def asked(limit=$n, kept=Provide[Container.kept], port=Provide["port"]):
    return [limit, kept.number, port]


container = Container()
container.wire(modules=[__name__])


def shown():
    functions = wiring._patched_registry._callables
    return [asked(), container.kept().number, len(functions)]
""",
    "of_settings": """\
import decimal
import os
import sys
import warnings

decimal.getcontext().prec = $n
sys.path.append("/nowhere/$n")
os.environ["SHOP_NUMBER"] = "$n"
os.environ.setdefault("SHOP_DEFAULT", "$n")
warnings.simplefilter("ignore", lineno=$n)


def shown():
    paths = [path for path in sys.path if path.startswith("/nowhere")]
    ours = {k: v for k, v in os.environ.items() if k.startswith("SHOP_")}
    return [decimal.getcontext().prec, paths, ours, [f[-1] for f in warnings.filters]]
""",
}
MAIN = """\
from fastapi import FastAPI
$imports

parts = {$parts}
app = FastAPI()
app.include_router(of_fastapi.router)
app.router.routes.extend(of_fastapi.mounts)


@app.get("/shown/{name}")
async def shown(name: str):
    return parts[name].shown()
"""
PATHS = ("/openapi.json", "/of-fastapi/first/1", "/of-fastapi/second", "/of-sub/deep")


def text(name: str, number: int) -> str:
    return Template(LIBRARIES[name]).safe_substitute(n=number)


def answers(server: Server, number: int) -> dict[str, Any]:
    paths = [*(f"/shown/{name}" for name in LIBRARIES), *PATHS, f"/of-plain/{number}"]
    found = {path: server.get(path) for path in paths}
    return {path: (got.status, json.loads(got.body)) for path, got in found.items()}


def test_twenty_edits_of_each_library_end_as_a_cold_start_does(
    serve: Serve, make_server: Callable[[Mapping[str, str]], Server]
) -> None:
    main = Template(MAIN).substitute(
        imports="\n".join(f"import {name}" for name in LIBRARIES),
        parts=", ".join(f"{name!r}: {name}" for name in LIBRARIES),
    )
    files = {"main.py": main, "journal.py": apps.JOURNAL}
    files |= {f"{name}.py": text(name, FIRST) for name in LIBRARIES}
    server = serve(files)
    client = server.client()
    for name in LIBRARIES:
        for number in range(FIRST + 1, FIRST + EDITS + 1):
            server.write(f"{name}.py", text(name, number))
            got = client.get(f"/shown/{name}")
            assert got.status == 200, (name, number, server.log)
            assert str(number) in got.text and str(number - 1) not in got.text, name
    last = FIRST + EDITS
    assert "restarting" not in server.log and "ERROR" not in server.log
    folder = {path.name: path.read_text() for path in server.folder.glob("*.py")}
    fresh = make_server(folder).start()
    assert answers(server, last) == answers(fresh, last)
    for each in (server, fresh):
        assert each.get(f"/of-plain/{last - 1}").status == 404
        assert each.stop() == 0
        assert each.journal == [f"bye-{last}", "first"]
