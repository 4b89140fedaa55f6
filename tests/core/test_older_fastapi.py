# ruff: noqa: E501 (tables of programs, one a line)
"""FastAPI of before it included routers lazily: each level of inclusion has routes of its
own, and an edited route costs what one route costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Project, Zygote, ran, settled

VERSIONS = ["fastapi==0.115.14", "starlette==0.46.2"]
CACHE = Path(__file__).parents[2] / ".cache" / "older-fastapi"


@pytest.fixture(scope="module")
def older() -> Iterator[Zygote]:
    """With that FastAPI; pip installs it once, beside all that the tests use."""
    if not (CACHE / "done").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade"]
        done = subprocess.run([*pip, "--target", CACHE, *VERSIONS], check=False)
        if done.returncode:
            pytest.skip("this machine has no FastAPI 0.115 and cannot get it")
        (CACHE / "done").touch()
    paths = [str(CACHE), os.environ.get("PYTHONPATH", "")]
    made = Zygote({**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    yield made
    made.close()


FILES = {
    "schemas.py": "from pydantic import BaseModel\n\nclass Item(BaseModel):\n    id: int\n    size: int = 1\n\nclass Other(BaseModel):\n    id: int = 1\n",
    "deps.py": "def page(size: int = 10) -> int:\n    return size\n\ndef checked(token: str = '') -> None:\n    pass\n\nclass Given:\n    def __init__(self, flag: int = 0):\n        pass\n",
    "items.py": """
        from fastapi import APIRouter, Depends, WebSocket
        from deps import page
        from schemas import Item

        router = APIRouter(prefix="/items", tags=["items"])

        @router.get("/{id}")
        def get_item(id: int, size: int = Depends(page)) -> Item:
            return Item(id=id, size=size)

        @router.post("/", responses={404: {"model": Item}})
        def create(item: Item) -> Item:
            return item

        @router.websocket("/live")
        async def live(socket: WebSocket):
            await socket.accept()
        """,
    "others.py": """
        from fastapi import APIRouter
        from schemas import Other

        router = APIRouter(prefix="/others")

        @router.get("/first")
        def first() -> Other:
            return Other()

        @router.get("/second", operation_id="second")
        def second(n: int = 2) -> list[Other]:
            return [Other()] * n
        """,
    "api.py": """
        from fastapi import APIRouter, Depends
        from deps import Given, checked
        import items, others

        api = APIRouter(prefix="/api")
        api.include_router(items.router, dependencies=[Depends(checked)])
        api.include_router(others.router, tags=["others"])
        more = APIRouter(prefix="/more", dependencies=[Depends(Given)])
        more.include_router(others.router)
        api.include_router(more)
        """,
    "main.py": """
        import fastapi
        from fastapi import FastAPI
        from fastapi.routing import APIRoute
        from fastapi.testclient import TestClient
        from api import api

        def named(route: APIRoute) -> str:
            return f"{route.name}-of-{len(route.tags)}"

        app = FastAPI(generate_unique_id_function=named)
        app.include_router(api)

        def asked():
            with TestClient(app) as client:
                app.openapi_schema = None
                got = [client.get(path) for path in ("/api/items/1", "/api/others/first", "/api/others/second")]
                return [[each.status_code, each.json()] for each in got], app.openapi(), fastapi.__version__
        """,
}
EDITS = {
    "a body": ("items.py", "size=size)", "size=size + 1)"),
    "a signature": ("items.py", "id: int, size", "id: int, q: str = '', size"),
    "a path": ("items.py", '"/{id}"', '"/by/{id}"'),
    "a decorator": ("others.py", '"/first"', '"/first", summary="One"'),
    "a route comes": (
        "others.py",
        '@router.get("/second"',
        '@router.get("/new")\n        def new() -> int:\n            return 3\n\n        @router.get("/second"',
    ),
    "a prefix": ("items.py", 'prefix="/items"', 'prefix="/things"'),
    "a dependency": ("deps.py", "size: int = 10", "size: int = 11"),
    "a dependency of a router": ("deps.py", "token: str = ''", "token: int = 0"),
    "a schema": ("schemas.py", "size: int = 1", "size: int = 1\n    more: str = ''"),
    "tags of an inclusion": ("api.py", '["others"]', '["others", "more"]'),
    "a class that an inclusion depends on": (
        "deps.py",
        "flag: int = 0",
        "flag: str = ''",
    ),
    "an inclusion goes": ("api.py", ', tags=["others"]', ", include_in_schema=False"),
    "how routes are named": ("main.py", "-of-", "-with-"),
    "the application": ("main.py", "FastAPI(gen", "FastAPI(title='New', gen"),
}


@pytest.mark.parametrize("case", EDITS.values(), ids=EDITS)
def test_an_edited_route_is_that_of_a_cold_start(
    older: Zygote, tmp_path: Path, case: tuple[str, str, str]
) -> None:
    project = Project(older, tmp_path)
    try:
        project.start(FILES, check=False)
        assert project.eval("main.asked()")[2] == "0.115.14"
        name, old, new = case
        new = new.replace("\n        ", "\n")
        for edit in ((old, new), (new, old)):
            project.edit(name, *edit, check=False)
            settled(project, "main.asked()")
    finally:
        project.close()


def test_routes_that_stay_are_not_analysed_again(older: Zygote, tmp_path: Path) -> None:
    project = Project(older, tmp_path)
    try:
        project.start(FILES, check=False)
        project.exec(
            """
            import fastapi.routing as routing
            real, seen = routing.get_dependant, []
            def counted(**options):
                seen.append(options["path"])
                return real(**options)
            routing.get_dependant = counted
            """
        )
        report = project.edit("others.py", "n: int = 2", "n: int = 3", check=False)
        assert "main: app.include_router(api)" in ran(report)
        # the router's own, api's, app's
        seen = [path for path in project.eval("seen") if "live" not in path]
        assert seen == [
            "/others/second",
            *("/api/others/second", "/more/others/first", "/more/others/second"),
            *("/api/more/others/first", "/api/more/others/second"),
            *("/api/others/second", "/api/more/others/first"),
            "/api/more/others/second",
        ]
        settled(project, "main.asked()")
    finally:
        project.close()
