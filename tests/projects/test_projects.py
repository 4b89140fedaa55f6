"""Three projects of more than 25 modules x mechanical edits at every place of every
module: each equals a cold start after the edit, and again after its undo.

`shop` is FastAPI: schemas, models, repositories, services, routers, dependencies.
`studio` is Starlette: registries, plugins, metaclasses, descriptors, decorators.
`relay` is pure ASGI: imports of every kind.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from core.harness import Project
from core.oracle import Difference

from .edits import EDITS
from .share import OF, shared
from .source import Source

SHOP = """/ /countries /added /edited/countries /nosuch /openapi.json
    /v1/items /v1/items?q=a&limit=2 /v1/items?limit=0 /v1/items/colors /v1/items/x
    /v1/items/1 /v1/items/9 /v1/items/4/price /v1/items/1/price?rule=sale
    /v1/items/1/stock?take=3 /v1/items/6/stock?take=30 /v1/items/cheapest
    /v1/items/added /v1/edited/items/1
    /v1/orders/1 /v1/orders/mine /v1/orders/2/told /v1/orders/7 /v1/orders/added
    /v1/users/me /v1/users/2/address /v1/users/1/greeting?mark=. /v1/health
    /v1/admin/kinds /v1/admin/sizes /v1/admin/listeners /v1/admin/settings
    /v1/admin/errors/out-of-stock"""
STUDIO = """/ /theme /filters/two%20big%20Words /plugins /commands /shapes /forms /tree
    /states /tasks /sub/tree /nosuch"""
RELAY = """/ /stars /lazy /dir /messages?x /codecs /backends /rules /numbers /optional
    /trace /extras /nosuch"""
PROJECTS = {"shop": SHOP, "studio": STUDIO, "relay": RELAY}

needs_fastapi = pytest.mark.skipif(
    importlib.util.find_spec("fastapi") is None,
    reason="fastapi cannot be installed on this Python",
)
NAMES = [pytest.param("shop", marks=needs_fastapi), "studio", "relay"]


def files_of(name: str) -> dict[str, str]:
    top = Path(__file__).parent / name
    return {
        str(path.relative_to(top)): path.read_text()
        for path in sorted(top.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def started(project: Project, name: str) -> dict[str, str]:
    files = files_of(name)
    project.asked = PROJECTS[name].split()
    project.before = lambda: project.ask("requests", targets=project.asked)
    project.start(files, attr="app")
    return files


def all_edits(files: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(kind, file, edited text) of every edit at every place."""
    for name in files:
        if name.endswith(".py"):
            for kind, edit in EDITS.items():
                for text in edit(Source(files[name])):
                    yield kind, name, text


def shown(kind: str, name: str, old: str, new: str, error: Difference) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return "\n".join([f"{kind} in {name}:", *list(lines)[2:10], str(error)])


@pytest.mark.parametrize("name", NAMES)
def test_a_project_has_at_least_25_modules(project: Project, name: str) -> None:
    started(project, name)
    assert len(project.eval("engine.modules()")) >= 25
    for target, answer in project.ask("requests", targets=project.asked).items():
        assert answer[0] != 500, (target, answer)


@pytest.mark.timeout(900 * 60 // min(OF, 60))
@pytest.mark.parametrize("name", NAMES)
def test_edits_of_a_project_and_their_undo(project: Project, name: str) -> None:
    files = started(project, name)
    found, edited = [], 0
    for kind, file, text in shared(all_edits(files)):
        try:
            project.save({file: text})
            project.save({file: files[file]})
            edited += 1
        except Difference as difference:
            found.append(shown(kind, file, files[file], text, difference))
            started(project, name)
    print(f"{name}: {edited} edits, {len(project.restarts)} by a new process")
    assert not found, "\n\n".join(found)


@needs_fastapi
def test_a_function_group_that_comes_up_in_a_second_walk(project: Project) -> None:
    """The update never ended: `money` was made anew in each walk."""
    started(project, "shop")
    body = "return Money(self.amount + other.amount, self.currency)"
    report = project.edit("shop/money.py", body, f'"""Doc."""\n        {body}')
    assert len(report.reran) < 120
