"""What is left out of a start because nobody needs it: nobody may notice."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from hmr_serve import adapters
from hmr_serve.adapters import installed

from .harness import Project, settled

LEVEL = "__import__('logging').getLogger('a').level"
LEVELS = f"({LEVEL}, __import__('logging').getLogger('b').level)"
LAZY = """
    there = 1

    def __getattr__(name):
        import logging
        if name == "__path__":
            logging.getLogger("b").setLevel(30)
        if name[1:].isdigit():
            logging.getLogger("a").setLevel(int(name[1:]))
            return name
        raise AttributeError(name)
    """


@pytest.mark.parametrize(
    "line",
    [
        "from lazy import n10",
        "from lazy import there",
        "from lazy import n10 as n, there",
        "import other\nfrom other import held",
        "import lazy as l\nfrom lazy import *",
    ],
)
def test_an_import_that_runs_code_of_a_library_is_looked_at(
    project: Project, line: str
) -> None:
    """A loaded module may work a name out: what that does is not the next
    statement's doing."""
    project.write({"../site-packages/lazy.py": LAZY})
    head = "import sys\nsys.path.insert(0, '../site-packages')\nimport lazy\n"
    end = "x = int('1')\ny = 1\n"
    project.start(
        {
            "other.py": "import lazy\nheld = [lazy.n20]\n",
            "main.py": f"{head}__all__ = []\n{line}\n{end}",
        }
    )
    for number in range(1, 4):
        project.edit("main.py", f"'{number}'", f"'{number + 1}'")
        settled(project, LEVELS)


def test_statements_between_idle_imports_are_known(project: Project) -> None:
    """What a statement did is seen although the next ones are not looked at."""
    text = (
        "import logging\nfrom a import x\nlogging.getLogger('a').setLevel(10)\n"
        "from a import y\nimport os.path\n\n\ndef f():\n    return x\n"
    )
    project.start({"a.py": "x = 1\ny = 2\n", "main.py": text})
    project.edit("main.py", "setLevel(10)", "setLevel(20)")
    assert settled(project, LEVEL) == 20
    project.edit("main.py", "logging.getLogger('a').setLevel(20)\n", "")
    assert settled(project, LEVEL) == 0


MISSING = """
    class Meta(type):
        pass

    class Plain:
        pass

    class {long}(metaclass=Meta):
        pass

    def ask(kind, name):
        try:
            return getattr(kind, name)
        except AttributeError as error:
            return str(error), error.name, error.obj is kind

    NAMES = ("missing", "__wrapped__", "größe", "x" * 200)
    now = [ask(k, n) for k in (Plain, {long}, int, Meta) for n in NAMES]
    silent = [hasattr(Plain, "missing"), getattr(int, "missing", 3)]
    """


def test_a_missing_attribute_of_a_class_is_an_error_like_python_s(
    project: Project,
) -> None:
    project.start({"main.py": MISSING.replace("{long}", "L" * 120)})
    classes = "(main.Plain, main." + "L" * 120 + ", int, main.Meta)"
    later = f"[main.ask(k, n) for k in {classes} for n in main.NAMES]"
    assert project.eval(f"main.now == {later}")  # untracked by now
    assert project.eval("main.silent") == [False, 3]


def test_a_module_that_is_no_package_says_so(project: Project) -> None:
    text = (
        "import a\nfrom a import x\n"
        "try:\n    import a.b\nexcept ImportError as e:\n    text = str(e)\n"
        "found = hasattr(a, '__path__'), getattr(a, '__path__', 3)\n"
    )
    project.start({"a.py": "x = 1\n", "main.py": text})
    assert project.eval("main.text") == "No module named 'a.b'; 'a' is not a package"
    assert project.eval("main.found") == (False, 3)


def test_a_module_may_work_its_path_out(project: Project) -> None:
    files = {
        "a.py": "def __getattr__(name):\n    return [name]\n",
        "main.py": "import a\npath = a.__path__\n",
    }
    project.start(files)
    assert project.eval("main.path") == ["__path__"]


def test_adapters_that_are_imported_late_say_before_what_they_are() -> None:
    assert set(adapters.LATE) < set(adapters.OURS)
    flags = [name for name, value in vars(adapters.Adapter).items() if value is False]
    assert "together" in flags
    for name, late in adapters.LATE.items():
        real = {adapter.library: adapter for adapter in adapters._of_module(name)}
        assert list(real) == list(late)
        for library, said in late.items():
            stand_in = adapters.Late(name, library, said)
            for flag in flags:
                assert getattr(stand_in, flag) == getattr(real[library], flag), flag


def test_entry_points_are_found_wherever_packages_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = "hmr_serve.nobody"
    assert list(installed.entry_points_of(group)) == []
    for kind in ("a-1.dist-info", "b.egg-info", "c.egg/EGG-INFO"):
        information = tmp_path / kind
        information.mkdir(parents=True)
        (information / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: n\n")
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: m\n")
        (information / "entry_points.txt").write_text(f"[{group}]\n{kind[0]} = m:n\n")
    folders = [str(tmp_path), str(tmp_path / "c.egg"), str(tmp_path / "none")]
    monkeypatch.setattr(sys, "path", [*sys.path, *folders])
    names = sorted(entry.name for entry in installed.entry_points_of(group))
    assert names == ["a", "b", "c"]


def test_the_garbage_collector_rests_unseen(project: Project) -> None:
    """A program that counts on its threshold sees, and keeps, what it would have."""
    usual = list(gc.get_threshold())
    project.start(
        {
            "main.py": "import gc\nfrom gc import get_threshold as told\n"
            "first, *rest = gc.get_threshold()\nthere = [first, *rest, told()[0]]\n",
        }
    )
    assert settled(project, "__import__('main').there") == [*usual, usual[0]]
    assert settled(project, "list(__import__('main').told())") == usual
    project.edit("main.py", "rest, told", "rest, 1, told")
    assert settled(project, "__import__('main').there") == [*usual, 1, usual[0]]


def test_a_threshold_that_the_program_sets_stays(project: Project) -> None:
    usual = gc.get_threshold()[0]
    text = "import gc\ngc.set_threshold(gc.get_threshold()[0] * 10)\n"
    project.start({"main.py": text})
    assert settled(project, "__import__('gc').get_threshold()[0]") == usual * 10
