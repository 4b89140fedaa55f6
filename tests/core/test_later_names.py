"""Names in annotations that are bound after these: pydantic looks for them when a model
is first used, or rebuilt, and keeps what it finds."""

from __future__ import annotations

import pytest

from .harness import Project, ran, settled

HEAD = "from typing import Optional\nfrom pydantic import BaseModel\n"
FUTURE = "from __future__ import annotations\n"
LATER = "class Later(BaseModel):\n    x: int = 1\n"
ONE, MANY = "{'x': '7', 'y': '8'}", "[{'x': '7', 'y': '8'}]"
ANNOTATIONS = {
    "a string in Optional": ("Optional['Later']", ONE),
    "a string": ("'Later | None'", ONE),
    "Optional in a string": ("'Optional[Later]'", ONE),
    "a string in a list": ("list['Later']", MANY),
    "a list in a string": ("'list[Later]'", MANY),
    "no string": ("list[Later] | None", MANY),
}
PLACES = {
    "below": ("main.py", {"main.py": "HEAD MODEL LATER GET"}),
    "above": ("main.py", {"main.py": "HEAD LATER MODEL GET"}),
    "imported above": (
        "later.py",
        {"later.py": "HEAD LATER", "main.py": "HEAD IMPORT MODEL GET"},
    ),
    "imported below": (
        "later.py",
        {"later.py": "HEAD LATER", "main.py": "HEAD MODEL IMPORT GET"},
    ),
    "rebuilt": (
        "later.py",
        {
            "later.py": "HEAD LATER",
            "model.py": "HEAD MODEL",
            "main.py": "FROM IMPORT REBUILD GET",
        },
    ),
}


@pytest.mark.parametrize("annotation", ANNOTATIONS)
@pytest.mark.parametrize("place", PLACES)
def test_a_model_follows_one_that_its_annotation_names(
    project: Project, annotation: str, place: str
) -> None:
    text, value = ANNOTATIONS[annotation]
    parts = {
        "HEAD": (FUTURE if annotation == "no string" else "") + HEAD,
        "MODEL": f"class Model(BaseModel):\n    later: {text} = None\n",
        "LATER": LATER,
        "IMPORT": "from later import Later\n",
        "FROM": "from model import Model\n",
        "REBUILD": "Model.model_rebuild()\n",
        "GET": "def get_value():\n"
        f"    made = Model.model_validate({{'later': {value}}})\n"
        "    return [made.model_dump(), Model.model_json_schema()['$defs']]\n",
    }
    edited, files = PLACES[place]
    project.start(
        {
            name: "".join(parts[part] for part in text.split())
            for name, text in files.items()
        }
    )
    old = "x: int = 1\n"
    for new in ("x: int = 1\n    y: int = 2\n", "x: str = '1'\n    y: int = 2\n"):
        project.eval("main.get_value()")
        project.edit(edited, old, new)
        settled(project, "main.get_value()")
        old = new


def test_a_model_that_nobody_has_used_stays(project: Project) -> None:
    model = "class Model(BaseModel):\n    later: 'Later | None' = None\n"
    project.start({"main.py": HEAD + model + LATER})
    report = project.edit("main.py", "x: int = 1", "x: int = 2")
    assert ran(report) == ["main: class Later"]


def test_a_model_is_rebuilt_for_a_name_that_is_another_class(project: Project) -> None:
    """Seed 3014203."""
    model = "class Model(BaseModel):\n    later: 'Name | None' = None\n"
    main = "from later import Later\nfrom model import Model\nName = Later\n"
    rebuild = "Model.model_rebuild()\n"
    project.start(
        {
            "later.py": HEAD + LATER,
            "model.py": HEAD + model,
            "main.py": main + rebuild,
        }
    )
    project.save(
        {
            "later.py": HEAD + LATER.replace("Later", "Other"),
            "main.py": main.replace("Later", "Other") + rebuild,
        }
    )


def test_a_model_cannot_be_rebuilt_without_a_name(project: Project) -> None:
    """pydantic looks into the namespace itself (seed 3020542)."""
    model = "class Model(BaseModel):\n    later: 'Later | None' = None\n"
    main = f"{HEAD}from model import Model\n{LATER}Model.model_rebuild()\n"
    project.start({"model.py": HEAD + model, "main.py": main})
    report = project.save({"main.py": main.replace("Later", "Other")})
    assert "'Later' is not defined" in report.error["traceback"]


def test_a_generic_model_has_the_name_of_a_cold_start(project: Project) -> None:
    """pydantic puts it into the module, under another name where that is taken."""
    project.start(
        {
            "page.py": HEAD + "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
            "class Page(BaseModel, Generic[T]):\n    items: list[T] = []\n",
            "main.py": HEAD + "from page import Page\nclass Item(BaseModel):\n"
            "    x: int = 1\nMODELS = [Page[Item]]\n",
        }
    )
    for number in range(2, 5):
        report = project.edit("main.py", f"= {number - 1}\n", f"= {number}\n")
        assert any("MODELS" in line for line in ran(report))
        assert project.eval("[n for n in vars(main) if '[' in n]") == ["Page[Item]"]


def test_a_description_is_no_annotation(project: Project) -> None:
    text = (
        "from typing import Annotated\nfrom pydantic import Field\nsize = 1\n"
        "class Base(BaseModel):\n"
        "    x: Annotated[int, Field(description='the size of User')] = 1\n"
        "class User(Base):\n    y: int = 1\n"
    )
    project.start({"main.py": HEAD + text})
    project.eval("main.Base().x")
    for old, new in (("size = 1", "size = 2"), ("y: int = 1", "y: int = 2")):
        report = project.edit("main.py", old, new)
        assert len(ran(report)) == 1
