"""The apps that the benchmarks serve and edit, generated into a folder.

An `App` is a set of file templates. Each `Edit` stands for one kind of save: it owns a
mark in one template, and saving it renders that file again with the mark one higher.
Where the effect shows is part of the edit, so a client can tell a fresh answer from a
stale one: the answer's `version` is the mark.

  small   5 files; the model (1 s to load) lives in the file of the route that uses it
  large   50 modules, 250 routes with pydantic models; shared settings and store
  plain   one file, for throughput: raw ASGI apps and a FastAPI app
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from string import Template


@dataclass(frozen=True)
class Edit:
    """One kind of save, and the request that shows its effect."""

    name: str
    mark: str  # the placeholder in the template
    file: str
    path: str  # with $version where the save moves the route
    goal: float  # seconds, from issue to table

    @property
    def moves(self) -> bool:
        """Whether each save gives the route a new path, and takes the old one away."""
        return "$version" in self.path

    def request(self, version: int) -> str:
        return Template(self.path).substitute(version=version)


class App:
    """An app on disk.

    Responsibilities: renders and writes files, and knows which version each edit has
    been saved at.
    """

    def __init__(
        self, folder: Path, templates: dict[str, str], edits: list[Edit]
    ) -> None:
        self.folder = folder
        self.templates = templates
        self.edits = edits
        self.versions = {edit.mark: 0 for edit in edits}

    def write(self) -> None:
        for name in self.templates:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.render(name, self.versions))

    def render(self, name: str, versions: dict[str, int]) -> str:
        """Blank lines at the end vary the size: Python's own cache takes a file of the
        same second and the same size for unchanged, and a peer must not be called stale
        for that."""
        marks = {mark: str(version) for mark, version in versions.items()}
        return Template(self.templates[name]).substitute(marks) + "\n" * (
            sum(versions.values()) % 7
        )

    def save(self, edit: Edit) -> float:
        """Save the next version of `edit` in place, as an editor does, and return the
        time just after the file was closed."""
        versions = {**self.versions, edit.mark: self.versions[edit.mark] + 1}
        text = self.render(edit.file, versions)
        with open(self.folder / edit.file, "w") as file:
            file.write(text)
        # Before the time is taken: who starts after it must not ask for the old path.
        self.versions = versions
        return time.perf_counter()

    def request(self, edit: Edit) -> str:
        return edit.request(self.versions[edit.mark])


def small(folder: Path) -> App:
    """Five files: entry, settings, schemas, a router, and a router with the model."""
    templates = {
        "main.py": SMALL_MAIN,
        "settings.py": SETTINGS,
        "schemas.py": SCHEMAS,
        "items.py": ITEMS,
        "predict.py": PREDICT,
    }
    return _written(App(folder, templates, _edits("items.py")))


def large(folder: Path) -> App:
    """Fifty modules, 250 routes: 44 routers below routes/, the first of them edited."""
    names = RESOURCES[:43]
    templates = {
        "main.py": _large_main(names),
        "settings.py": SETTINGS,
        "schemas.py": SCHEMAS,
        "deps.py": DEPS,
        "predict.py": PREDICT,
        "routes/__init__.py": '"""The routers of the shop."""\n',
        "routes/items.py": ITEMS,
    }
    own = sum(
        text.count("@app.") + text.count("@router.") for text in templates.values()
    )
    wanted = 250 - own
    for position, name in enumerate(names):
        extra = position < wanted - 5 * len(names)
        templates[f"routes/{name}.py"] = _resource(name, extra)
    return _written(App(folder, templates, _edits("routes/items.py")))


def plain(folder: Path) -> App:
    return _written(App(folder, {"plain.py": PLAIN}, []))


def _written(app: App) -> App:
    app.write()
    return app


def _edits(router: str) -> list[Edit]:
    return [
        Edit("handler", "handler", router, "/items/1", 0.005),
        Edit("constant", "constant", "settings.py", "/items/limit", 0.010),
        Edit("entry: handler", "entry", "main.py", "/entry", 0.020),
        Edit("entry: route", "added", "main.py", "/added/$version", 0.020),
        Edit("router: route", "moved", router, "/items/moved/$version", 0.020),
        Edit("model's file", "model", "predict.py", "/predict", 0.005),
    ]


def _large_main(names: list[str]) -> str:
    modules = sorted(["items", *names])
    imports = "".join(f"from routes import {name}\n" for name in modules)
    includes = "".join(f"app.include_router({name}.router)\n" for name in modules)
    return LARGE_MAIN.replace("@IMPORTS@", imports).replace("@INCLUDES@", includes)


def _resource(name: str, extra: bool) -> str:
    title = "".join(part.capitalize() for part in name.split("_"))
    text = RESOURCE + (RESOURCE_EXTRA if extra else "")
    return text.replace("@name@", name).replace("@Title@", title)


SMALL_MAIN = '''\
"""The entry: uvicorn main:app."""

from fastapi import FastAPI

import items
import predict
from settings import TITLE

app = FastAPI(title=TITLE)
app.include_router(items.router)
app.include_router(predict.router)


@app.get("/entry")
async def entry():
    return {"version": $entry}


@app.get("/added/$added")
async def added():
    return {"version": $added}
'''

LARGE_MAIN = '''\
"""The entry: uvicorn main:app."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

import predict
@IMPORTS@from settings import ORIGINS, TITLE

app = FastAPI(title=TITLE)
app.add_middleware(CORSMiddleware, allow_origins=ORIGINS, allow_methods=["*"])

@INCLUDES@app.include_router(predict.router)


@app.get("/entry")
async def entry():
    return {"version": $entry}


@app.get("/added/$added")
async def added():
    return {"version": $added}
'''

SETTINGS = '''\
"""Settings that other modules import by name."""

import os

TITLE = "Shop"
ORIGINS = ["http://localhost:3000"]
PAGE_SIZE = 20
LIMIT = $constant
MODEL_SECONDS = float(os.environ.get("MODEL_SECONDS", "1"))
MODEL_LOADS = os.environ.get("MODEL_LOADS", os.devnull)
'''

SCHEMAS = '''\
"""What the API takes and gives."""

from datetime import datetime

from pydantic import BaseModel, Field


class Price(BaseModel):
    amount: float = Field(ge=0)
    currency: str = "EUR"


class Item(BaseModel):
    id: int
    name: str = Field(max_length=80)
    price: Price = Price(amount=0)
    created: datetime | None = None
    version: int = 0
'''

DEPS = '''\
"""Dependencies that every router shares."""

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel

from settings import PAGE_SIZE


class Paging(BaseModel):
    offset: int
    limit: int


def get_paging(
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = PAGE_SIZE,
) -> Paging:
    return Paging(offset=offset, limit=limit)


class Store:
    """Rows by resource and number."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, dict[str, Any]]] = {}

    def table(self, name: str) -> dict[int, dict[str, Any]]:
        return self.rows.setdefault(name, {})


STORE = Store()


def get_store() -> Store:
    return STORE


StoreDep = Annotated[Store, Depends(get_store)]
PagingDep = Annotated[Paging, Depends(get_paging)]
'''

ITEMS = '''\
"""Items: the router that gets edited."""

from fastapi import APIRouter, HTTPException

from schemas import Item, Price
from settings import LIMIT

router = APIRouter(prefix="/items", tags=["items"])

ITEMS = {n: Item(id=n, name=f"item {n}", price=Price(amount=n)) for n in range(1, 10)}


@router.get("/limit")
async def read_limit():
    return {"version": LIMIT}


@router.get("/moved/$moved")
async def read_moved():
    return {"version": $moved}


@router.get("/{item_id}", response_model=Item)
async def read_item(item_id: int):
    if item_id not in ITEMS:
        raise HTTPException(404, "no such item")
    return ITEMS[item_id].model_copy(update={"version": $handler})


@router.put("/{item_id}", response_model=Item)
async def write_item(item_id: int, item: Item):
    ITEMS[item_id] = item
    return item
'''

PREDICT = '''\
"""The model, and the route that uses it."""

import time

from fastapi import APIRouter

from settings import MODEL_LOADS, MODEL_SECONDS


class Model:
    def __init__(self, seconds: float) -> None:
        with open(MODEL_LOADS, "a") as loads:
            loads.write("loaded\\n")
        time.sleep(seconds)

    def predict(self, text: str) -> str:
        return "positive" if "good" in text else "negative"


model = Model(MODEL_SECONDS)
router = APIRouter(tags=["predict"])


@router.get("/predict")
async def predict(text: str = "good"):
    return {"version": $model, "label": model.predict(text)}
'''

RESOURCE = '''\
"""@Title@: rows with the usual five routes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from deps import PagingDep, StoreDep

router = APIRouter(prefix="/@name@", tags=["@name@"])


class @Title@Base(BaseModel):
    name: str = Field(max_length=80)
    note: str | None = None
    tags: list[str] = []


class @Title@Create(@Title@Base):
    active: bool = True


class @Title@Update(BaseModel):
    name: str | None = None
    note: str | None = None


class @Title@Read(@Title@Base):
    id: int
    created: datetime | None = None


class @Title@Page(BaseModel):
    total: int
    rows: list[@Title@Read]


Number = Annotated[int, Path(ge=1)]


@router.get("", response_model=@Title@Page)
async def list_@name@(store: StoreDep, paging: PagingDep):
    rows = list(store.table("@name@").values())
    return {"total": len(rows), "rows": rows[paging.offset :][: paging.limit]}


@router.post("", response_model=@Title@Read, status_code=201)
async def create_@name@(new: @Title@Create, store: StoreDep):
    table = store.table("@name@")
    number = len(table) + 1
    table[number] = {"id": number, **new.model_dump()}
    return table[number]


@router.get("/{number}", response_model=@Title@Read)
async def read_@name@(number: Number, store: StoreDep):
    if number not in store.table("@name@"):
        raise HTTPException(404, "no such row")
    return store.table("@name@")[number]


@router.patch("/{number}", response_model=@Title@Read)
async def update_@name@(number: Number, change: @Title@Update, store: StoreDep):
    row = store.table("@name@").get(number)
    if row is None:
        raise HTTPException(404, "no such row")
    row.update(change.model_dump(exclude_unset=True))
    return row


@router.delete("/{number}", status_code=204)
async def delete_@name@(number: Number, store: StoreDep):
    store.table("@name@").pop(number, None)
'''

RESOURCE_EXTRA = """

@router.get("/{number}/summary")
async def summarize_@name@(number: Number, store: StoreDep):
    return {"number": number, "known": number in store.table("@name@")}
"""

PLAIN = '''\
"""Throughput: the least an ASGI app can do, and the least a FastAPI app can do."""

from fastapi import FastAPI

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"13")]
LARGE = b"x" * (1 << 20)
LARGE_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"1048576")]


async def raw(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"Hello, world!"})


async def bodies(scope, receive, send):
    """1 MB down from /large, up to /upload, which answers with the length it read."""
    if scope["type"] == "lifespan" or scope["path"] == "/":
        await raw(scope, receive, send)
        return
    if scope["path"] == "/large":
        headers, body = LARGE_HEADERS, LARGE
    else:
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message["body"])
            more = message["more_body"]
        body = b"%d" % size
        headers = [HEADERS[0], (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope, receive, send):
    if scope["type"] != "websocket":
        await raw(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


async def lifespan(receive, send):
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


app = FastAPI()


@app.get("/")
async def root():
    return {"message": "Hello, world!", "items": [1, 2, 3]}
'''

_NAMES = """
accounts addresses articles authors batches bills bookings brands carts categories
channels cities clients comments companies contacts coupons couriers customers
deliveries discounts documents drivers employees events feedback gifts groups
invoices labels leads messages notes offers orders parcels partners payments
products projects refunds returns reviews
"""
RESOURCES = _NAMES.split()
