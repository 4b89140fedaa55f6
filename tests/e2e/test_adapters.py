"""Libraries' registries in a real server: an application with metrics, models and
logging is edited, and never restarts."""

from __future__ import annotations

from . import apps
from .conftest import Serve

MAIN = """\
import logging
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from prometheus_client import Counter, generate_latest
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select

import journal

logging.basicConfig(level=logging.INFO)
SEEN = Counter("shop_seen", "Seen.")
SOLD = Counter("shop_sold", "Sold.")


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")


engine = create_engine(
    "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
)


@asynccontextmanager
async def lifespan(app):
    journal.note("startup")
    SQLModel.metadata.drop_all(engine)
    SQLModel.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/metrics")
async def metrics():
    SEEN.inc()
    return Response(generate_latest())


@app.get("/heroes")
def heroes() -> list[Hero]:
    with Session(engine) as session:
        session.add(Hero(name="A", team=Team()))
        session.commit()
        return session.exec(select(Hero)).all()


@app.get("/loggers")
def loggers():
    root = logging.getLogger()
    return {"level": root.level, "handlers": len(root.handlers)}
"""
FILES = {"main.py": MAIN, "journal.py": apps.JOURNAL}


def values(text: str) -> dict[str, float]:
    lines = [line.split() for line in text.splitlines() if line.startswith("shop_")]
    return {name: float(value) for name, value in lines if "_created" not in name}


def test_metrics_models_and_logging_are_edited_without_a_restart(serve: Serve) -> None:
    server = serve(FILES)
    assert [hero["id"] for hero in server.get("/heroes").json] == [1]
    for number in range(20):
        old = "Sold." if number == 0 else f"Sold {number - 1}."
        server.edit("main.py", f'"{old}"', f'"Sold {number}."')
        text = server.get("/metrics").text
        assert f"# HELP shop_sold_total Sold {number}." in text
        assert values(text) == {"shop_seen_total": number + 1, "shop_sold_total": 0}
        assert text.index("shop_seen_total") < text.index("shop_sold_total")
    assert server.journal == ["startup"]
    for number in range(3):
        server.edit(
            "main.py", "    name: str\n", f"    name: str\n    n{number}: int = 7\n"
        )
        [hero] = server.get("/heroes").json
        assert hero[f"n{number}"] == 7
    assert server.journal == ["startup"] * 4
    for level in (10, 20, 30):
        old = "logging.INFO" if level == 10 else str(level - 10)
        server.edit("main.py", f"level={old})", f"level={level})")
        assert server.get("/loggers").json == {"level": level, "handlers": 1}
    assert values(server.get("/metrics").text)["shop_seen_total"] == 21
    server.edit("main.py", "logging.basicConfig(level=30)\n", "")
    assert server.get("/loggers").json == {"level": 30, "handlers": 0}
    assert "restarting" not in server.log
