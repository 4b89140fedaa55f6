"""The oracle is tested: it accepts an engine that restarts everything, and finds the
fault of every engine that breaks a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .harness import Project, Zygote, executed, ran
from .oracle import Difference

PROGRAM = {
    "a.py": """
        '''Doc of a.'''
        import os
        LIMIT: int = 10
        items = [LIMIT]


        class Shape:
            sides = LIMIT

            def area(self, x: int = LIMIT) -> int:
                return x * self.sides


        def get_limit():
            return LIMIT
        """,
    "b.py": """
        from a import LIMIT, Shape, items

        class Square(Shape):
            pass

        square = Square()
        double = LIMIT * 2
        """,
    "main.py": """
        import logging
        import b
        from a import items as things, get_limit

        def get_double():
            return b.double + get_limit()
        """,
}
Make = Callable[[str], Project]


@pytest.fixture
def make(zygote: Zygote, tmp_path: Path) -> Iterator[Make]:
    made: list[Project] = []

    def factory(engine: str) -> Project:
        package = __package__ or "core"
        project = Project(zygote, tmp_path, f"{package}.engines:{engine}")
        made.append(project)
        return project

    yield factory
    for project in made:
        project.close()


EDITS = {
    "a constant": ("a.py", "LIMIT: int = 10", "LIMIT: int = 11"),
    "a body": ("a.py", "return LIMIT", "return LIMIT + 1"),
    "a comment above": ("a.py", "import os", "# why\nimport os"),
    "a docstring": ("a.py", "Doc of a", "Document of a"),
    "a class attribute": ("a.py", "sides = LIMIT", "sides = 4"),
    "a method": ("a.py", "return x * self.sides", "return x"),
    "a default": ("a.py", "x: int = LIMIT", "x: int = 7"),
    "an annotation": ("a.py", "-> int", "-> float"),
    "a new name": ("a.py", "import os", "import os\nNEW = 1"),
    "a removed name": ("b.py", "double = LIMIT * 2", ""),
    "a base": ("b.py", "class Square(Shape)", "class Square(Shape, dict)"),
    "an alias": ("main.py", "items as things", "items as goods"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_engine_that_restarts_everything_passes(make: Make, edit: tuple) -> None:
    project = make("Reimport")
    project.start(PROGRAM)
    try:
        project.edit(*edit)
    except Difference as found:
        # `b.double` is gone: the cold start works, calling it is the same NameError
        raise AssertionError(found) from None


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_engine_that_never_applies_is_found(make: Make, edit: tuple) -> None:
    project = make("Never")
    project.start(PROGRAM)
    with pytest.raises(Difference):
        project.edit(*edit)


@pytest.mark.parametrize(
    "kind", ["a constant", "a class attribute", "a default", "a new name"]
)
def test_an_engine_that_swaps_only_bodies_is_found(make: Make, kind: str) -> None:
    project = make("BodiesOnly")
    project.start(PROGRAM)
    with pytest.raises(Difference):
        project.edit(*EDITS[kind])


@pytest.mark.parametrize("kind", ["a constant", "a class attribute", "a method"])
def test_an_engine_that_forgets_importers_is_found(make: Make, kind: str) -> None:
    project = make("OneModule")
    project.start(PROGRAM)
    with pytest.raises(Difference):
        project.edit(*EDITS[kind])


def test_an_engine_that_reports_nothing_is_found(make: Make) -> None:
    project = make("Silent")
    project.start(PROGRAM)
    with pytest.raises(Difference, match="not what ran"):
        project.edit(*EDITS["a constant"])


def test_two_objects_in_place_of_one_are_found(make: Make) -> None:
    project = make("Copies")
    project.start(PROGRAM)
    with pytest.raises(Difference, match="same as"):
        project.edit(*EDITS["a body"])


def test_an_engine_without_rollback_is_found(make: Make) -> None:
    project = make("NoRollback")
    project.start(PROGRAM)
    with pytest.raises(Difference, match="left traces"):
        project.edit("b.py", "double = LIMIT * 2", "double = LIMIT / 0")


ERRORS = {
    "syntax": ("a.py", "LIMIT: int = 10", "LIMIT: int = = 10"),
    "indentation": ("a.py", "LIMIT: int = 10", "  LIMIT: int = 10"),
    "exception": ("b.py", "double = LIMIT * 2", "double = LIMIT / 0"),
    "name": ("b.py", "double = LIMIT * 2", "double = LIMITS * 2"),
    "missing module": ("b.py", "square = Square()", "import nosuch"),
    "removed name": ("a.py", "items = [LIMIT]", ""),
    "in a call": ("a.py", "LIMIT: int = 10", "def f(): raise OSError(1)\nLIMIT = f()"),
}


@pytest.mark.parametrize("edit", ERRORS.values(), ids=ERRORS)
def test_errors_equal_a_cold_starts_and_the_fix_applies(
    make: Make, edit: tuple
) -> None:
    project = make("Reimport")
    project.start(PROGRAM)
    report = project.edit(*edit)
    assert report.error
    name, old, new = edit
    report = project.edit(name, new, old) if new else project.save(PROGRAM)
    assert report.error is None


@pytest.mark.parametrize("edit", ERRORS.values(), ids=ERRORS)
def test_an_engine_that_hides_errors_is_found(make: Make, edit: tuple) -> None:
    project = make("Never")
    project.start(PROGRAM)
    with pytest.raises(Difference, match="a cold start fails, the edit does not"):
        project.edit(*edit)


def test_the_log_names_statements(make: Make) -> None:
    project = make("Reimport")
    project.start({"main.py": "X = 1\n"})
    report = project.edit("main.py", "X = 1", "X = 2")
    assert ran(report) == executed(report) == ["main: X = 2"]


OUTSIDE = {
    "environ": "import os; os.environ.setdefault('HMR_TEST', '{}')",
    "logging": "import logging; logging.basicConfig(level={}0)",
    "sys.path": "import sys; sys.path.append('/{}')",
    "threads": """
        import threading
        for _ in range({}):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        """,
}


@pytest.mark.parametrize("source", OUTSIDE.values(), ids=OUTSIDE)
def test_differences_outside_the_modules_are_found(make: Make, source: str) -> None:
    project = make("Reimport")
    project.start({"main.py": source.format(1), "other.py": ""})
    with pytest.raises(Difference, match="process/"):
        project.save({"main.py": source.format(2)})


SAME_TEXT_TWICE = {
    "negative zero": ("X = 0.0", "X = -0.0"),
    "a bool": ("X = 1", "X = True"),
    "a float": ("X = 1", "X = 1.0"),
    "inside a tuple": ("X = (1, 2)", "X = (1, True)"),
    "order of a dict": ("X = {'a': 1, 'b': 2}", "X = {'b': 2, 'a': 1}"),
    "order of names": ("X = 1\nY = 2", "Y = 2\nX = 1"),
    "a line": ("def f(): pass", "\ndef f(): pass"),
    "a line inside": ("def f():\n    g()", "def f():\n\n    g()"),
    "same object": ("X = []\nY = X", "X = []\nY = []"),
    "a closure": (
        "def f(n):\n    return lambda: n\nX = f(1)",
        "def f(n):\n    return lambda: n\nX = f(2)",
    ),
}


@pytest.mark.parametrize("pair", SAME_TEXT_TWICE.values(), ids=SAME_TEXT_TWICE)
def test_values_that_only_look_equal_are_told_apart(
    make: Make, pair: tuple[str, str]
) -> None:
    project = make("Never")
    project.start({"main.py": pair[0]})
    with pytest.raises(Difference):
        project.save({"main.py": pair[1]})


def test_the_environment_of_a_module_of_earlier_requests_is_left_out(
    project: Project,
) -> None:
    """It stays loaded; a cold start has not imported it yet."""
    ask = "def get_x():\n    import late\n    return late.x\n"
    project.start({"late.py": "x = 1\n", "main.py": ask})
    write = "import os\nos.environ['HMR_LATE'] = '1'\nx = 2\n"
    project.save({"late.py": write, "main.py": "y = 1\n"})
    assert project.eval("os.environ['HMR_LATE']") == "1"
    project.save({"late.py": "x = 3\n"})
    project.exec("os.environ['HMR_LATE'] = 'other'")
    with pytest.raises(Difference):
        project.edit("main.py", "y = 1", "y = 2")


def test_requests_import_the_modules_of_a_package_in_an_order_of_their_own(
    project: Project,
) -> None:
    """The cold start's requests import one, then what earlier ones have imported."""
    ask = "def get_x():\n    from pkg import b\n    return b.x\n"
    files = {"pkg/__init__.py": "", "pkg/a.py": "x = 1\n", "pkg/b.py": "x = 1\n"}
    project.start({**files, "main.py": ask})
    project.save({"main.py": ask.replace("b", "a")})
    assert project.eval("[n for n in vars(sys.modules['pkg']) if n < 'c'][-2:]") == [
        "b",
        "a",
    ]
    project.save({"pkg/__init__.py": "c = 1\n"})
    project.exec("vars(sys.modules['pkg'])['c'] = vars(sys.modules['pkg']).pop('c')")
    with pytest.raises(Difference):
        project.save({"main.py": f"{ask}y = 2\n"})


def test_requests_call_what_they_have_imported_and_import_in_any_order(
    project: Project,
) -> None:
    """Earlier ones have imported a, which the cold start's import last."""
    asks = "def get_x():\n    import {}\n    return {}.x\n"
    project.start({"a.py": "x = 1\n", "b.py": "", "main.py": asks.format("a", "a")})
    both = asks.replace("x()", "b()").format("b", "b") + asks.format("a", "a")
    project.save({"a.py": f"x = 1\n{asks.format('c', 'c')}", "c.py": "x = 1\n"})
    project.save({"main.py": both})
    project.exec("sys.modules['c'].x = 2")
    with pytest.raises(Difference):
        project.save({"main.py": f"{both}y = 2\n"})
