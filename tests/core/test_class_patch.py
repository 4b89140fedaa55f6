# ruff: noqa: E501 (tables of programs, one a line)
"""A class whose plain members change keeps its identity, and its instances stay."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

MODEL = """
    import functools
    import math

    class Hooked:
        def __init_subclass__(cls):
            pass

    class Predictor:
        '''Loads once.'''

        limit = 3
        unused = 1

        def __init__(self, path):
            self.weights = [path, self.limit]

        def predict(self, x):
            return [x, self.limit]

        @property
        def size(self):
            return len(self.weights)

        @staticmethod
        def helper(x=1):
            return x

        def scaled(self, x: int, by: float = 1.0) -> list[int]:
            return [x] * math.floor(by)

    other = [1]
    """
MAIN = """
    from model import Predictor

    predictor = Predictor("m")
    first = predictor.predict(1)

    def get_value():
        return [predictor.predict(2), predictor.size, predictor.helper()]

    def get_scaled():
        return predictor.scaled(3)
    """
FILES = {"model.py": MODEL, "main.py": MAIN}
FIRST = "main: first = predictor.predict(1)"
LOAD = "main: predictor = Predictor('m')"

QUIET = {
    "a method comes": (
        "@property",
        "def batch(self, xs):\n        return xs\n\n    @property",
    ),
    "a constant comes": ("unused = 1", "unused = 1\n    more = (1, 'a')"),
    "a constant changes": ("unused = 1", "unused = 2"),
    "a constant goes": ("unused = 1\n", ""),
    "members change places": ("limit = 3\n    unused = 1", "unused = 1\n    limit = 3"),
    "a docstring": ("Loads once", "Loads at once"),
    "a docstring goes": ("'''Loads once.'''", ""),
    "a signature": ("by: float = 1.0", "by: float = 2.0, *more"),
    "an annotation": ("by: float", "by: int"),
    "a static method's default": ("helper(x=1)", "helper(x=5)"),
    "a property's body and a method": (
        "return len(self.weights)",
        "return -len(self.weights)\n\n    def added(self):\n        return __class__",
    ),
    "an annotated attribute": ("unused = 1", "unused: int = 1"),
    "a class method comes": (
        "@staticmethod",
        "@classmethod\n    def make(cls):\n        return super().__repr__\n\n    @staticmethod",
    ),
}


@pytest.mark.parametrize("case", QUIET.values(), ids=QUIET)
def test_the_instance_stays(project: Project, case: tuple) -> None:
    project.start(FILES)
    project.exec("import main; held = main.predictor, main.Predictor")
    for old, new in (case, case[::-1]):
        if not new or not old:
            break
        report = project.edit("model.py", old, new)
        assert ran(report) == []
        assert report.patched[0] == "model:class Predictor"
    assert project.eval("held == (main.predictor, main.Predictor)")
    assert project.eval("type(main.predictor) is main.Predictor")


def test_who_used_a_changed_member_runs(project: Project) -> None:
    project.start(FILES)
    report = project.edit(
        "model.py", "return [x, self.limit]", "return [x]\n\n    z = 1"
    )
    assert ran(report) == [FIRST]
    report = project.edit("model.py", "limit = 3", "limit = 4")
    expect(report, [LOAD, FIRST])
    assert project.eval("main.predictor.weights") == ["m", 4]
    report = project.edit(
        "model.py", "def predict(self, x)", "def predict(self, x, y=2)"
    )
    assert ran(report) == [FIRST]


USES = {
    "vars": "shown = sorted(vars(Predictor))",
    "dir of an instance": "shown = dir(Predictor('a'))",
    "getattr": "shown = hasattr(Predictor('a'), 'batch')",
    "getattr of the class": "shown = getattr(Predictor, 'batch', None) is None",
    "a library": "import operator\nshown = len(str(operator.attrgetter('unused', '__class__')(Predictor('a'))))",
    "a module's attribute": "import model\nshown = list(vars(model.Predictor))",
    "in a function": "def f():\n    return sorted(dir(Predictor))\nshown = f()",
    "a subclass's instance": "class Sub(Predictor):\n    pass\nshown = hasattr(Sub('a'), 'batch')",
    "super()": "class Sub(Predictor):\n    def has(self):\n        return [super().limit, hasattr(super(), 'batch')]\nshown = Sub('a').has()",
    "a protocol": "import typing\n@typing.runtime_checkable\nclass P(typing.Protocol):\n    def batch(self): ...\nshown = isinstance(Predictor('a'), P)",
    "a cached function": "import functools\n@functools.cache\ndef f():\n    return hasattr(Predictor('a'), 'batch')\nshown = f()\ndef get_it():\n    return f()",
}  # fmt: skip


SUPER = """
class Base:
    def __init__(self, n):
        self.n = n

class Middle(Base):
    def __init__(self, n):
        for _ in range(n):
            super().__init__(n)

class Other:
    def __init__(self, m=1):
        self.m = m
"""
WARM = 40  # calls after which CPython's instruction makes no super object any more


def test_a_changed_member_leaves_what_super_finds_in_other_classes(
    project: Project,
) -> None:
    """`super().__init__()` of a class in whose line it does not stand; in a library's
    classes too."""
    main = f"""
        import fractions, json.encoder, logging
        from lib import Middle, Other
        x = Middle({WARM})
        y = Other().m
        log = logging.StreamHandler()
        """
    project.start({"lib.py": SUPER, "main.py": main})
    report = project.edit("lib.py", "m=1", "m=2")
    assert report.patched == ["lib:class Other"]
    expect(report, ["main: y = Other().m"])
    report = project.edit(
        "lib.py", "self, n):\n        self", "self, n, k=2):\n        self"
    )
    assert report.patched == ["lib:class Base"]
    expect(report, [f"main: x = Middle({WARM})"])


@pytest.mark.parametrize("calls", [1, WARM])
def test_a_changed_member_counts_where_super_comes_to_it(
    project: Project, calls: int
) -> None:
    """Though it stands in no base of the class that asks, only after it in the line."""
    first = f"""
        class Asks:
            def limit(self):
                for _ in range({calls}):
                    found = super().limit()
                return found
        """
    main = """
        from first import Asks
        from second import Has
        class Both(Asks, Has):
            pass
        shown = Both().limit()
        """
    second = "class Has:\n    def limit(self, n=1):\n        return n\n"
    project.start({"first.py": first, "second.py": second, "main.py": main})
    report = project.edit("second.py", "n=1", "n=2")
    assert report.patched == ["second:class Has"]
    expect(report, ["main: shown = Both().limit()"])
    assert project.eval("main.shown") == 2


def test_super_with_two_arguments_may_begin_at_another_class(project: Project) -> None:
    asks = f"""
        class Asks:
            def ask(self):
                for _ in range({WARM}):
                    found = super(First, self).limit
                return found, __class__

            limit = 0
        class First:
            pass
        """
    main = """
        from asks import Asks, First
        from has import Has
        class Both(First, Has, Asks):
            pass
        warm = Both().ask()[0]
        shown = Both().ask()[0]
        """
    has = "class Has:\n    limit = 1\n"
    project.start({"asks.py": asks, "has.py": has, "main.py": main})
    report = project.edit("has.py", "limit = 1", "limit = 2")
    assert report.patched == ["has:class Has"]
    expect(report, [f"main: {n} = Both().ask()[0]" for n in ("warm", "shown")])
    assert project.eval("main.shown") == 2


def test_super_in_classes_that_share_their_code(project: Project) -> None:
    main = f"""
        def make(base):
            class Made(base):
                def limit(self):
                    for _ in range({WARM}):
                        found = super().limit()
                    return found
            return Made

        class A:
            def limit(self, n=1):
                return n
        class B:
            def limit(self, n=2):
                return n
        shown = [make(A)().limit(), make(B)().limit()]
        """
    project.start({"main.py": main})
    project.edit("main.py", "n=2", "n=3")
    assert project.eval("main.shown") == [1, 3]


@pytest.mark.parametrize("text", USES.values(), ids=USES)
def test_who_looks_a_member_up_runs(project: Project, text: str) -> None:
    main = "from model import Predictor\n" + text + "\nother = [Predictor]\n"
    project.start({"model.py": MODEL, "main.py": main})
    new = "def batch(self, xs):\n        return xs\n\n    @property"
    report = project.edit("model.py", "@property", new)
    assert report.patched == ["model:class Predictor"]
    assert [s for s in ran(report) if s.startswith("main: shown")]
    assert "main: other = [Predictor]" not in ran(report)
    project.edit("model.py", new, "@property")


HOLDERS = {
    "handed on": "shown = [Predictor]",
    "a subclass": "class Sub(Predictor):\n    pass",
    "an annotation": "def f(x: Predictor):\n    pass",
    "an instance": "shown = {1: Predictor('a')}",
    "another member": "shown = Predictor('a').predict(1)",
}


@pytest.mark.parametrize("text", HOLDERS.values(), ids=HOLDERS)
def test_who_only_holds_the_class_stays(project: Project, text: str) -> None:
    project.start(
        {"model.py": MODEL, "main.py": f"from model import Predictor\n{text}\n"}
    )
    new = "def batch(self, xs):\n        return xs\n\n    @property"
    for old, now in (("@property", new), (new, "@property")):
        report = project.edit("model.py", old, now)
        assert (report.patched, ran(report)) == (["model:class Predictor"], [])


OTHERS = {
    "a special method": ("unused = 1", "def __len__(self):\n        return 1"),
    "a list": ("unused = 1", "unused = [1]"),
    "a call": ("unused = 1", "unused = int('7')"),
    "an inherited name": (
        "unused = 1",
        "def __eq__(self, other):\n        return True",
    ),
    "a base": ("class Predictor:", "class Predictor(list):"),
    "slots": ("unused = 1", "__slots__ = ()"),
    "a decorator of a method": ("@property", "@functools.cached_property"),
    "a base with an __init_subclass__": (
        "class Predictor:",
        "class Predictor(Hooked):",
    ),
    "an __getattr__": (
        "unused = 1",
        "def __getattr__(self, name):\n        raise AttributeError",
    ),
}


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_other_edits_run_the_class(project: Project, case: tuple) -> None:
    project.start(FILES)
    report = project.edit("model.py", *case)
    assert "model: class Predictor" in ran(report)
    assert LOAD in ran(report)
    project.edit("model.py", *case[::-1])


def test_a_changed_init_makes_the_instances_anew(project: Project) -> None:
    project.start(FILES)
    report = project.edit(
        "model.py", "def __init__(self, path)", "def __init__(self, path, n=1)"
    )
    assert (report.patched, ran(report)) == (["model:class Predictor"], [LOAD, FIRST])
    report = project.edit("model.py", "[path, self.limit]", "[path, self.limit, n]")
    assert ran(report) == [LOAD, FIRST]
    assert project.eval("main.predictor.weights") == ["m", 3, 1]


def test_a_class_that_others_have_changed_runs(project: Project) -> None:
    project.start({"model.py": MODEL, "main.py": MAIN + "\n    Predictor.extra = 1\n"})
    report = project.edit("model.py", "unused = 1", "unused = 2")
    assert "model: class Predictor" in ran(report)


def test_a_name_that_the_body_reads_is_edited_too(project: Project) -> None:
    source = "LIMIT = 1\n\nclass A:\n    limit = LIMIT\n    n = 1\n\na = A()\n"
    project.start({"main.py": source})
    project.save(
        {"main.py": source.replace("n = 1", "n = 2").replace("= 1\n\nc", "= 5\n\nc")}
    )
    assert project.eval("main.a.limit, main.a.n") == (5, 2)
    report = project.edit("main.py", "    n = 2", "    n = 3")
    assert ran(report) == []
    project.save({"main.py": project.read("main.py") + "LIMIT = 9\n"})
    project.edit("main.py", "    n = 3", "    n = 4")
    assert project.eval("main.A.limit") == 5


def test_a_failed_edit_puts_the_members_back(project: Project) -> None:
    project.start(FILES)
    for old, new in [
        ("unused = 1", "more = 2"),
        ("def predict(self, x)", "def predict(self, *x)"),
        ("limit = 3\n    unused = 1", "unused = 1\n    limit = 3"),
    ]:
        before = project.read("model.py")
        report = project.save({"model.py": before.replace(old, new) + "\n1 / 0\n"})
        assert report.error
        report = project.save({"model.py": before})
        assert report.error is None
        assert ran(report) == []


def test_many_edits_of_one_class(project: Project) -> None:
    project.start(FILES)
    for n in range(40):
        old, new = ("unused" if n == 0 else f"name{n}") + " = ", f"name{n + 1} = "
        report = project.edit("model.py", old, new, check=n % 8 == 0)
        assert ran(report) == []
    assert project.eval("main.Predictor.name40") == 1


def test_annotations_that_were_asked_for_are_those_of_now(project: Project) -> None:
    project.start(
        {
            "users.py": """
                from dataclasses import dataclass

                @dataclass
                class User:
                    name: str = "ann"
                """,
            "main.py": """
                from users import User

                class Chat:
                    owner: User

                    def write(self, user: User):
                        return user

                    def close(self):
                        return 1

                chat = Chat()
                told = Chat.write.__annotations__["user"], Chat.__annotations__["owner"]
                same = [each is User for each in told]
                """,
        }
    )
    project.edit("users.py", '"ann"', '"bob"')
    assert project.eval("main.same") == [True, True]
    project.edit("main.py", "return 1", "return 2")
    assert project.eval("main.same") == [True, True]


@pytest.mark.parametrize(
    "store", ["C.limit = 3", "def f():\n    C.limit = 3\nf()", "setattr(C, 'limit', 3)"]
)
def test_a_store_that_changed_nothing_counts_once_the_class_has_another_value(
    project: Project, store: str
) -> None:
    """Seed 3032901."""
    text = f"class C:\n    limit = 3\n\n{store}\n"
    project.start({"m.py": text, "main.py": "import m\n"})
    project.edit("m.py", "    limit = 3\n\n", "    limit = 1\n\n")
    assert project.eval("main.m.C.limit") == 3
    project.edit("m.py", "    limit = 1\n\n", "    limit = 2\n\n")
    project.edit("m.py", store, "")
    assert project.eval("main.m.C.limit") == 2
