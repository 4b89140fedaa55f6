"""Old values of expensive statements: gone before the statement runs again, so that a
model is not in memory twice.

`outside` is a library that nobody tracks: it counts the models that there are.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Project, Report, ran, reasons

LIBRARY = """
    import time

    living = most = 0

    class Model:
        def __init__(self, name):
            global living, most
            living += 1
            most = max(most, living)
            self.name = name
            self.weights = b"w" * (8 << 20)
            time.sleep(0.02)
            if not name:
                raise ValueError("a model needs a name")

        def __del__(self):
            global living
            living -= 1
    """
HEAD = "import sys\nsys.path.insert(0, '../site-packages')\n"
PREDICT = "import outside\n\nNAME = 'm0'\nmodel = outside.Model(NAME)\n"
ALL = "engine.release(0.01, 1 << 20)"
Start = Callable[..., None]


@pytest.fixture
def start(project: Project) -> Start:
    project.write({"../site-packages/outside.py": LIBRARY})

    def starting(main: str = "from predict import model\n", **files: str) -> None:
        named = {f"{name}.py": text for name, text in files.items()}
        project.start({"main.py": HEAD + main, "predict.py": PREDICT, **named})
        project.exec(ALL)

    return starting


def rename(project: Project, number: int) -> Report:
    return project.edit("predict.py", f"'m{number}'", f"'m{number + 1}'")


def models(project: Project) -> tuple[int, int]:
    """How many there are, and how many there were at once."""
    if not project.eval("engine.undone()"):
        project.exec("engine.settle()")
    return project.eval("(lambda lib: (lib.living, lib.most))(__import__('outside'))")


def test_a_model_is_not_in_memory_twice(project: Project, start: Start) -> None:
    start()
    for number in range(5):
        report = rename(project, number)
        assert ran(report)[-2:] == [
            "predict: model = outside.Model(NAME)",
            "main: from predict import model",
        ]
        why = reasons(report)["predict: model = outside.Model(NAME)"]
        assert why == "reads predict.NAME, changed; its old value was released first"
        assert project.eval("main.model.name") == f"m{number + 1}"
        assert models(project) == (1, 1)


def test_the_statement_itself_is_edited(project: Project, start: Start) -> None:
    start()
    project.edit("predict.py", "Model(NAME)", "Model(NAME + '!')")
    assert project.eval("predict.model.name") == "m0!"
    assert models(project) == (1, 1)


def test_an_edit_of_something_else_releases_nothing(
    project: Project, start: Start
) -> None:
    start()
    before = project.eval("id(main.model)")
    project.edit("predict.py", "model = outside", "OTHER = 1\nmodel = outside")
    assert project.eval("id(main.model)") == before


def test_without_being_asked_nothing_is_released(
    project: Project, start: Start
) -> None:
    start()
    project.exec("engine.release(0.0, 0)")
    rename(project, 0)
    assert models(project) == (1, 2)
    project.exec("engine.release(60.0, 1)")  # it took less
    rename(project, 1)
    assert models(project) == (1, 2)
    project.exec("__import__('outside').most = 0")
    project.exec("engine.release(0.0, 1 << 40)")
    rename(project, 2)
    assert models(project) == (1, 2)


@pytest.mark.parametrize("kept", ["box = [model]", "def f(m=model): pass"])
def test_what_something_else_needs_stays(
    project: Project, start: Start, kept: str
) -> None:
    start(f"from predict import model\n{kept}\n")
    rename(project, 0)
    assert models(project) == (1, 2)


def test_what_a_request_is_using_stays(project: Project, start: Start) -> None:
    start()
    project.exec("import outside; outside.used = main.model")
    rename(project, 0)
    assert project.eval("__import__('outside').used.name") == "m0"
    assert models(project) == (2, 2)


def test_a_failed_edit_runs_the_old_statement_again(
    project: Project, start: Start
) -> None:
    start("from predict import model\nlabel = model.name + '?'\n")
    for _ in range(3):
        text = project.read("predict.py")
        report = project.edit("predict.py", "'m0'", "''", check=False)
        assert report.error["type"] == "builtins.ValueError"
        assert project.eval("engine.undone()")
        project.exec("report = engine.redo()")
        assert project.eval("report.error is None and [r.label for r in report.reran]")
        assert not project.eval("engine.undone()")
        assert project.eval("(main.model.name, main.label)") == ("m0", "m0?")
        assert project.eval("main.model is predict.model")
        project.exec("del report; __import__('gc').collect()")
        project.save({"predict.py": text})
        assert project.eval("main.model.name") == "m0"
    assert models(project)[0] == 1
    rename(project, 0)
    assert project.eval("(main.model.name, main.label)") == ("m1", "m1?")


def test_an_edit_that_fails_later_runs_it_again(project: Project, start: Start) -> None:
    start()
    report = project.save(
        {
            "predict.py": PREDICT.replace("m0", "m1"),
            "main.py": HEAD + "from predict import model\n1 / 0\n",
        },
        check=False,
    )
    assert report.error["type"] == "builtins.ZeroDivisionError"
    project.exec("report = engine.redo()")
    assert project.eval("(report.error, main.model.name)") == (None, "m0")
    assert models(project) == (1, 1)


def test_a_patched_function_beside_the_model(project: Project, start: Start) -> None:
    """One statement with both: after a failure the old one runs again."""
    start(
        predict="import outside\n\nif True:\n    def load(name):\n"
        "        return outside.Model(name + 'x')\n    model = load('a')\n"
    )
    report = project.save(
        {
            "predict.py": project.read("predict.py").replace("'x'", "'y'"),
            "main.py": HEAD + "from predict import model\n1 / 0\n",
        },
        check=False,
    )
    assert report.error
    if project.eval("engine.undone()"):
        project.exec("report = engine.redo()")
    assert project.eval("main.model.name") == "ax"
    assert models(project)[0] == 1


@pytest.mark.parametrize("reads", ["predict.model", "close"])
def test_what_a_lifespan_may_need_to_shut_down_stays(
    project: Project, start: Start, reads: str
) -> None:
    start(
        "import predict\n\n\ndef close():\n    return predict.model.name\n\n\n"
        f"def up():\n    return {reads}\n"
    )
    project.exec("engine.begin('lifespan'); main.up(); engine.end('lifespan')")
    report = rename(project, 0)
    if reads == "predict.model":
        assert report.stale == ["lifespan"]
    project.exec("engine.swap_back()")
    assert project.eval("main.close()") == "m0"
    project.exec("engine.swap_forward(); engine.settle()")
    project.exec(f"{ALL[:-1]}, False)")  # it does not run any more
    rename(project, 1)
    project.exec("engine.drop('lifespan')")
    assert models(project) == (1, 2)
