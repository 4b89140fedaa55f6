"""The lifespan of applications of frameworks that we do not know, and of wrapped ones:
with another application object it starts anew, as in a cold start."""

from __future__ import annotations

from . import apps
from .conftest import Serve

# As Litestar and Quart: hooks, and what they leave in the application.
FRAMEWORK = """\
class Application:
    def __init__(self, routes, on_startup=()):
        self.routes, self.on_startup, self.state = routes, on_startup, {}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            for hook in self.on_startup:
                hook(self)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = str(self.routes[scope["path"]](self)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


class Wrapper:
    def __init__(self, app, name):
        self.app, self.name = app, name

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
"""
FOREIGN = """\
from framework import Application, Wrapper
import journal

def up(app):
    journal.note("up")
    app.state["x"] = 1

def index(app):
    return app.state

def other(app):
    return "one"

app = Application({"/": index}, [up])
"""
WRAPPED = """\
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
from framework import Wrapper
import journal

@asynccontextmanager
async def lifespan(app):
    journal.note("up")
    app.state.x = 1
    yield
    journal.note("down")

api = FastAPI(lifespan=lifespan)

@api.get("/")
async def index(request: Request):
    return request.app.state.x

app = Wrapper(Wrapper(api, "a"), "b")
"""

# As Quart: generators that run once, and a startup that fails and goes on to listen.
ONCE = """\
class Application:
    def __init__(self):
        self.x, self.generators = None, []

    def while_serving(self, function):
        self.generators.append(function())
        return function

    async def __call__(self, scope, receive, send):
        while scope["type"] == "lifespan":
            event = (await receive())["type"]
            try:
                for generator in self.generators:
                    if event == "lifespan.startup":
                        next(generator)
                    else:
                        generator.close()
            except Exception as error:
                await send({"type": f"{event}.failed", "message": str(error)})
            else:
                await send({"type": f"{event}.complete"})
        body = str(self.x).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""
SERVING = """\
from once import Application

app = Application()

@app.while_serving
def life():
    app.x = 1
    yield
"""
FILES = {"journal.py": apps.JOURNAL, "framework.py": FRAMEWORK}
ONCE_FILES = {"libraries/site-packages/once.py": ONCE, "main.py": SERVING}


def test_an_application_of_another_framework_starts_anew_with_its_successor(
    serve: Serve,
) -> None:
    server = serve(FILES | {"main.py": FOREIGN})
    assert server.get("/").text == "{'x': 1}"
    server.edit("main.py", '"/": index', '"/": index, "/b": other')
    assert server.get("/b").text == "one"
    assert server.get("/").text == "{'x': 1}"
    assert server.journal == ["up", "up"]
    server.edit("main.py", '"one"', '"two"')
    assert server.get("/b").text == "two"
    assert server.journal == ["up", "up"]
    server.edit("main.py", "[up])", "[up, lambda app: app.state.update(y=2)])")
    assert server.get("/").text == "{'x': 1, 'y': 2}"
    server.edit("main.py", "[up, lambda app: app.state.update(y=2)]", "[]")
    assert server.get("/").text == "{}"


def test_a_wrapped_application_hands_its_state_over(serve: Serve) -> None:
    server = serve(FILES | {"main.py": WRAPPED})
    assert server.get("/").json == 1
    server.edit("main.py", '"b")', '"c")')
    assert server.get("/").json == 1
    server.edit("main.py", "@api.get", "@api.get('/b')\n@api.get")
    assert server.get("/b").json == 1
    server.edit("main.py", "FastAPI(", "FastAPI(title='t', ")
    assert server.get("/").json == 1
    assert server.journal == ["up"]
    server.edit("main.py", "lifespan=lifespan", "")
    assert server.get("/").status == 500
    assert server.journal == ["up", "down"]


def test_a_startup_that_fails_and_goes_on_to_listen_ends(serve: Serve) -> None:
    """Its generator is spent: only a new process can start it again."""
    server = serve(ONCE_FILES, env=apps.SHARED_ENV)
    assert server.get("/").text == "1"
    server.edit("main.py", "app.x = 1", "app.x = 2")
    assert server.get("/").text == "2"
    server.edit("main.py", "app.x = 2", "app.x = 1 / 0")
    assert server.get("/").status == 503  # neither starts in this process
    server.edit("main.py", "app.x = 1 / 0", "app.x = 3")
    assert server.get("/").text == "3"


def test_a_startup_that_fails_without_a_text_is_shown_where_it_did(
    serve: Serve,
) -> None:
    server = serve(ONCE_FILES, env=apps.SHARED_ENV)
    server.edit("main.py", "app.x = 1", "assert app.x, ''")
    assert server.get("/").status == 503
    assert "AssertionError" in server.log and "assert app.x" in server.log
    assert "LifespanFailed" not in server.log
    server.edit("main.py", "assert app.x, ''", "app.x = 2")
    assert server.get("/").text == "2"
    silent = "await send({'type': 'lifespan.startup.failed'})\n        return"
    server.write(
        "main.py",
        f"async def app(scope, receive, send):\n"
        f"    if scope['type'] == 'lifespan':\n        {silent}\n",
    )
    server.until_log("says that its startup failed, and not why")
