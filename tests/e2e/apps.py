"""The applications of the end-to-end tests, as files."""

from __future__ import annotations

# Appends to a file that survives reloads and processes.
JOURNAL = """\
import os


def note(word):
    fd = os.open("journal.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{word}\\n".encode())
    os.close(fd)
"""

# An ASGI application without a framework: it starts at once.
PLAIN = {
    "main.py": """\
import journal
from limits import LIMIT
from words import greet

journal.note("main")


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = f"{greet()} {LIMIT}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
""",
    "words.py": """\
def greet():
    return "hello"
""",
    "limits.py": "LIMIT = 1\n",
    "journal.py": JOURNAL,
}

# What a FastAPI user writes: routers, settings, a model beside its route, a lifespan.
SHOP = {
    "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal
from routes import items, predict
from settings import GREETING


@asynccontextmanager
async def lifespan(app):
    journal.note("startup")
    app.state.started = True
    yield {"pool": "open"}
    journal.note("shutdown")


app = FastAPI(lifespan=lifespan)
app.state.hits = 0
app.include_router(items.router)
app.include_router(predict.router)


@app.get("/")
async def home():
    app.state.hits += 1
    return {"greeting": GREETING, "hits": app.state.hits}


@app.get("/state")
async def state():
    return {"id": id(app.state), "started": app.state.started}
""",
    "settings.py": """\
GREETING = "hello"
LIMIT = 10
""",
    "journal.py": JOURNAL,
    "routes/__init__.py": "",
    "routes/items.py": """\
from fastapi import APIRouter, Request

from settings import LIMIT

router = APIRouter(prefix="/items")


@router.get("/")
async def list_items(limit: int = LIMIT):
    return {"limit": limit, "max": LIMIT}


@router.get("/pool")
async def pool(request: Request):
    return {"pool": request.state.pool}


@router.get("/{item_id}")
async def read_item(item_id: int):
    return {"item": item_id, "version": 1}


@router.get("/{item_id}/sync")
def read_sync(item_id: int):
    return {"item": item_id, "thread": 1}
""",
    "routes/predict.py": """\
from fastapi import APIRouter

import journal


class Model:
    def __init__(self):
        journal.note("load")
        self.weight = 2


model = Model()
router = APIRouter()


@router.get("/predict")
async def predict(x: int):
    return {"y": x * model.weight}
""",
}


def slow_app() -> dict[str, str]:
    """`/` answers, `/slow` waits for a file "go", `/stream` sends a line for each look
    at the word until a file "end" appears; a lifespan that keeps a journal."""
    return {
        "main.py": """\
import asyncio
import os

from journal import note
from words import word


async def lifespan(receive, send):
    await receive()
    note("startup")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    note("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    start = {"type": "http.response.start", "status": 200, "headers": []}
    if scope["path"] == "/stream":
        await send(start)
        while not os.path.exists("end"):
            line = f"{word()}\\n".encode()
            await send({"type": "http.response.body", "body": line, "more_body": True})
            await asyncio.sleep(0.01)
        return await send({"type": "http.response.body", "body": b"bye\\n"})
    first = word()
    if scope["path"] == "/slow":
        note("slow")
        while not os.path.exists("go"):
            await asyncio.sleep(0.005)
    await send(start)
    body = f"{first} {word()}".encode()
    await send({"type": "http.response.body", "body": body})
""",
        "words.py": """\
def word():
    return "old"
""",
        "journal.py": JOURNAL,
    }


# A module whose object comes out of a library that no adapter knows: what was done to
# it only a new process can undo. Needs the environment SHARED_ENV.
SHARED = {
    "limits.py": """\
import shared

LIMIT = 1
log = shared.get("q")
log.set_level(10)
""",
    "libraries/site-packages/shared.py": """\
THINGS = {}


class Thing:
    level = 0

    def set_level(self, level):
        self.level = level


def get(name):
    return THINGS.setdefault(name, Thing())
""",
}
SHARED_ENV = {"PYTHONPATH": "libraries/site-packages"}
SHARED_LINE = "log.set_level(10)\n"
