# ruff: noqa: E501 (tables of programs, one a line)
"""What splitting a file must not change: lines, docstrings, annotations, futures."""

from __future__ import annotations

import textwrap

import pytest

from .harness import Project, expect, ran


def test_lines_follow_an_inserted_comment(project: Project) -> None:
    source = """
        import functools

        def f():
            def inner():
                return 1
            return inner

        class C:
            def method(self):
                return [x for x in (lambda: range(3))()]

        held = f()
        """
    project.start({"main.py": source})
    report = project.edit(
        "main.py", "import functools", "# one\n# two\nimport functools"
    )
    assert ran(report) == []
    lines = "(main.f.__code__.co_firstlineno, main.held.__code__.co_firstlineno)"
    assert project.eval(lines) == (6, 7)


def test_lines_follow_a_comment_inside_a_function(project: Project) -> None:
    source = "def f():\n    x = 1\n    return x\n\ndef g():\n    return 2\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "x = 1\n", "x = 1\n    # why\n\n")
    assert ran(report) == []
    project.exec("import main; lines = [l for *_, l in main.f.__code__.co_lines()]")
    assert project.eval("lines[-1]") == 5


def test_lines_of_kept_closures_follow(project: Project) -> None:
    source = """
        def make():
            def inner():
                raise ValueError
            return inner

        held = make()
        """
    project.start({"main.py": source})
    project.edit("main.py", "def make", "# a\n# b\ndef make")
    project.exec(
        """
        import main
        try:
            main.held()
        except ValueError as error:
            line = error.__traceback__.tb_next.tb_lineno
        """
    )
    assert project.eval("line") == 6


def test_lines_of_a_suspended_generator_follow(project: Project) -> None:
    project.start({"main.py": "def g():\n    yield 1\n    raise ValueError\n"})
    project.exec("import main; going = main.g(); next(going)")
    project.edit("main.py", "def g", "# a\ndef g")
    project.exec(
        """
        try:
            next(going)
        except ValueError as error:
            line = error.__traceback__.tb_next.tb_lineno
        """
    )
    assert project.eval("line") == 4


def test_getsource_shows_the_present_text(project: Project) -> None:
    project.start({"main.py": "X = 1\ndef f():\n    return 1\n"})
    project.edit("main.py", "X = 1", "X = 1\n# c")
    project.edit("main.py", "return 1", "return 2")
    project.exec("import inspect, linecache, main; linecache.checkcache()")
    assert project.eval("inspect.getsource(main.f)") == "def f():\n    return 2\n"


def test_firstlineno_of_a_class_follows(project: Project) -> None:
    project.start({"main.py": "X = 1\nclass C:\n    def f(self): pass\n"})
    report = project.edit("main.py", "X = 1", "# a\nX = 1")
    assert ran(report) == []


def test_firstlineno_of_classes_in_functions_follows(project: Project) -> None:
    source = """
        def make():
            class C:
                x = 5
                def f(self):
                    class D:
                        pass
                    return D
                class Inner:
                    pass
            return C

        def again():
            def make():
                class C:
                    pass
                return C
            return make()
        """
    make = (
        "from lib import make, again\nA, B = make(), make()\nD = A().f()\nE = again()\n"
    )
    project.start({"lib.py": source, "main.py": make})
    assert (
        ran(
            project.edit(
                "lib.py", "def make():\n    class", "# a\n\ndef make():\n    class"
            )
        )
        == []
    )
    assert ran(project.edit("lib.py", "x = 5", "x = 5\n        # why")) == []
    report = project.edit("lib.py", "def again", "# b\n" * 300 + "def again")
    assert ran(report) == []
    assert ran(project.edit("lib.py", "# b\n" * 300, "")) == []
    project.edit("lib.py", "return D", "return D  # here\n\n")
    report = project.save({"lib.py": "1 / 0\n" + project.read("lib.py")})
    assert report.error
    report = project.edit("lib.py", "1 / 0", "# 0")
    assert ran(report) == []


MOVED = """
import inspect, warnings

def f():
    return 1

class C:
    x = 1

    def method(self):
        warnings.warn("here")
        return sorted(inspect.stack()[0][2:3])

    class Inner:
        "In it."

def make():
    class Made:
        y = 2
    return Made

def count():
    yield 1
    def inner():
        return 2
    yield 2
    raise ValueError(inner())

Made = make()
"""
SHOWN = "[inspect.getsource(x) for x in (f, C, C.method, C.Inner, Made, make)]"


def test_sources_lines_and_warnings_are_those_of_the_moved_text(
    project: Project,
) -> None:
    project.start({"main.py": MOVED})
    edits = (
        ("import inspect", "# a\nimport inspect"),
        ("class C", "# c\n\nclass C"),
        ("x = 1", "x = 1\n\n    # x"),
        ("return 2", "return 20"),
        ("yield 1\n", "yield 1\n    # y\n"),
    )
    for old, new in edits:
        project.exec("import main; going = main.count(); next(going)")
        assert ran(project.edit("main.py", old, new)) == []
        sources = project.eval(
            SHOWN.replace("(f,", "(main.f,")
            .replace(" C", " main.C")
            .replace(" Made", " main.Made")
            .replace(" make", " main.make")
            .replace("inspect.", "main.inspect.")
        )
        text = project.read("main.py")
        assert all(s.strip() in text for s in sources), sources
        assert [s.split(None, 2)[1] for s in sources] == [
            "f():",
            "C:",
            "method(self):",
            "Inner:",
            "Made:",
            "make():",
        ]
        project.exec("""
            import traceback, main
            with main.warnings.catch_warnings(record=True) as caught:
                main.warnings.simplefilter("always")
                lines = main.C().method() + [caught[0].lineno]
            try:
                list(going)
            except ValueError as error:
                lines += [traceback.extract_tb(error.__traceback__)[-1].lineno]
            """)
        where = [
            text[: text.index(t)].count("\n") + 1
            for t in ("return sorted", "warnings.warn", "raise Val")
        ]
        assert project.eval("lines") == where


def test_a_bare_string_in_mid_file_is_no_docstring(project: Project) -> None:
    project.start({"main.py": "x = 1\n'not a doc'\ny = __doc__\n"})
    assert project.eval("main.__doc__") is None
    project.edit("main.py", "'not a doc'", "'neither'")
    assert project.eval("main.__doc__") is None


def test_a_module_docstring_edit(project: Project) -> None:
    source = "'doc'\nx = 1\nshown = __doc__\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "'doc'", "'document'")
    assert "main: x = 1" not in ran(report)
    assert project.eval("(main.__doc__, main.shown)") == ("document", "document")
    project.edit("main.py", "'document'\n", "")
    assert project.eval("(main.__doc__, main.shown)") == (None, None)
    project.save({"main.py": "'''again'''\n" + project.read("main.py")})
    assert project.eval("(main.__doc__, main.shown)") == ("again", "again")


def test_a_docstring_appears_above_a_bare_string(project: Project) -> None:
    project.start({"main.py": "'first'\n'second'\n"})
    project.edit("main.py", "'first'\n", "")
    assert project.eval("main.__doc__") == "second"


def test_a_docstring_below_a_comment_and_a_future(project: Project) -> None:
    source = "# c\n'doc'\nfrom __future__ import annotations\nx: int = 1\n"
    project.start({"main.py": source})
    assert project.eval("main.__doc__") == "doc"


def test_a_future_import_reaches_all_statements(project: Project) -> None:
    source = "import os\n\ndef f(x: int) -> int:\n    return x\n\nother = [1]\n"
    project.start({"main.py": source})
    future = "from __future__ import annotations\n"
    project.save({"main.py": future + source})
    assert project.eval("main.f.__annotations__") == {"x": "int", "return": "int"}
    project.save({"main.py": source})
    assert project.eval("main.f.__annotations__['x'] is int")


def test_a_future_import_that_names_another_feature(project: Project) -> None:
    source = "from __future__ import annotations\nx: int = 1\n"
    project.start({"main.py": source})
    project.edit("main.py", "annotations", "annotations, division")


def test_module_annotations(project: Project) -> None:
    project.start({"main.py": "a: int = 1\nb: str = 'x'\nc: float\nd = 4\n"})
    project.edit("main.py", "b: str", "b: bytes")
    project.edit("main.py", "a: int = 1\n", "")
    project.edit("main.py", "d = 4", "d: list = [4]")
    project.edit("main.py", "c: float\n", "")


def test_module_annotations_in_a_condition(project: Project) -> None:
    source = "FLAG = True\nif FLAG:\n    a: int = 1\nelse:\n    b: str = ''\n"
    project.start({"main.py": source})
    project.edit("main.py", "FLAG = True", "FLAG = False")
    project.edit("main.py", "b: str", "b: bytes")


def test_the_only_annotation_goes(project: Project) -> None:
    project.start({"main.py": "a: int = 1\nx = 2\n"})
    project.edit("main.py", "a: int = 1", "a = 1")
    project.edit("main.py", "a = 1", "a: str = 1")


def test_annotations_read_names(project: Project) -> None:
    project.start(
        {
            "types_.py": "Number = int\n",
            "main.py": """
                from types_ import Number
                from dataclasses import dataclass, fields

                @dataclass
                class Point:
                    x: Number
                    y: Number = 0

                kinds = [f.type for f in fields(Point)]
                other = [1]
                """,
        }
    )
    report = project.edit("types_.py", "Number = int", "Number = float")
    assert "main: other = [1]" not in ran(report)
    assert project.eval("[k.__name__ for k in main.kinds]") == ["float", "float"]


def test_a_forward_reference_in_a_class(project: Project) -> None:
    project.start(
        {
            "main.py": """
                from __future__ import annotations
                import typing

                class Node:
                    next: Node | None
                    leaf: Leaf

                class Leaf:
                    value: int = 1

                hints = typing.get_type_hints(Node)
                """
        }
    )
    project.edit("main.py", "value: int = 1", "value: int = 2")
    assert project.eval("main.hints['leaf'] is main.Leaf")


def test_a_string_annotation_evaluated_by_a_library(project: Project) -> None:
    project.start(
        {
            "main.py": """
                from __future__ import annotations
                import typing

                Number = int

                def f(x: Number) -> Number:
                    return x

                hints = typing.get_type_hints(f)
                other = [1]
                """
        }
    )
    report = project.edit("main.py", "Number = int", "Number = float")
    assert "main: other = [1]" not in ran(report)
    assert project.eval("main.hints['x']") is float


ONE_LINERS = {
    "several statements a line": "a = 1; b = [a]; c = b\n",
    "a decorator factory": "def d(n):\n    return lambda f: f\n@d(1)\n@d(2)\ndef f(): pass\n",
    "a nested function in a class in a function": (
        "def f():\n    class C:\n        def g(self):\n            return lambda: C\n"
        "    return C\nx = f()\n"
    ),
    "a match": "v = 1\nmatch v:\n    case 1:\n        x = 'one'\n    case _:\n        x = 'other'\n",
    "a while": "n = 0\nwhile n < 3:\n    n += 1\nelse:\n    done = True\n",
    "a try": "try:\n    x = 1\nexcept Exception as e:\n    pass\nelse:\n    y = 2\nfinally:\n    z = 3\n",
    "an exception name": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    text = str(e)\n",
    "an except group": "try:\n    raise ExceptionGroup('g', [ValueError()])\nexcept* ValueError as e:\n    n = 1\n",
    "type aliases": "type A = int | str\ntype L[T] = list[T]\nx: A = 1\n",
    "generics": "class Box[T]:\n    def get(self) -> T: ...\ndef f[T: int](x: T) -> T:\n    return x\n",
    "annotated functions around an annotated name": "def f(x: str) -> int: ...\n"
    "y: int = 1\ndef g(z: bytes) -> float: ...\n",
    "lambda": "f = lambda x, y=1: x + y\nv = f(1)\n",
    "comprehensions": "a = [x for x in range(3)]\nb = {x: y for x, y in zip(a, a)}\nc = {*a}\n",
    "global at module level": "global g\ng = 1\n",
    "assert and pass": "assert True\npass\n...\n1\n'text'\n",
    "class scopes": "x = 1\nclass C:\n    y = x\n    x = 2\n    z = [x for _ in range(1)]\n",
    "star expressions": "a, *b = range(4)\nc = [*b, a]\nd = {**{'a': 1}}\n",
    "chained assignment": "a = b = c = []\n",
    "dunder all": "__all__ = ['a']\n__all__ += ['b']\na = b = 1\n",
    "deleted name": "t = 1\nu = t\ndel t\n",
    "escaped names": "__x = 1\nclass C:\n    __y = 2\n    def f(self): return self.__y, __x\n",
    "async": "async def f():\n    async with a as b:\n        async for c in d:\n            await e\n",
    "unicode": "é = 1\n\ufb01 = 2\nx = '\u017f'\n",
    "long": "x = [\n" + "    1,\n" * 300 + "]\ny = 1\n",
    "an empty file": "",
    "only a comment": "# nothing\n",
    "only a docstring": '"""doc"""\n',
    "form feed": "x = 1\n\x0c\ny = 2\n",
    "backslash": "x = 1 + \\\n    2\ny = x\n",
    "f-string": "v = 3\nx = f'{v!r:>{v}} {v=}'\n",
    "decorated class": "def d(c): return c\n@d\nclass C: pass\n",
    "metaclass": "class M(type): pass\nclass C(metaclass=M): pass\n",
    "same constants": "a = (1, 'two', 3.0)\nb = (1, 'two', 3.0)\nc = 10 ** 20\nd = 10 ** 20\n",
    "conditional import": "import sys\nif sys:\n    import json as j\nelse:\n    import csv as j\n",
    "yield in a lambda": "f = lambda: (yield)\n",
    "debug": "if __debug__:\n    x = 1\n",
    "big if": "x = 5\nif x > 3:\n    y = 1\nelif x > 2:\n    y = 2\nelse:\n    y = 3\n",
}  # fmt: skip


@pytest.mark.parametrize("source", ONE_LINERS.values(), ids=ONE_LINERS)
def test_a_tracked_start_is_a_plain_start(project: Project, source: str) -> None:
    project.start({"main.py": source})
    report = project.save({"main.py": "# moved\n\n" + source})
    assert ran(report) == []
    report = project.save({"main.py": source + "\nNEW = 1\n"})
    assert ran(report) == ["main: NEW = 1"]


def test_a_coding_line(project: Project) -> None:
    source = "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1")
    project.start({"main.py": source})
    assert project.eval("main.x") == "é"
    project.save({"main.py": source + b"y = '\xe8'\n"})
    assert project.eval("main.y") == "è"


def test_a_thousand_statements(project: Project) -> None:
    source = "".join(f"x{n} = [{n}]\n" for n in range(1000))
    project.start({"main.py": source})
    report = project.edit("main.py", "x500 = [500]", "x500 = [-1]")
    assert ran(report) == ["main: x500 = [-1]"]
    report = project.edit("main.py", "x500 = [-1]\n", "")
    assert ran(report) == []


def test_statements_lists_what_is_tracked(project: Project) -> None:
    source = """
        import os
        from a import X
        items = [X]
        items.append(1)

        def f():
            return items
        """
    project.start({"a.py": "X = 1\n", "main.py": source})
    names = ("label", "line", "reads", "binds", "shapes", "cost")
    expr = f"[{{n: getattr(s, n) for n in {names}}} for s in engine.statements('main')]"
    shown = project.eval(expr)
    assert [s["line"] for s in shown] == [2, 3, 4, 5, 7]
    assert [s["binds"] for s in shown] == [["os"], ["X"], ["items"], [], ["f"]]
    assert "a.X" in shown[1]["reads"]
    assert "main.X" in shown[2]["reads"]
    assert shown[3]["shapes"] == ["main.items"]
    assert all(s["cost"] >= 0 for s in shown)
    with pytest.raises(AssertionError, match="KeyError"):
        project.eval("engine.statements('nosuch')")


def test_an_exception_group_of_lines(project: Project) -> None:
    """Twenty comment edits in a row leave the lines of a cold start."""
    project.start({"main.py": "def f():\n    return 1\n\nclass C:\n    x = 1\n"})
    for n in range(20):
        report = project.save({"main.py": "# c\n" * n + project.read("main.py")})
        expect(report, [])


def test_a_class_defined_twice_has_the_line_of_the_second(project: Project) -> None:
    source = "class C:\n    def f(self):\n        return 1\n"
    project.start({"main.py": "x = 1\n" + source})
    project.save({"main.py": source})
    project.save({"main.py": source + source})
    project.save({"main.py": "\n" + source + source})


def test_an_import_that_comes_or_goes_changes_how_its_methods_are_called(
    project: Project,
) -> None:
    body = """
        def f():
            return os.getcwd()

        class C:
            def m(self):
                return os.getcwd()

        """
    project.start({"main.py": "import os\n" + textwrap.dedent(body)})
    report = project.edit("main.py", "import os\n", "import sys as os\n")
    assert ran(report) == ["main: import sys as os"]
    report = project.edit("main.py", "import sys as os\n", "")
    assert ran(report) == []
    guarded = "try:\n    import os\nexcept ImportError:\n    pass\n"
    project.save({"main.py": guarded + textwrap.dedent(body)})
    report = project.save({"main.py": textwrap.dedent(body)})
    report = project.save({"main.py": textwrap.dedent(body) + "import os\n"})
    assert ran(report) == ["main: import os"]


LINES_OF_GENERICS = "import a\nimport b\nimport c\nclass C[T]:\n    limit = 4\n\n    def method(self):\n        return self.limit\n"


def test_a_generic_class_whose_line_is_a_constant_of_it_moves(
    project: Project,
) -> None:
    project.start({"a.py": "", "b.py": "", "c.py": "", "main.py": LINES_OF_GENERICS})
    project.save({"main.py": LINES_OF_GENERICS.replace("import a\nimport b\n", "")})


def test_a_class_whose_line_was_a_constant_of_it_moves_and_gets_a_comment(
    project: Project,
) -> None:
    method = "    def method(self):\n        return [self.limit]\n"
    project.start({"main.py": f"x = 1\ny = 2\nclass C:\n    limit = 3\n{method}"})
    comment = "    # inside\n\n"
    report = project.save({"main.py": f"class C:\n{comment}    limit = 3\n{method}"})
    assert ran(report) == []


LAZY = {
    "alias": ("type A = list[C]", "list[C]", "set[C]"),
    "generic alias": ("type A[T] = dict[T, C]", "T, C", "C, T"),
    "alias in a class": ("class A:\n    type B = list[C]", "list[C]", "set[C]"),
    "bound": ("def A[T: C](x: T): return 1", "T: C", "T: D"),
    "bound of a class": ("class A[T: C]: pass", "T: C", "T: D"),
    "annotation": ("def A[T](x: list[T]) -> C: return 1", "-> C", "-> D"),
    "default": ("def A[T](x=C): return x", "=C", "=D"),
    "base": ("class A[T](C): pass", "(C)", "(D)"),
}
LAZY_PROGRAM = {
    "a.py": "class C:\n    x = 1\n\n\nclass D:\n    x = 2\n",
    "ask.py": """
        def look(thing):
            names = [*vars(thing).items()] if isinstance(thing, type) else []
            things = [thing, *(v for n, v in names if n[:2] != "__")]
            bounds = [
                p.__bound__ for t in things for p in getattr(t, "__type_params__", ())
            ]
            values = [getattr(t, "__value__", None) for t in things]
            return [str(b) for b in bounds] + [str(v) for v in values]
        """,
}


@pytest.mark.parametrize("case", LAZY.values(), ids=LAZY)
def test_what_is_evaluated_late_follows_its_names_and_its_text(
    project: Project, case: tuple[str, str, str]
) -> None:
    source, old, new = case
    main = f"from a import C, D\nfrom ask import look\n{source}\nother = [1]\n"
    main += "def get_it():\n    return look(A), [C.x, D.x]\n"
    project.start({**LAZY_PROGRAM, "main.py": main})
    report = project.edit("a.py", "x = 1", "x = [1]")
    assert "main: other = [1]" not in ran(report)
    project.edit("main.py", old, new)
    project.edit("a.py", "x = 2", "x = [2]")
    project.edit("main.py", new, old)
