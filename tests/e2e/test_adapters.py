"""Libraries' registries in a real server: an application with metrics, models and
logging is edited, and never restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import apps
from .conftest import Serve
from .harness import Server

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


# ---- one of your own, from an installed package

BOARD = """\
PANELS = {}


def add(name, title):
    if name in PANELS:
        raise ValueError(f"panel {name} is there already")
    PANELS[name] = title
"""
BOARD_HMR = """\
from hmr_serve.adapters import Adapter


class Board(Adapter):
    library = "board"

    def look(self):
        import board

        return dict(board.PANELS)

    def put(self, place, value):
        import board

        board.PANELS[place] = value

    def remove(self, place):
        import board

        board.PANELS.pop(place, None)
"""
METADATA = "Metadata-Version: 2.1\nName: board\nVersion: 1\n"
ENTRY_POINTS = """\
[hmr_serve.adapters]
missing = board_missing:Board
raising = board_hmr:Adapter.look
pluggy-board = board_hmr:Board
"""
USES = """\
import board

board.add("a", "A0")


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(board.PANELS).encode()})
"""


def test_adapters_of_installed_packages_are_found_by_their_entry_points(
    make_server: Callable[[Mapping[str, str]], Server],
) -> None:
    server = make_server({"main.py": USES})
    installed = server.folder.parent / "installed"
    information = installed / "board-1.dist-info"
    information.mkdir(parents=True)
    (installed / "board.py").write_text(BOARD)
    (installed / "board_hmr.py").write_text(BOARD_HMR)
    (information / "METADATA").write_text(METADATA)
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    server.start(env={"PYTHONPATH": str(installed)})
    assert server.get().text == "{'a': 'A0'}"
    for number in range(20):
        server.edit("main.py", f"A{number}", f"A{number + 1}")
        assert server.get().text == f"{{'a': 'A{number + 1}'}}"
    server.edit("main.py", '"a"', '"b"')
    assert server.get().text == "{'b': 'A20'}"
    assert "restarting" not in server.log
    lines = [line for line in server.log.splitlines() if "is not used" in line]
    assert "The adapter missing (board_missing:Board) is not used: Modu" in lines[0]
    assert "The adapter raising (board_hmr:Adapter.look) is not used: " in lines[1]
    assert len(lines) == 2
