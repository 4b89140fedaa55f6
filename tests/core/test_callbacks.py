"""What tracked code asks to be called: before it runs again or goes, around an edit.

`outside` is a library that nobody tracks: what is noted there survives every edit.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Project, ran, reasons

LIBRARY = """
    notes = []

    def note(word):
        notes.append(word)

    class Worker:
        def __init__(self, name):
            self.name = name
            note("start " + name)

        def stop(self):
            note("stop " + self.name)
    """
HEAD = (
    "import sys\nsys.path.insert(0, '../site-packages')\nimport outside\n"
    "from hmr_serve import after_reload, before_reload, on_dispose\n"
)


@pytest.fixture
def start(project: Project) -> Callable[[str], Callable[[], list[str]]]:
    """Start a program; what was noted since the last time."""
    project.write({"../site-packages/outside.py": LIBRARY})

    def starting(text: str, files=None, **more: str) -> Callable[[], list[str]]:
        project.write(files or {})
        modules = {f"{name}.py": source for name, source in more.items()}
        project.start({"main.py": HEAD + text, **modules})
        seen = 0

        def noted() -> list[str]:
            nonlocal seen
            notes = project.eval("__import__('outside').notes")
            news, seen = notes[seen:], len(notes)
            return news

        return noted

    return starting


WORKER = "worker = outside.Worker({!r})\non_dispose(worker.stop)\nx = 1\n"


def test_what_a_statement_started_ends_before_it_starts_again(project, start) -> None:
    noted = start(WORKER.format("a"))
    assert noted() == ["start a"]
    report = project.edit("main.py", "'a'", "'b'")
    assert noted() == ["stop a", "start b"]
    assert ran(report) == [
        "main: worker = outside.Worker('b')",
        "main: on_dispose(worker.stop)",
    ]
    project.edit("main.py", "'b'", "'c'")
    assert noted() == ["stop b", "start c"]


def test_an_edit_of_something_else_disposes_of_nothing(project, start) -> None:
    noted = start(WORKER.format("a"))
    noted()
    for number in range(2, 22):
        report = project.edit("main.py", f"x = {number - 1}", f"x = {number}")
        assert ran(report) == [f"main: x = {number}"]
    assert noted() == []


def test_a_statement_that_goes_is_disposed_of(project, start) -> None:
    noted = start(WORKER.format("a"))
    noted()
    project.save({"main.py": HEAD + "x = 1\n"})
    assert noted() == ["stop a"]
    project.save({"main.py": HEAD + "x = 2\n"})
    assert noted() == []


def test_a_module_that_nobody_imports_any_more_is_disposed_of(project, start) -> None:
    noted = start("import jobs\n", jobs=f"{HEAD}{WORKER.format('a')}")
    noted()
    project.edit("main.py", "import jobs\n", "")
    assert noted() == ["stop a"]


def test_callbacks_of_a_function_belong_to_the_statement_that_called_it(
    project, start
) -> None:
    noted = start(
        "def begin(name):\n    worker = outside.Worker(name)\n"
        "    on_dispose(worker.stop)\n    on_dispose(lambda: outside.note('last'))\n"
        "    return worker\n\na = begin('a')\nb = begin('b')\n"
    )
    noted()
    project.edit("main.py", "begin('a')", "begin('c')")
    assert noted() == ["last", "stop a", "start c"]
    project.edit("main.py", "outside.Worker(name)", "outside.Worker(name + '!')")
    assert noted() == [
        "last", "stop c", "start c!", "last", "stop b", "start b!",
    ]  # fmt: skip


def test_what_is_shared_by_modules_is_disposed_of_by_its_user(project, start) -> None:
    noted = start(
        "from jobs import worker\non_dispose(worker.stop)\n",
        jobs=f"{HEAD}worker = outside.Worker('a')\n",
    )
    noted()
    project.edit("jobs.py", "'a'", "'b'")
    assert noted() == ["stop a", "start b"]


def test_twenty_edits_leave_one_of_each(project, start) -> None:
    noted = start(WORKER.format("0"))
    noted()
    for number in range(1, 21):
        project.edit("main.py", f"'{number - 1}'", f"'{number}'")
        assert noted() == [f"stop {number - 1}", f"start {number}"]


def test_a_failed_edit_is_made_good(project, start) -> None:
    noted = start(WORKER.format("a"))
    noted()
    before = project.ids()
    report = project.edit("main.py", "'a')\n", "'b')\n1 / 0\n")
    assert report.error
    assert noted() == ["stop a", "start b"]
    assert project.eval("engine.undone()")
    project.exec("report = engine.redo()")
    assert project.eval("report.error is None and [r.label for r in report.reran]") == [
        "worker", "on_dispose(worker.stop)",
    ]  # fmt: skip
    assert noted() == ["start a"]
    assert not project.eval("engine.undone()")
    assert project.ids()["main.worker"] != before["main.worker"]
    report = project.edit("main.py", "1 / 0\n", "")
    assert noted() == ["stop a", "start b"]


def test_what_a_revision_that_is_given_up_disposed_of_runs_again(
    project, start
) -> None:
    noted = start(WORKER.format("a") + "label = worker.name * 2\n")
    noted()
    text = project.read("main.py")
    for _ in range(3):
        project.edit("main.py", "'a'", "'b'")
        assert noted() == ["stop a", "start b"]
        project.exec("engine.swap_back(); report = engine.revert()")
        assert project.eval("(report.error, report.restart)") == (None, None)
        assert noted() == ["stop b", "start a"]
        assert project.eval("(main.worker.name, main.label)") == ("a", "aa")
        assert not project.eval("engine.undone()")
        report = project.apply(["main.py"])  # still edited
        assert "main: worker = outside.Worker('b')" in ran(report)
        assert noted() == ["stop a", "start b"]
        project.save({"main.py": text})
        assert noted() == ["stop b", "start a"]


def test_what_cannot_run_again_stays_disposed_of(project, start) -> None:
    noted = start(
        "name = open('name').read()\nworker = outside.Worker(name)\n"
        "on_dispose(worker.stop)\n",
        files={"name": "a"},
    )
    noted()
    assert not project.eval("engine.disposed()")
    project.save({"name": "b"})
    assert noted() == ["stop a", "start b"]
    project.exec("engine.swap_back(); report = engine.revert()")
    assert project.eval("(report, engine.disposed())") == (None, True)
    assert project.eval("main.worker.name") == "a"
    project.save({"name": "c"})
    assert noted()[-1:] == ["start c"]


def test_what_a_failed_edit_disposed_of_runs_with_the_next_one(project, start) -> None:
    noted = start(WORKER.format("a"))
    text = project.read("main.py")
    assert project.edit("main.py", "'a')\n", "'b')\n1 / 0\n").error
    noted()
    report = project.save({"main.py": text})
    assert noted() == ["start a"]
    assert "not applied" in reasons(report)["main: on_dispose(worker.stop)"]


def test_what_a_failed_edit_started_is_disposed_of(project, start) -> None:
    noted = start("x = 1\n")
    text = HEAD + WORKER.format("a") + "1 / 0\n"
    assert project.save({"main.py": text}).error
    assert noted() == ["start a", "stop a"]
    assert not project.eval("engine.undone()")


def test_a_callback_that_raises_is_reported_and_harms_nobody(project, start) -> None:
    noted = start("on_dispose(lambda: 1 / 0)\nx = outside.note('ran')\n")
    noted()
    project.edit("main.py", "1 / 0", "2 / 0")
    assert "ZeroDivisionError" in project.worker.errors()


@pytest.mark.parametrize("register", ["on_dispose", "before_reload"])
def test_ctrl_c_in_a_callback_ends_the_edit(project, start, register: str) -> None:
    noted = start(
        "def stop():\n    outside.note('called')\n    raise KeyboardInterrupt\n\n"
        f"{register}(stop)\n"
    )
    call = f"\n{register}(stop)\n"
    report = project.edit("main.py", call, f"\nx = 1{call}x = 2\n", check=False)
    if register == "on_dispose":  # which is called before its statement goes
        assert report.error is None
        report = project.edit("main.py", call, "\n", check=False)
    assert report.error["type"] == "builtins.KeyboardInterrupt"
    assert ran(report) == []
    assert noted() == ["called"]


def test_what_a_callback_reads_is_no_read_of_who_disposes(project, start) -> None:
    noted = start(
        "import limits\nworker = outside.Worker('a')\n"
        "on_dispose(lambda: outside.note(limits.X))\ny = 1\n",
        limits="X = 'one'\n",
    )
    noted()
    project.edit("main.py", "'a'", "'b'")
    report = project.edit("limits.py", "'one'", "'two'")
    assert ran(report) == ["limits: X = 'two'"]


def test_a_lambda_acts_on_what_it_names(project, start) -> None:
    noted = start("worker = outside.Worker('a')\non_dispose(lambda: worker.stop())\n")
    noted()
    project.edit("main.py", "'a'", "'b'")
    assert noted() == ["stop a", "start b"]
    project.edit("main.py", "worker.stop()", "(worker.stop())")
    assert noted() == []
    project.edit("main.py", "(worker.stop())", "worker.stop() or 1")
    assert noted() == ["stop b", "start b"]


def test_who_made_what_is_disposed_of_runs_again(project, start) -> None:
    noted = start(
        "import limits\nworker = outside.Worker('a')\n"
        "on_dispose(worker.stop) if limits.X else None\ny = 1\n",
        limits="X = 1\n",
    )
    noted()
    project.edit("limits.py", "X = 1", "X = 2")
    assert noted() == ["stop a", "start a"]
    project.edit("main.py", " if limits.X else None", "")
    assert noted() == ["stop a", "start a"]


def test_the_end_disposes_of_everything_once_and_backwards(project, start) -> None:
    noted = start(WORKER.format("a") + WORKER.format("b").replace("worker", "other"))
    noted()
    project.exec("engine.dispose()")
    project.exec("engine.dispose()")
    assert noted() == ["stop b", "stop a"]


def test_before_and_after_an_edit(project, start) -> None:
    noted = start(
        "word = 'one'\nbefore_reload(lambda: outside.note('before ' + word))\n"
        "after_reload(lambda: outside.note('after ' + word))\nx = 1\n"
    )
    assert noted() == []
    for number, (old, new) in enumerate([("'one'", "'two'"), ("'two'", "'three'")]):
        project.edit("main.py", old, new)
        project.exec("engine.reloaded()")
        assert noted() == [f"before {old[1:-1]}", f"after {new[1:-1]}"], number
    assert project.edit("main.py", "x = 1", "x = (").error
    assert noted() == ["before three"]
    project.save({"main.py": HEAD})
    project.exec("engine.reloaded()")
    assert noted() == ["before three"]


def test_a_module_that_fails_in_a_try_leaves_its_callbacks_to_who_tried(
    project, start
) -> None:
    tried = "try:\n    import jobs\nexcept ImportError:\n    pass\n"
    noted = start(
        f"{tried}x = 1\n",
        jobs=f"{HEAD}{WORKER.format('a')}import nosuch\n",
    )
    assert noted() == ["start a"]
    project.edit("main.py", "x = 1", "x = 2")
    assert noted() == []
    project.edit("main.py", tried, "")
    assert noted() == ["stop a"]


def test_the_cache_stays_until_what_it_read_is_edited(project, start) -> None:
    noted = start(
        "from hmr_serve import cache_across_reloads\nSIZE = 1\n"
        "@cache_across_reloads\ndef load():\n    _ = outside.note('load')\n"
        "    return [SIZE]\n\nmodel = load()\ny = (model[0], 1)\n"
    )
    assert noted() == ["load"]
    project.edit("main.py", "1)\n", "2)\n")
    project.edit("main.py", "model = load()", "model = list(load())")
    assert noted() == []
    project.edit("main.py", "SIZE = 1", "SIZE = 2")
    assert noted() == ["load"]
    assert project.eval("main.y") == (2, 2)


def test_keep_outlives_an_edit_of_its_statement(project, start) -> None:
    noted = start(
        "from hmr_serve import keep\n"
        "sessions = keep('sessions', lambda: outside.Worker('a'))\n"
    )
    noted()
    before = project.ids()["main.sessions"]
    project.edit("main.py", "'a'", "'b'", check=False)
    assert noted() == []
    assert project.ids()["main.sessions"] == before
    project.edit("main.py", "keep('sessions'", "keep('others'", check=False)
    assert noted() == ["start b"]


def test_is_reloading(project, start) -> None:
    start("from hmr_serve import is_reloading\nx = is_reloading()\n")
    assert project.eval("main.x") is False
