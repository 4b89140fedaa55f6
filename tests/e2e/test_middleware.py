"""Middleware is what its code says now: Starlette makes it once, before the startup."""

from __future__ import annotations

from . import apps
from .conftest import Serve
from .harness import Server

APP = {
    "journal.py": apps.JOURNAL,
    "limits.py": "LIMIT = 1\n\n\ndef limit():\n    return LIMIT\n",
    "stamps.py": """\
from starlette.middleware.base import BaseHTTPMiddleware

from limits import limit


class Stamp:
    def __init__(self, app, word):
        self.app = app
        self.word = word + " 1"

    async def __call__(self, scope, receive, send):
        async def stamped(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-stamp", self.word.encode()))
            await send(message)

        await self.app(scope, receive, stamped)


class Limit(BaseHTTPMiddleware):
    def __init__(self, app):
        super().__init__(app)
        self.limit = limit()

    async def dispatch(self, request, call_next, word="a"):
        answer = await call_next(request)
        answer.headers["x-limit"] = f"{word} {self.limit}"
        return answer
""",
    "inner.py": """\
from fastapi import FastAPI

from stamps import Limit

inner = FastAPI()
inner.add_middleware(Limit)


@inner.get("/")
async def root():
    return 1
""",
    "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal
from inner import inner
from stamps import Limit, Stamp


@asynccontextmanager
async def lifespan(app):
    journal.note("up")
    yield
    journal.note("down")


app = FastAPI(lifespan=lifespan)
app.add_middleware(Stamp, word="stamp")
app.add_middleware(Limit)
app.mount("/inner", inner)


@app.get("/")
async def root():
    return 1
""",
}


def headers(server: Server, path: str = "/") -> tuple[str | None, str | None]:
    answer = server.get(path)
    return answer.headers.get("x-stamp"), answer.headers.get("x-limit")


def test_an_edited_middleware_is_made_again_and_the_lifespan_goes_on(
    serve: Serve,
) -> None:
    server = serve(APP)
    assert headers(server) == ("stamp 1", "a 1")
    server.edit("stamps.py", '" 1"', '" 2"')  # __init__, its body
    assert headers(server) == ("stamp 2", "a 1")
    server.edit("limits.py", "return LIMIT", "return LIMIT + 1")  # that calls
    assert headers(server) == ("stamp 2", "a 2")
    server.edit("limits.py", "LIMIT = 1", "LIMIT = 5")
    assert headers(server) == ("stamp 2", "a 6")
    server.edit("stamps.py", 'word="a"', 'word="b"')  # a method that its instance keeps
    assert headers(server) == ("stamp 2", "b 6")
    server.edit("main.py", 'word="stamp"', 'word="more"')  # another application
    assert headers(server) == ("more 2", "b 6")
    server.edit("stamps.py", '" 2"', '" 3"')
    assert headers(server) == ("more 3", "b 6")
    server.edit("stamps.py", "async def dispatch(", "async def other(")
    assert server.get().status == 500
    server.edit("stamps.py", "async def other(", "async def dispatch(")
    assert headers(server) == ("more 3", "b 6")
    assert server.journal == ["up"]
    assert server.stop() == 0
    assert server.journal == ["up", "down"]


def test_a_middleware_that_another_edit_has_added(serve: Serve) -> None:
    server = serve(APP)
    server.edit("main.py", 'app.add_middleware(Stamp, word="stamp")\n', "")
    assert headers(server) == (None, "a 1")
    added = 'app.add_middleware(Stamp, word="stamp")\napp.mount'
    server.edit("main.py", "app.mount", added)
    assert headers(server) == ("stamp 1", "a 1")
    server.edit("stamps.py", '" 1"', '" 2"')
    assert headers(server) == ("stamp 2", "a 1")
    assert server.journal == ["up"]


def test_middleware_of_mounted_applications(serve: Serve) -> None:
    server = serve(APP)
    assert headers(server, "/inner/")[1] == "a 1"
    server.edit("stamps.py", "= limit()", "= limit() + 1")
    assert headers(server, "/inner/")[1] == "a 2"
    server.edit("stamps.py", 'word="a"', 'word="b"')
    assert headers(server, "/inner/")[1] == "b 2"
    assert server.journal == ["up"]


def test_a_middleware_that_fails_fails_as_at_a_start_until_it_is_mended(
    serve: Serve,
) -> None:
    server = serve(APP)
    server.edit("stamps.py", "= limit()", "= limit() / 0")
    assert server.get().status == 500
    server.edit("stamps.py", "= limit() / 0", "= limit()")
    assert headers(server) == ("stamp 1", "a 1")


def test_middleware_without_a_lifespan(serve: Serve) -> None:
    server = serve(APP, "--lifespan", "off")
    assert headers(server) == ("stamp 1", "a 1")
    server.edit("stamps.py", '" 1"', '" 2"')
    assert headers(server) == ("stamp 2", "a 1")
    assert server.journal == []
