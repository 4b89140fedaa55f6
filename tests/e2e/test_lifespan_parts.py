"""Lifespans that are made of parts, or that shape their application; startups that
fail. Each run of edits ends where a cold start of the files does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import apps
from .conftest import Serve
from .harness import Server

PART = """\
from contextlib import asynccontextmanager

from fastapi import APIRouter

import journal


@asynccontextmanager
async def lifespan(app):
    journal.note("NAME-up")
    yield {"NAME": 1}
    journal.note("NAME-down")


router = APIRouter(lifespan=lifespan)


@router.get("/NAME")
async def NAME():
    return "NAME 1"
"""
PARTS = {
    "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

import inner
import journal
import left
import right


@asynccontextmanager
async def lifespan(app):
    journal.note("main-up")
    async with inner.app.router.lifespan_context(inner.app) as state:
        app.mount("/inner", inner.app)
        yield {"main": 1, **state}
    journal.note("main-down")


app = FastAPI(lifespan=lifespan)
app.include_router(left.router)
app.include_router(right.router)


@app.get("/")
async def state(request: Request):
    return dict(sorted(request.scope["state"].items()))
""",
    "left.py": PART.replace("NAME", "left"),
    "right.py": PART.replace("NAME", "right"),
    "inner.py": PART.replace("NAME", "inner")
    .replace("APIRouter(", "FastAPI(")
    .replace("APIRouter", "FastAPI")
    .replace("router", "app"),
    "journal.py": apps.JOURNAL,
}
PATHS = ("/", "/left", "/right", "/inner/inner", "/added", "/openapi.json")


def answers(server: Server) -> list[tuple[int, str]]:
    found = [server.get(path) for path in PATHS]
    return [(answer.status, answer.text) for answer in found]


def cold(
    make_server: Callable[[Mapping[str, str]], Server], server: Server
) -> tuple[list[tuple[int, str]], list[str]]:
    """What a new process answers and notes at its start."""
    names = [path.name for path in server.folder.glob("*.py")]
    fresh = make_server({name: server.read(name) for name in names}).start()
    return answers(fresh), fresh.journal


def test_lifespans_of_routers_and_mounted_applications_are_one(
    serve: Serve, make_server: Callable[[Mapping[str, str]], Server]
) -> None:
    server = serve(PARTS)
    up = server.journal
    assert sorted(up) == ["inner-up", "left-up", "main-up", "right-up"]
    # What the lifespan does not read: it is kept, and so is what it has mounted.
    for part in ("left", "right", "inner"):
        server.edit(f"{part}.py", f'"{part} 1"', f'"{part} 2"')
        path = "/inner/inner" if part == "inner" else f"/{part}"
        assert server.get(path).json == f"{part} 2"
    server.edit("main.py", "\n\n@app.get", '\n\n@app.get("/added")\n@app.get')
    assert server.get("/added").status == 200
    down = [word.replace("up", "down") for word in reversed(up)]
    # Only a merged lifespan, as FastAPI has it, can be started anew.
    for part in ("left", "right", "inner", "main"):
        before = len(server.journal)
        server.edit(f"{part}.py", f'{{"{part}": 1', f'{{"{part}": 2')
        assert server.get().json[part] == 2
        assert server.get("/inner/inner").json == "inner 2"
        assert server.journal[before:] == down + up, part
    assert (answers(server), up) == cold(make_server, server)
    assert server.stop() == 0
    assert server.journal[-len(down) :] == down


def test_a_lifespan_is_moved_kept_and_restarted_twenty_times(serve: Serve) -> None:
    server = serve(PARTS)
    up = server.journal
    down = [word.replace("up", "down") for word in reversed(up)]
    for number in range(1, 21):
        server.edit("left.py", f'"left {number}"', f'"left {number + 1}"')
        assert server.get("/left").json == f"left {number + 1}"
        kind = number % 3
        if kind == 1:  # another application object, the lifespan goes on
            server.edit("main.py", "FastAPI(", "FastAPI(debug=False, ")
        elif kind == 2:
            server.edit("main.py", "FastAPI(debug=False, ", "FastAPI(")
        else:
            server.edit("right.py", '"right": ', f'"n{number}": 1, "right": ')
            assert server.get().json[f"n{number}"] == 1
        assert server.get("/inner/inner").json == "inner 1"
    assert server.journal[:4] == up
    rounds, rest = divmod(len(server.journal) - 4, 8)
    assert rest == 0 and server.journal[4:] == (down + up) * rounds
    assert server.stop() == 0
    assert server.journal[-4:] == down


FACTORY = {
    "journal.py": apps.JOURNAL,
    "settings.py": "class Settings:\n    name = 'a'\n\n\nsettings = Settings()\n",
    "setup.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal


def make_lifespan(settings, tables, pool=None):
    async def open():
        journal.note(f"up-{settings.name}-{tables}")

    @asynccontextmanager
    async def lifespan(app):
        app.state.pool = pool
        await open()
        yield
        journal.note("down")

    return lifespan


def create_app(router, settings, tables=True, pool=None):
    app = FastAPI(lifespan=make_lifespan(settings, tables, pool))
    app.include_router(router)
    return app
""",
    "routes.py": """\
from fastapi import APIRouter, Request

router = APIRouter()


@router.get("/")
async def root(request: Request, number: int = 1):
    return [number, request.app.state.pool]
""",
    "main.py": """\
from routes import router
from settings import settings
from setup import create_app

app = create_app(router, settings)
""",
}


def test_a_factory_makes_the_same_lifespan_again_and_the_one_that_runs_goes_on(
    serve: Serve,
) -> None:
    server = serve(FACTORY)
    assert server.get().json == [1, None]
    server.edit("routes.py", "= 1", "= 2")
    assert server.get().json == [2, None]
    server.edit("setup.py", "app.include", "app.title = 'Shop'\n    app.include")
    assert server.get().json == [2, None]
    assert server.journal == ["up-a-True"]
    [first, second] = server.reloads(2)
    assert "lifespan" in first.kept and "lifespan" in second.kept


def test_a_factory_that_gives_its_lifespan_something_else(serve: Serve) -> None:
    server = serve(FACTORY)
    server.edit("main.py", "settings)", "settings, False)")
    assert server.get().json == [1, None]
    assert server.journal == ["up-a-True", "down", "up-a-False"]
    server.edit("main.py", "False)", "False, [5])")  # an object of its own each time
    assert server.get().json == [1, [5]]
    server.edit("main.py", "[5])", "[6])")
    assert server.get().json == [1, [6]]
    assert server.journal[3:] == ["down", "up-a-False"] * 2
    server.edit("settings.py", "'a'", "'b'")
    assert server.get().json == [1, [6]]
    assert server.journal[-2:] == ["down", "up-b-False"]


GATE = """\
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal


@asynccontextmanager
async def lifespan(app):
    if os.path.exists("closed"):
        raise OSError("the gate is closed")
    journal.note("up-1")
    yield
    journal.note("down")


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root():
    return 1
"""


def test_the_server_stays_when_neither_startup_works_any_more(serve: Serve) -> None:
    server = serve({"main.py": GATE, "journal.py": apps.JOURNAL})
    server.write("closed", "")
    server.edit("main.py", "up-1", "up-2")
    assert server.get().status == 503
    server.until_log("The old application does not start again either.")
    server.edit("main.py", "return 1", "return 2")
    assert server.get().status == 503
    (server.folder / "closed").unlink()
    server.edit("main.py", "return 2", "return 3")
    answer = server.get()
    assert (answer.status, answer.text) == (200, "3")
    assert server.journal == ["up-1", "down", "up-2"]
    assert server.stop() == 0
    assert server.journal == ["up-1", "down", "up-2", "down"]


ONCE = {
    "main.py": """\
import bus
from words import WORD


async def lifespan(receive, send):
    await receive()
    try:
        bus.connect(WORD)
    except Exception:
        await send({"type": "lifespan.startup.failed"})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": WORD.encode()})
""",
    "words.py": "WORD = 'a'\n",
    "libraries/site-packages/bus.py": """\
connected = []


def connect(name):
    if name == "wrong":
        raise ValueError("no such bus")
    if connected:
        raise RuntimeError("connected already")
    connected.append(name)
""",
}


def test_a_startup_that_works_once_in_a_process(serve: Serve) -> None:
    """What only a first startup can do, a new process does; what that cannot do
    either, no other one is tried for."""
    server = serve(ONCE, env=apps.SHARED_ENV)
    assert server.get().text == "a"
    server.edit("words.py", "'a'", "'b'")
    assert server.get().text == "b"
    server.until_log("a second startup in one process fails: RuntimeError: connected")
    server.edit("words.py", "'b'", "'wrong'")
    assert server.get().status == 503
    server.edit("main.py", '"status": 200', '"status": 201')
    assert server.get().status == 503
    assert server.log.count("restarting") == 2
    server.edit("words.py", "'wrong'", "'c'")
    assert server.get().status == 201
    assert server.log.count("restarting") == 2
