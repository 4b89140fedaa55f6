"""Middleware that is edited: it becomes what a cold start builds, and the lifespan goes
on where its message came through as it was."""

from __future__ import annotations

from . import apps
from .conftest import Serve
from .harness import Server

FILES = {
    "journal.py": apps.JOURNAL,
    "around.py": """\
import journal

NAME = "one"


class Around:
    def __init__(self, app, prefix="p"):
        self.app = app
        self.prefix = prefix + NAME
        self.count = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.count += 1

        async def send_with(message):
            if message["type"] == "http.response.start":
                text = f"{self.prefix} {self.count}"
                message["headers"].insert(0, (b"x-around", text.encode()))
            await send(message)

        await self.app(scope, receive, send_with)
""",
    "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal
from around import Around


@asynccontextmanager
async def lifespan(app):
    journal.note("startup")
    yield {"pool": "open"}
    journal.note("shutdown")


inner = FastAPI()
inner.add_middleware(Around, prefix="inner ")
app = FastAPI(lifespan=lifespan)
app.add_middleware(Around)
app.mount("/inner", inner)


@app.get("/")
async def root():
    return 1


@inner.get("/")
async def inside():
    return 2
""",
}


def around(server: Server, path: str = "/") -> str:
    return server.get(path).headers["x-around"]


def test_an_edited_body_keeps_the_lifespan_and_what_the_middleware_holds(
    serve: Serve,
) -> None:
    server = serve(FILES)
    assert around(server) == "pone 1"
    server.edit("around.py", "self.count += 1", "self.count += 5")
    assert around(server) == "pone 6"
    server.edit("around.py", 'f"{self.prefix} {', 'f"{self.prefix}, {')
    assert around(server) == "pone, 11"
    assert server.journal == ["startup"]
    assert [line.restarted for line in server.reloads(2)] == [[], []]


def test_what_init_reads_builds_it_anew_and_keeps_the_lifespan(serve: Serve) -> None:
    server = serve(FILES)
    assert around(server) == "pone 1"
    server.edit("around.py", 'prefix="p"', 'prefix="q"')
    assert around(server) == "qone 1"
    server.edit("around.py", '"one"', '"two"')
    assert around(server) == "qtwo 1"
    server.edit("around.py", "prefix + NAME", "NAME + prefix")
    assert around(server) == "twoq 1"
    assert server.journal == ["startup"]
    assert [line.restarted for line in server.reloads(3)] == [["middleware"]] * 3


def test_that_of_a_mounted_application_is_built_anew(serve: Serve) -> None:
    server = serve(FILES)
    assert around(server, "/inner/") == "inner one 1"
    server.edit("around.py", '"one"', '"two"')
    assert around(server, "/inner/") == "inner two 1"
    assert around(server) == "ptwo 2"


def test_a_new_application_has_the_middleware_and_keeps_the_lifespan(
    serve: Serve,
) -> None:
    server = serve(FILES)
    assert around(server) == "pone 1"
    server.edit("main.py", "app.add_middleware(Around)", (
        "app.add_middleware(Around, prefix='new ')"
    ))  # fmt: skip
    assert around(server) == "new one 1"
    server.edit("around.py", '"one"', '"two"')
    assert around(server) == "new two 1"
    assert server.journal == ["startup"]


def test_one_that_looks_at_the_lifespan_restarts_it(serve: Serve) -> None:
    server = serve(FILES)
    at_once = "return await self.app(scope, receive, send)"
    told = "scope['state']['told'] = 1\n            " + at_once
    server.edit("around.py", at_once, told)
    assert server.get().status == 200
    assert server.journal == ["startup", "shutdown", "startup"]
    server.edit("around.py", "['told'] = 1", "['told'] = 2")
    assert server.get().status == 200
    assert server.journal == ["startup", "shutdown"] * 2 + ["startup"]
    server.edit("around.py", told.replace("1\n", "2\n"), at_once)
    assert server.get().status == 200
    assert server.journal == ["startup", "shutdown"] * 3 + ["startup"]
    server.edit("around.py", "self.count += 1", "self.count += 5")
    assert around(server) == "pone 6"
    assert server.journal == ["startup", "shutdown"] * 3 + ["startup"]


def test_one_that_cannot_be_made_answers_500_until_it_can(serve: Serve) -> None:
    server = serve(FILES)
    server.edit("around.py", "self.count = 0", "self.count = nothing")
    assert server.get().status == 500
    server.edit("around.py", "nothing", "7")
    assert around(server) == "pone 8"


def test_a_startup_that_gives_routes_a_dependency_runs_for_new_routes(
    serve: Serve,
) -> None:
    """As fastapi-pagination does."""
    files = {
        "library.py": """\
from fastapi import Depends, Response
from fastapi.dependencies.utils import get_parameterless_sub_dependant


def paging(response: Response, page: int = 1):
    response.headers["x-page"] = str(page)


def add_pages(app):
    for route in app.routes:
        if hasattr(route, "dependant"):
            found = get_parameterless_sub_dependant(
                depends=Depends(paging), path=route.path_format
            )
            route.dependant.dependencies.append(found)
""",
        "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

from library import add_pages


@asynccontextmanager
async def lifespan(app):
    add_pages(app)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root():
    return 1
""",
    }
    server = serve(files)
    assert server.get("/?page=2").headers["x-page"] == "2"
    new = '@app.get("/new")\nasync def new():\n    return 2\n\n\n@app.get("/")'
    server.edit("main.py", '@app.get("/")', new)
    assert server.get("/new?page=3").headers["x-page"] == "3"
    assert server.get("/?page=4").headers["x-page"] == "4"


def test_a_library_around_the_lifespan_runs_for_the_next_application(
    serve: Serve,
) -> None:
    """As fastapi-pagination does: it holds the application."""
    files = {
        "library.py": """\
from contextlib import asynccontextmanager


def add_pages(app):
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(_):
        for route in app.routes:
            route.name = "paged"
        async with inner(_) as state:
            yield state

    app.router.lifespan_context = lifespan
""",
        "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from library import add_pages


@asynccontextmanager
async def lifespan(app):
    yield


app = FastAPI(lifespan=lifespan)
add_pages(app)


@app.get("/")
async def root(request: Request):
    return sorted({each.name for each in app.routes})
""",
    }
    server = serve(files)
    assert server.get().json == ["paged"]
    new = '@app.get("/new")\nasync def new():\n    return 2\n\n\n@app.get("/")'
    server.edit("main.py", '@app.get("/")', new)
    assert server.get("/new").json == 2
    assert server.get().json == ["paged"]
