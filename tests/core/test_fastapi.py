# ruff: noqa: E501 (tables of programs, one a line)
"""FastAPI applications: after an edit, /openapi.json and every answer are a cold start's."""

from __future__ import annotations

import importlib.util

import pytest

from .harness import Project, expect, ran

if importlib.util.find_spec("fastapi") is None:
    pytest.skip("fastapi cannot be installed on this Python", allow_module_level=True)

APP = {
    "settings.py": """
        from functools import lru_cache

        from pydantic import BaseModel

        TITLE = "Shop"
        PAGE = 10


        class Settings(BaseModel):
            title: str = TITLE
            page: int = PAGE


        @lru_cache
        def get_settings():
            return Settings()
        """,
    "schemas.py": """
        from enum import Enum

        from pydantic import BaseModel, Field


        class Color(str, Enum):
            red = "red"
            blue = "blue"


        class Owner(BaseModel):
            name: str = "ann"


        class Item(BaseModel):
            id: int
            color: Color = Color.red
            owner: Owner = Field(default_factory=Owner)


        class Message(BaseModel):
            text: str
        """,
    "deps.py": """
        from fastapi import Depends, Query

        from settings import PAGE, get_settings


        def page(limit: int = Query(PAGE, ge=1)):
            return limit


        def title(settings=Depends(get_settings)):
            return settings.title
        """,
    "routers/__init__.py": "",
    "routers/items.py": """
        from typing import Annotated

        from fastapi import APIRouter, Depends, HTTPException

        from deps import page
        from schemas import Item

        router = APIRouter(tags=["items"])
        STORE = {n: Item(id=n) for n in range(3)}


        @router.get("/items/first")
        def first_item() -> Item:
            return STORE[0]


        @router.get("/items/{item_id}", response_model=Item)
        async def read_item(item_id: int):
            if item_id not in STORE:
                raise HTTPException(404, "no such item")
            return STORE[item_id]


        @router.get("/items")
        def list_items(limit: Annotated[int, Depends(page)]) -> list[Item]:
            return list(STORE.values())[:limit]
        """,
    "routers/users.py": """
        from fastapi import APIRouter

        from schemas import Message

        router = APIRouter()
        PREFIX = "hello "


        @router.get("/users/{name}")
        def greet(name: str) -> Message:
            return Message(text=PREFIX + name)
        """,
    "main.py": """
        from fastapi import Depends, FastAPI

        from deps import title
        from routers import items, users
        from settings import TITLE


        def load_model(path):
            return {"path": path}


        app = FastAPI(title=TITLE)
        model = load_model("m.bin")


        @app.get("/")
        def index(name: str = Depends(title)):
            return {"name": name, "model": model["path"]}


        @app.get("/health", tags=["meta"])
        async def health():
            return {"ok": True}


        app.include_router(items.router)
        app.include_router(users.router, prefix="/v1")
        """,
}
TARGETS = [
    "/",
    "/health",
    "/items/first",
    "/items/1",
    "/items/9",
    "/items/x",
    "/items",
    "/items?limit=1",
    "/items?limit=0",
    "/v1/users/bo",
    "/v2/users/bo",
    "/users/bo",
    "/ping",
    "/nosuch",
    "/openapi.json",
]
MODEL = "main: model = load_model('m.bin')"


@pytest.fixture
def shop(project: Project) -> Project:
    project.asked = TARGETS
    project.before = lambda: project.ask("requests", targets=TARGETS)
    project.start(APP, attr="app")
    return project


PING = '@app.get("/ping")\ndef ping():\n    return "pong"\n\n\n'
EDITS = {
    "a string in a handler": ("main.py", '{"ok": True}', '{"ok": "yes"}'),
    "a handler of a router": ("routers/items.py", "return STORE[0]", "return STORE[1]"),
    "a helper of a router": ("deps.py", "return limit", "return limit + 1"),
    "a constant elsewhere": ("settings.py", "PAGE = 10", "PAGE = 2"),
    "a constant that titles the app": ("settings.py", '"Shop"', '"Store"'),
    "a constant beside a route": ("routers/users.py", '"hello "', '"hi "'),
    "a path": ("main.py", '"/health"', '"/ping"'),
    "a path of a router": ("routers/items.py", '"/items/first"', '"/items/one"'),
    "a new first route": ("main.py", '@app.get("/")', PING + '@app.get("/")'),
    "a new middle route": (
        "main.py",
        '@app.get("/health"',
        PING + '@app.get("/health"',
    ),
    "a new last route": (
        "main.py",
        'app.include_router(users.router, prefix="/v1")',
        'app.include_router(users.router, prefix="/v1")\n' + PING,
    ),
    "a removed route": (
        "main.py",
        '@app.get("/health", tags=["meta"])\nasync def health():\n    return {"ok": True}\n',
        "",
    ),
    "a prefix": ("main.py", '"/v1"', '"/v2"'),
    "a router less": ("main.py", "app.include_router(items.router)\n", ""),
    "a tag": ("main.py", '["meta"]', '["other"]'),
    "a response model": (
        "routers/items.py",
        "response_model=Item)",
        "response_model=dict)",
    ),
    "a return annotation": ("routers/items.py", "-> list[Item]", "-> list[dict]"),
    "a parameter": ("routers/users.py", "name: str)", "name: str, q: int = 5)"),
    "a parameter's type": ("routers/items.py", "item_id: int", "item_id: str"),
    "a docstring": ("main.py", "async def health():", "async def health():\n    'Doc.'"),
    "a field": ("schemas.py", "    id: int", "    id: int\n    price: float = 1.5"),
    "a field's default": ("schemas.py", '"ann"', '"bob"'),
    "a nested model's field": ("schemas.py", "name: str", "name: str | None"),
    "an enum member": ("schemas.py", '    red = "red"', '    red = "red"\n    green = "g"'),
    "an enum's default": ("schemas.py", "= Color.red", "= Color.blue"),
    "a settings field": ("settings.py", "page: int = PAGE", "page: float = PAGE"),
    "a dependency's bound": ("deps.py", "ge=1", "ge=0"),
    "a dependency's default": ("deps.py", "Query(PAGE,", "Query(3,"),
    "a dependency's body": ("deps.py", "return settings.title", "return 'fixed'"),
    "the app's title": ("main.py", "title=TITLE", "title='Own', version='2'"),
    "async to sync": ("main.py", "async def health", "def health"),
    "an exception": ("routers/items.py", "404,", "410,"),
    "data made of models": ("routers/items.py", "range(3)", "range(2)"),
    "a comment": ("main.py", "app = FastAPI", "# why\napp = FastAPI"),
    "a middleware": (
        "main.py",
        "model = load_model",
        "from starlette.middleware.gzip import GZipMiddleware\n"
        "app.add_middleware(GZipMiddleware, minimum_size=100000)\nmodel = load_model",
    ),
    "an exception handler": (
        "main.py",
        "model = load_model",
        "from fastapi.responses import PlainTextResponse\n\n"
        "@app.exception_handler(404)\ndef missing(request, error):\n"
        "    return PlainTextResponse('gone', 404)\n\nmodel = load_model",
    ),
    "a dependency of the app": (
        "main.py",
        "FastAPI(title=TITLE)",
        "FastAPI(title=TITLE, dependencies=[Depends(title)])",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_and_its_undo_equal_a_cold_start(shop: Project, edit: tuple) -> None:
    name, old, new = edit
    text = shop.read(name)
    report = shop.edit(name, old, new)
    assert MODEL not in ran(report)
    assert shop.restarts == []
    report = shop.save({name: text})
    assert MODEL not in ran(report)


def test_editing_a_handler_reruns_nothing(shop: Project) -> None:
    report = shop.edit("routers/items.py", "return STORE[0]", "return STORE[2]")
    assert (ran(report), report.patched) == ([], ["routers.items:first_item"])


def test_editing_a_constant_of_a_handler_reruns_one_statement(shop: Project) -> None:
    report = shop.edit("routers/users.py", '"hello "', '"hi "')
    assert ran(report) == ["routers.users: PREFIX = 'hi '"]


def test_a_route_of_one_router_leaves_the_other_router(shop: Project) -> None:
    report = shop.edit("routers/users.py", '"/users/{name}"', '"/people/{name}"')
    expect(
        report,
        ["routers.users: router = APIRouter()", "routers.users: def greet"],
        [
            "main: app = FastAPI(title=TITLE)",
            "main: def index",
            "main: def health",
            "main: app.include_router(items.router)",
            "main: app.include_router(users.router, prefix='/v1')",
        ],
    )


def test_the_model_is_kept_when_its_own_file_changes(shop: Project) -> None:
    before = shop.eval("id(sys.modules['main'].model)")
    shop.edit("main.py", '"/health"', '"/healthy"')
    shop.edit("main.py", '{"ok": True}', '{"ok": False}')
    shop.edit("main.py", "title=TITLE", "title='Own'")
    assert shop.eval("id(sys.modules['main'].model)") == before


def test_swapped_routes_change_what_matches(shop: Project) -> None:
    text = shop.read("routers/items.py")
    start = text.index('@router.get("/items/first")')
    middle = text.index('@router.get("/items/{item_id}"')
    end = text.index('@router.get("/items")')
    swapped = text[:start] + text[middle:end] + text[start:middle] + text[end:]
    report = shop.save({"routers/items.py": swapped})
    assert MODEL not in ran(report)
    shop.save({"routers/items.py": text})


def test_errors_and_their_fixes(shop: Project) -> None:
    assert shop.edit("schemas.py", "Message(BaseModel)", "Message(Basemodel)").error
    fix = "Message(Basemodel)", "Message(BaseModel)"
    assert shop.edit("schemas.py", *fix).error is None
    assert shop.edit("main.py", "users.router", "users.routr").error
    report = shop.edit("main.py", "users.routr", "users.router")
    assert (ran(report), report.error) == ([], None)
    assert shop.edit("deps.py", "ge=1", "ge=1, nosuch=").error
    assert shop.edit("deps.py", "ge=1, nosuch=", "ge=1").error is None


def test_a_new_router_module(shop: Project) -> None:
    shop.write(
        {
            "routers/orders.py": """
                from fastapi import APIRouter
                router = APIRouter()

                @router.get("/ping")
                def orders():
                    return ["order"]
                """
        }
    )
    shop.edit("main.py", "import items, users", "import items, orders, users")
    shop.edit(
        "main.py",
        "app.include_router(items.router)",
        "app.include_router(items.router)\napp.include_router(orders.router)",
    )
    assert shop.ask("requests", targets=["/ping"])["/ping"] == (200, '["order"]')


def test_twenty_edits_in_a_row(shop: Project) -> None:
    for n in range(10):
        check = n % 5 == 4
        new = f"f{n}: int = {n}\n    id: int"
        shop.edit("schemas.py", "id: int", new, check=check)
        old, new = f"range({3 + n})", f"range({4 + n})"
        shop.edit("routers/items.py", old, new, check=check)


def test_an_app_factory(project: Project) -> None:
    project.asked = ["/", "/items", "/openapi.json"]
    project.start(
        {
            "config.py": "NAME = 'a'\n",
            "factory.py": """
                from fastapi import FastAPI
                import config

                def create_app():
                    app = FastAPI(title=config.NAME)

                    @app.get("/")
                    def index():
                        return config.NAME

                    return app
                """,
            "main.py": "from factory import create_app\napp = create_app()\n",
        },
        attr="app",
    )
    report = project.edit("factory.py", "return config.NAME", "return [config.NAME]")
    assert ran(report) == []
    project.edit("config.py", "'a'", "'b'")
    project.edit("factory.py", '@app.get("/")', '@app.get("/items")')


def test_dependency_overrides_and_state_of_the_app(project: Project) -> None:
    project.asked = ["/", "/openapi.json"]
    project.start(
        {
            "main.py": """
                from fastapi import Depends, FastAPI, Request

                app = FastAPI()
                app.state.size = 3

                def who():
                    return "real"

                def fake():
                    return "fake"

                app.dependency_overrides[who] = fake

                @app.get("/")
                def index(request: Request, name=Depends(who)):
                    return [request.app.state.size, name]
                """
        },
        attr="app",
    )
    project.edit("main.py", "size = 3", "size = 4")
    project.edit("main.py", "app.dependency_overrides[who] = fake\n", "")


def test_a_mounted_sub_application(project: Project) -> None:
    project.asked = ["/", "/sub/", "/sub/openapi.json", "/openapi.json"]
    project.start(
        {
            "sub.py": """
                from fastapi import FastAPI
                sub = FastAPI()

                @sub.get("/")
                def index():
                    return "sub"
                """,
            "main.py": """
                from fastapi import FastAPI
                from sub import sub
                app = FastAPI()

                @app.get("/")
                def index():
                    return "main"

                app.mount("/sub", sub)
                """,
        },
        attr="app",
    )
    project.edit("sub.py", 'return "sub"', 'return "SUB"')
    project.edit("sub.py", '@sub.get("/")', '@sub.get("/", tags=["x"])')
    project.edit("main.py", 'return "main"', 'return "MAIN"')
