"""FastAPI's documentation apps x mechanical edits: after each edit and after its undo,
/openapi.json, every GET answer and the whole process are a cold start's."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from core.harness import Project, WorkerRaised, Zygote
from core.oracle import Difference

from .edits import EDITS
from .fastapi_docs import App, Unavailable, documentation_apps
from .share import OF, shared
from .source import Source

if importlib.util.find_spec("fastapi") is None:
    pytest.skip("fastapi cannot be installed on this Python", allow_module_level=True)

APPS_AT_LEAST = 250  # that import with the libraries of the tests; 300 of 362 do
PATHS = """[
    path
    for path, operations in worker.space["app"].openapi()["paths"].items()
    if "get" in operations
]"""
QUERY = "?q=fixedquery&skip=1&limit=2&edited=5"
Open = Callable[[App], Project | None]


@pytest.fixture(scope="session")
def apps() -> list[App]:
    try:
        return documentation_apps()
    except Unavailable as error:
        pytest.fail(f"{error} (the first run needs the network)", pytrace=False)


@pytest.fixture
def open_app(zygote: Zygote, tmp_path: Path) -> Iterator[Open]:
    """Start a documentation app; None where plain Python cannot import it (a library
    is missing, or an environment variable, or a file beside it)."""
    opened: list[Project] = []

    def start(app: App) -> Project | None:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        project = Project(zygote, folder)
        opened.append(project)
        project.write(app.files)
        project.entry, project.attr = app.entry, "app"
        with project.cold() as cold:
            if cold.error:
                return None
            try:
                paths = cold.ask("eval", expr=PATHS)
            except WorkerRaised:  # the application is no FastAPI, or has no document
                paths = []
        project.asked = targets(paths)
        project.before = lambda: project.ask("requests", targets=project.asked)
        project.start({}, app.entry, "app")
        return project

    yield start
    for project in opened:
        project.close()


def targets(paths: list[str]) -> list[str]:
    """Requests for paths of a document, and for what edits make of them."""
    asked = []
    for path in paths:
        for value in ("1", "foo"):
            filled = re.sub(r"\{[^}]*\}", value, path)
            asked += [filled, "/edited" + filled, filled + QUERY]
    return [*dict.fromkeys(asked), "/added", "/added?number=x", "/openapi.json", "/no"]


def test_the_documentation_has_as_many_apps_as_it_had(
    zygote: Zygote, tmp_path: Path, apps: list[App]
) -> None:
    """Else the other tests would pass by trying nothing."""
    started = 0
    for number, app in enumerate(apps):
        folder = tmp_path / str(number)
        folder.mkdir()
        project = Project(zygote, folder)
        project.write(app.files)
        project.entry, project.attr = app.entry, "app"
        with project.cold() as cold:
            started += cold.error is None
    print(f"{started} of {len(apps)} documentation apps start")
    assert started >= APPS_AT_LEAST


@pytest.mark.timeout(600 * 60 // min(OF, 60))
@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_of_a_documentation_app_and_its_undo(
    kind: str, apps: list[App], open_app: Open
) -> None:
    edited, found = 0, []
    for app in shared(apps, offset=7 * list(EDITS).index(kind)):
        places = [
            (name, text)
            for name, source in app.files.items()
            for text in [next(EDITS[kind](Source(source)), None)]
            if text is not None
        ]
        project = open_app(app) if places else None
        if project is None:
            continue
        for name, text in places:
            try:
                project.save({name: text})
                project.save({name: app.files[name]})
                edited += 1
            except Difference as difference:
                found.append(f"{app.name}, {name}: {difference}")
                break
    print(f"{kind}: {edited} edits")
    assert not found, "\n".join(found)
