"""Instances that requests have put aside are of the class that the edit has made.

The oracle looks at names only, so that what is kept here does not differ from a cold
start, where there would be none.
"""

from __future__ import annotations

import pytest

from .harness import Project, ran

STORE = "kept = {}\n"
MAIN = "import store\nimport a\n"
KINDS = {
    "a dataclass": (
        "from dataclasses import dataclass\n\n\n@dataclass\nclass C:\n    x: int = 1\n",
        "    y: int = 2\n",
        "o.y == 2",
    ),
    "a pydantic model": (
        "from pydantic import BaseModel\n\n\nclass C(BaseModel):\n    x: int = 1\n",
        "\n    def twice(self):\n        return 2 * self.x\n",
        "o.twice() == 2",
    ),
    "a subclass": (
        "class B:\n    def __init_subclass__(cls):\n        pass\n\n\n"
        "class C(B):\n    x = 1\n",
        "    y = 2\n",
        "o.y == 2",
    ),
    "an exception": (
        "def known(cls):\n    return cls\n\n\n@known\nclass C(Exception):\n    x = 1\n",
        "    y = 2\n",
        "o.y == 2",
    ),
    "a generic class": (
        "def known(cls):\n    return cls\n\n\n@known\nclass C[T]:\n    x = 1\n",
        "    y = 2\n",
        "o.y == 2",
    ),
    "one with slots": (
        "class C:\n    __slots__ = ('x',)\n\n    def __init__(self):\n"
        "        self.x = 1\n",
        "\n    def twice(self):\n        return 2 * self.x\n",
        "o.twice() == 2",
    ),
}


def keep(project: Project, made: str = "a.C()") -> None:
    project.exec(f"import a, store\nstore.kept['o'] = {made}")


@pytest.mark.parametrize(("text", "more", "works"), KINDS.values(), ids=KINDS)
def test_a_kept_instance_is_of_the_new_class(
    project: Project, text: str, more: str, works: str
) -> None:
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project)
    project.exec("import a; global before; before = id(a.C)")
    report = project.save({"a.py": text + more}, check=False)
    project.eval("engine.settle()")
    assert report.error is None
    assert project.eval("type(store.kept['o']) is a.C")
    assert project.eval("(lambda o: " + works + ")(store.kept['o'])")
    assert project.eval("store.kept['o'].x") == 1
    assert project.eval(
        "__import__('pickle').loads(__import__('pickle').dumps(store.kept['o'])).x == 1"
    )


def test_singledispatch_and_validation_take_it(project: Project) -> None:
    model = "from pydantic import BaseModel\n\n\nclass C(BaseModel):\n    x: int = 1\n"
    uses = (
        "from functools import singledispatch\nfrom pydantic import BaseModel\n"
        "from a import C\n\n\n@singledispatch\ndef shown(o):\n    return 'other'\n\n\n"
        "@shown.register\ndef _(o: C):\n    return 'C'\n\n\n"
        "class Box(BaseModel):\n    c: C\n"
    )
    project.start(
        {
            "a.py": model,
            "uses.py": uses,
            "store.py": STORE,
            "main.py": f"{MAIN}import uses",
        }
    )
    keep(project)
    project.save({"a.py": f"{model}    y: int = 2\n"}, check=False)
    project.eval("engine.settle()")
    assert project.eval("uses.shown(store.kept['o'])") == "C"
    assert project.eval("uses.Box(c=store.kept['o']).c is store.kept['o']")


def test_one_of_another_layout_stays_what_it_was(project: Project) -> None:
    text, _, _ = KINDS["one with slots"]
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project)
    project.save({"a.py": text.replace("('x',)", "('x', 'y')")}, check=False)
    project.eval("engine.settle()")
    assert project.eval("type(store.kept['o']) is not a.C")
    assert project.eval("store.kept['o'].x") == 1


def test_a_nested_class_and_one_below_it(project: Project) -> None:
    text = (
        "from pydantic import BaseModel\n\n\nclass C(BaseModel):\n"
        "    class Inner(BaseModel):\n        x: int = 1\n\n    i: Inner = Inner()\n"
        "\n\nclass D(C):\n    pass\n"
    )
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project, "a.D()")
    project.edit("a.py", "    i: Inner", "    j: int = 0\n    i: Inner", check=False)
    project.eval("engine.settle()")
    assert project.eval("type(store.kept['o']) is a.D")
    assert project.eval("isinstance(store.kept['o'], a.C)")
    assert project.eval("type(store.kept['o'].i) is a.C.Inner")


def test_a_class_of_another_name_takes_nothing_over(project: Project) -> None:
    text = (
        "class {0}:\n    __slots__ = ('x',)\n\n    def f(self):\n        return 1\n\n\n"
    )
    both = text.format("A") + text.format("B") + "C = {}\n"
    project.start({"a.py": both.format("A"), "store.py": STORE, "main.py": MAIN})
    keep(project)
    project.edit("a.py", "C = A", "C = B", check=False)
    project.eval("engine.settle()")
    assert project.eval("type(store.kept['o']) is a.A")


def test_until_the_old_lifespan_has_ended_it_is_of_the_old_class(
    project: Project,
) -> None:
    text, more, _ = KINDS["a dataclass"]
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project)
    project.save({"a.py": text + more}, check=False)
    project.eval("engine.swap_back()")
    assert project.eval("type(store.kept['o']) is a.C")
    project.eval("engine.swap_forward()")
    project.eval("engine.settle()")
    assert project.eval("type(store.kept['o']) is a.C")


def test_a_failed_edit_leaves_it_as_it_was(project: Project) -> None:
    text, more, _ = KINDS["a dataclass"]
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project)
    report = project.save({"a.py": f"{text}{more}\n\n1 / 0\n"}, check=False)
    assert report.error is not None
    assert project.eval("type(store.kept['o']) is a.C")
    project.eval("engine.settle()")
    assert project.eval("type(store.kept['o']) is a.C")


def test_a_class_that_is_patched_is_the_same(project: Project) -> None:
    text = "class C:\n    def f(self):\n        return 1\n"
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project)
    report = project.save(
        {"a.py": f"{text}\n    def g(self):\n        return 2\n"}, check=False
    )
    project.eval("engine.settle()")
    assert project.eval("store.kept['o'].g()") == 2
    assert ran(report) == []


def test_what_sqlalchemy_keeps_with_an_instance_stays_with_its_class(
    project: Project,
) -> None:
    text = (
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\n\n"
        "class Base(DeclarativeBase):\n    pass\n\n\nclass C(Base):\n"
        "    __tablename__ = 'c'\n"
        "    x: Mapped[int] = mapped_column(primary_key=True)\n"
    )
    project.start({"a.py": text, "store.py": STORE, "main.py": MAIN})
    keep(project, "a.C(x=1)")
    project.save({"a.py": f"{text}    y: Mapped[int | None]\n"}, check=False)
    project.eval("engine.settle()")
    assert project.eval("store.kept['o'].x") == 1
