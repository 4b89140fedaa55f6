# ruff: noqa: E501 (tables of programs, one a line)
"""An edit is a transaction: what fails leaves everything as it was, and the next save
tries again."""

from __future__ import annotations

import pytest

from .harness import Project, Zygote, ran

PROGRAM = {
    "base.py": """
        import os

        LIMIT = 1
        names = []
        table = {"limit": LIMIT}


        class Base:
            limit = LIMIT


        def get_limit():
            return LIMIT
        """,
    "left.py": """
        from base import LIMIT, Base, names

        names.append("left")


        class Left(Base):
            value = LIMIT


        left = Left()
        """,
    "right.py": """
        import base

        base.names.append("right")
        base.table["right"] = base.LIMIT
        right = [base.get_limit()]
        """,
    "main.py": """
        import left
        import right
        from base import *

        total = LIMIT + right.right[0]
        left.left.extra = total
        del total
        done = True
        """,
}
SYNTAX = {
    "unclosed": "x = (1\n",
    "indentation": b"x = 1\n  y = 2\n",
    "keyword": "class = 1\n",
    "tabs": "if 1:\n\tx = 1\n        y = 2\n",
    "null byte": "x = 1\0\n",
    "bad encoding": b"x = '\xff'\n",
    "unknown coding": "# coding: nosuch\n",
    "return outside": "return 1\n",
    "await outside": "await x\n",
    "nonlocal": "nonlocal x\n",
    "late future": "x = 1\nfrom __future__ import annotations\n",
    "unknown future": "from __future__ import nosuch\n",
    "break outside": "x = 1\nbreak\n",
    "duplicate argument": "def f(a, a): pass\n",
    "assign to literal": "1 = x\n",
    "star import in a function": "def f():\n    from os import *\n",
    "global after use": "def f():\n    print(x)\n    global x\n",
    "f-string": "x = f'{'\n",
    "empty braces": "x = f'{}'\n",
    "continue in def": "def f():\n    continue\n",
    "yield outside": "yield 1\n",
}


@pytest.mark.parametrize("source", SYNTAX.values(), ids=SYNTAX)
def test_a_syntax_error_leaves_everything(project: Project, source: str) -> None:
    project.start(PROGRAM)
    report = project.save({"left.py": source})
    assert report.error
    assert (ran(report), report.patched, report.restart) == ([], [], None)
    report = project.save({"left.py": PROGRAM["left.py"]})
    assert (ran(report), report.error) == ([], None)


RAISES = {
    "zero": "1 / 0",
    "name": "nosuch",
    "key": "{}['a']",
    "own": "class E(Exception): pass\nraise E('own', 1)",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise OSError('x') from e",
    "in a function": "def fail():\n    raise ValueError('deep')\nfail()",
    "in a class body": "class C:\n    x = 1\n    y = z",
    "in a decorator": "def d(f):\n    raise TypeError('d')\n@d\ndef f(): pass",
    "in a library": "import json\njson.loads('{')",
    "system exit": "raise SystemExit(3)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "base exception": "raise BaseException('base')",
    "stop iteration": "next(iter([]))",
    "recursion": "def r():\n    return r()\nr()",
    "assertion": "assert 1 == 2, 'no'",
    "missing module": "import nosuch_module",
    "missing submodule": "import base.nosuch",
    "group": "raise ExceptionGroup('g', [ValueError(1)])",
    "unset exception text": "raise type('Odd', (Exception,), {'__str__': lambda s: 'odd'})",
}


@pytest.mark.parametrize("source", RAISES.values(), ids=RAISES)
def test_an_exception_leaves_everything(project: Project, source: str) -> None:
    project.start(PROGRAM)
    text = project.read("left.py")
    report = project.save({"left.py": text + source + "\n"})
    assert report.error
    report = project.save({"left.py": text})
    assert (ran(report), report.error) == ([], None)


POINTS = [
    (name, n)
    for name, source in PROGRAM.items()
    for n in range(source.count("\n") + 1)
    if source.split("\n")[n].startswith(" " * 8 + " ") is False
]


@pytest.mark.parametrize(("name", "line"), POINTS)
def test_an_error_after_each_statement_rolls_back(
    project: Project, name: str, line: int
) -> None:
    """The root constant changes, so everything reruns; one statement more raises."""
    project.start(PROGRAM)
    lines = PROGRAM[name].split("\n")
    lines.insert(line, " " * 8 + "1 / 0")
    files = {"base.py": PROGRAM["base.py"], name: "\n".join(lines)}
    files["base.py"] = files["base.py"].replace("LIMIT = 1", "LIMIT = 2")
    report = project.save(files)
    assert report.error
    assert "ZeroDivisionError" in report.error["type"]
    fixed = {**PROGRAM, "base.py": PROGRAM["base.py"].replace("LIMIT = 1", "LIMIT = 3")}
    assert project.save(fixed).error is None
    assert project.eval("main.right.right") == [3]


def test_an_error_keeps_patches_of_the_same_save_back(project: Project) -> None:
    project.start({"main.py": "def f():\n    return 1\n\nx = [1]\n"})
    report = project.save({"main.py": "def f():\n    return 2\n\nx = [1 / 0]\n"})
    assert report.error
    assert project.eval("main.f()") == 1
    report = project.save({"main.py": "def f():\n    return 2\n\nx = [1]\n"})
    assert report.patched == ["main:f"]
    assert project.eval("main.f()") == 2


def test_an_error_undoes_what_was_done_to_kept_objects(project: Project) -> None:
    source = """
        class S: pass
        kept = S()
        items = {"a": 1}

        def change(n):
            kept.value = n
            items["n"] = n
        """
    main = "from a import change, kept, items\nx = 1\n"
    project.start({"a.py": source, "main.py": main})
    edit = ("x = 1", "change(5)\n1 / 0")
    report = project.edit("main.py", *edit)
    assert report.error
    assert project.eval("(vars(main.kept), main.items)") == ({}, {"a": 1})
    project.edit("main.py", "1 / 0", "x = 1")
    assert project.eval("(vars(main.kept), main.items['n'])") == ({"value": 5}, 5)


def test_an_error_in_a_new_module_leaves_no_module(project: Project) -> None:
    project.start({"main.py": "x = 1\n"})
    project.write({"a.py": "Y = 1\n1 / 0\n"})
    report = project.edit("main.py", "x = 1", "x = 1\nimport a")
    assert report.error
    assert not project.eval("'a' in sys.modules")
    report = project.edit("a.py", "1 / 0", "2 / 1")
    assert report.error is None
    assert project.eval("main.a.Y") == 1


def test_errors_in_a_row_and_the_way_back(project: Project) -> None:
    project.start(PROGRAM)
    report = project.edit("base.py", "LIMIT = 1", "LIMIT = ")
    assert report.error
    report = project.edit("base.py", "LIMIT = ", "LIMIT = nosuch")
    assert report.error
    report = project.edit("left.py", "left = Left()", "left = Left(1, 2)")
    assert report.error
    report = project.edit("base.py", "LIMIT = nosuch", "LIMIT = 5")
    assert report.error
    report = project.edit("left.py", "left = Left(1, 2)", "left = Left()")
    assert report.error is None
    assert project.eval("main.right.right") == [5]


def test_an_error_does_not_grow_the_revision(project: Project) -> None:
    project.start(PROGRAM)
    before = project.apply(["base.py"]).revision
    assert project.edit("base.py", "LIMIT = 1", "LIMIT = 1 / 0").revision == before
    assert project.edit("base.py", "1 / 0", "2").revision == before + 1


def test_an_edit_elsewhere_while_a_file_is_broken(project: Project) -> None:
    """A cold start fails on the broken file: so does every save until it is mended."""
    project.start(PROGRAM)
    project.edit("left.py", "left = Left()", "left = = Left()")
    report = project.edit("right.py", "base.get_limit()", "base.get_limit() + 1")
    assert report.error
    report = project.edit("left.py", "left = = Left()", "left = Left()")
    assert report.error is None
    assert project.eval("main.right.right") == [2]


def test_the_error_of_a_called_handler_names_the_new_line(project: Project) -> None:
    project.start({"main.py": "x = 1\n\ndef f():\n    return 1 / x\n"})
    project.edit("main.py", "return 1 / x", "y = 0\n    return x / y")
    project.exec(
        """
        import main, traceback
        try:
            main.f()
        except ZeroDivisionError as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            seen = last.lineno, last.name, last.line
        """
    )
    assert project.eval("seen") == (5, "f", "return x / y")


def test_an_undone_emptied_file_is_no_edit(project: Project) -> None:
    """Its readers failed; with the old text back, nothing has to run."""
    project.start(PROGRAM)
    report = project.save({"left.py": "x = 1\n"})
    assert report.error
    report = project.save({"left.py": PROGRAM["left.py"]})
    assert (ran(report), report.error) == ([], None)


def test_an_undone_error_is_no_edit(project: Project) -> None:
    project.start(PROGRAM)
    text = project.read("base.py")
    project.edit("base.py", "LIMIT = 1", "LIMIT = 1 / 0")
    report = project.save({"base.py": text})
    assert (ran(report), report.patched, report.error) == ([], [], None)


def test_a_start_that_fails_raises_as_plain_python(
    project: Project, zygote: Zygote
) -> None:
    project.write({"a.py": "x = 1\n1 / 0\n", "main.py": "import a\n"})
    error = project.boot()
    assert error is not None
    assert (error["type"], error["where"]) == (
        "builtins.ZeroDivisionError",
        ("a.py", 2, "<module>"),
    )
    report = project.edit("a.py", "1 / 0", "y = 2", check=False)
    assert report.error is None
    project.exec("engine.run('entry', worker.entry)")  # as hmr_serve/reloader.py does
    assert project.eval("sys.modules['main'].a.y") == 2
    assert ran(project.edit("a.py", "y = 2", "y = 3")) == ["a: y = 3"]


def test_the_old_program_answers_while_an_edit_is_broken(project: Project) -> None:
    project.start({"main.py": "def get_x():\n    return 1\n"})
    project.edit("main.py", "return 1", "return (")
    assert project.eval("main.get_x()") == 1


def test_a_failed_rerun_does_not_leave_appended_members(project: Project) -> None:
    project.start({"main.py": "x = []\nx.append(1)\n"})
    report = project.edit("main.py", "x.append(1)\n", "x.append(1)\nx.append(2)\n1/0\n")
    assert report.error
    assert project.eval("main.x") == [1]
    project.edit("main.py", "1/0\n", "")
    assert project.eval("main.x") == [1, 2]


def test_a_syntax_error_in_a_module_that_the_same_save_drops_is_no_error(
    project: Project,
) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "from a import X\nY = 2\n"})
    report = project.save({"a.py": "X = = 1\n", "main.py": "X = 3\nY = 2\n"})
    assert (ran(report), report.error) == (["main: X = 3"], None)


def test_an_error_that_a_cold_start_meets_before_the_syntax_error_is_shown(
    project: Project,
) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "Y = 2\nfrom a import X\n"})
    report = project.save({"a.py": "X = (\n", "main.py": "Y = 2 / 0\nimport a\n"})
    assert report.error
    assert report.error["type"] == "builtins.ZeroDivisionError"
    report = project.save({"a.py": "X = 5\n", "main.py": "Y = 2\nfrom a import X\n"})
    assert report.error is None


CAUGHT = {
    "at once": {"main.py": "try:\n    import a\nexcept SyntaxError:\n    a = None\n"},
    "further up": {
        "b.py": "Z = 1\nimport a\n",
        "main.py": "try:\n    import b\nexcept SyntaxError:\n    b = None\n",
    },
    "by a function": {
        "main.py": "def load():\n    try:\n        import a\n"
        "    except SyntaxError:\n        a = None\n    return a\n\n\na = load()\n"
    },
    "by the package": {
        "pkg/__init__.py": "def __getattr__(name):\n    try:\n        import a\n"
        "    except SyntaxError:\n        return 0\n    return a\n",
        "main.py": "from pkg import thing\n",
    },
}


@pytest.mark.parametrize("files", CAUGHT.values(), ids=CAUGHT)
def test_a_syntax_error_that_the_program_catches_is_applied(
    project: Project, files: dict[str, str]
) -> None:
    project.start({"a.py": "X = 1\n", **files})
    for source in ("X = (\n", "X = 2\n", "def f():\n  return = 1\n", "X = 3\n"):
        assert project.save({"a.py": source}).error is None


def test_a_statement_that_binds_new_names_and_then_raises_leaves_none(
    project: Project,
) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "import a\na.put = 1\n"})
    source = "for new in [1]:\n    other = 2\n    1 / 0\n"
    assert project.save({"a.py": source, "main.py": "import a\n"}).error
    assert project.save({"a.py": source.replace("1 / 0", "pass")}).error is None


def test_what_was_tried_on_an_old_object_is_undone(project: Project) -> None:
    """Its creator runs again for that, but it had happened by then."""
    text = "def f():\n    return 1\n"
    project.start({"a.py": text, "main.py": "import a\n"})
    fails = {"b.py": "from a import f\nf.label = 1\n", "main.py": "import b\n1 / 0\n"}
    assert project.save(fails).error is not None
    assert project.eval("a.f.__dict__") == {}


@pytest.mark.parametrize("seen", ["", "vars(lazy)\n"], ids=["", "its dict is there"])
def test_what_was_tried_through_a_new_object_is_undone(
    project: Project, seen: str
) -> None:
    lazy = (
        "class Lazy:\n    made = None\n\n    def __getattr__(self, name):\n"
        "        self.made = self.made or [name]\n        return self.made\n\n\n"
        f"lazy = Lazy()\n{seen}"
    )
    proxy = (
        "from a import lazy\n\n\nclass Proxy:\n    def __init__(self, target):\n"
        "        self.target = target\n\n    def __getattr__(self, name):\n"
        "        return getattr(self.target, name)\n\n\nproxy = Proxy(lazy)\n"
        "x = proxy.name\n"
    )
    project.start({"a.py": lazy, "main.py": "import a\n"})
    assert project.save({"b.py": proxy, "main.py": "import b\n1 / 0\n"}).error
    assert project.eval("a.lazy.__dict__") == {}
