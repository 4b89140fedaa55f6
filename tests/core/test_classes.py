# ruff: noqa: E501 (tables of programs, one a line)
"""Classes: bodies, bases, instances, enums, dataclasses."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

BASE = """
    class Base:
        kind = "base"

        def name(self):
            return self.kind

    class Plain:
        pass
    """
CHILD = """
    from base import Base

    class Child(Base):
        def shout(self):
            return self.name().upper()

    child = Child()
    other = [1]
    """


def test_a_changed_base_reruns_its_subclasses(project: Project) -> None:
    project.start({"base.py": BASE, "main.py": CHILD})
    report = project.edit("base.py", '"base"', '"low"')
    assert "main: other = [1]" not in ran(report)
    assert "base: class Plain" not in ran(report)
    assert project.eval("main.child.shout()") == "LOW"


def test_an_instance_is_of_the_present_class(project: Project) -> None:
    project.start({"base.py": BASE, "main.py": CHILD})
    project.edit("main.py", "class Child(Base):", "class Child(Base):\n    x = 1\n")
    assert project.eval("type(main.child) is main.Child")
    project.edit("base.py", "class Base:", "class Base:\n    y = 1\n")
    assert project.eval("isinstance(main.child, main.Base) and main.child.y") == 1


def test_a_method_reaches_a_loaded_model(project: Project) -> None:
    """`Predictor` gains a method: the loaded predictor stays."""
    project.start(
        {
            "main.py": """
                class Predictor:
                    def __init__(self, path):
                        self.weights = [path]

                    def predict(self, x):
                        return x

                predictor = Predictor("m")

                def handler(x):
                    return predictor.predict(x)
                """
        }
    )
    new = "def predict(self, x):\n        return x\n\n    def batch(self, xs):\n"
    new += "        return [self.predict(x) for x in xs]\n"
    report = project.edit(
        "main.py", "def predict(self, x):\n        return x\n", new, check=False
    )
    assert project.eval("main.predictor.batch([1])") == [1]
    assert ran(report) == []


MEMBERS = {
    "a method": ("def m(self):\n        return 1", "def m(self, x=2):\n        return x"),
    "a property": ("@property\n    def m(self):\n        return 1", "def m(self):\n        return 1"),
    "a constant": ("m = 1", "m = 2"),
    "a list": ("m = [1]", "m = [2]"),
    "a docstring": ("'doc'\n    m = 1", "'document'\n    m = 1"),
    "an annotation": ("m: int = 1", "m: str = 1"),
    "a removed member": ("m = 1\n    n = 2", "n = 2"),
    "an added member": ("m = 1", "m = 1\n    n = 2"),
    "a nested class": ("class m:\n        x = 1", "class m:\n        x = 2"),
    "slots": ("__slots__ = ('a',)", "__slots__ = ('a', 'b')"),
    "order": ("m = 1\n    n = 2", "n = 2\n    m = 1"),
    "a loop": ("m = [i for i in range(3)]", "m = [i for i in range(4)]"),
    "init_subclass": (
        "def __init_subclass__(cls):\n        cls.made = 1",
        "def __init_subclass__(cls):\n        cls.made = 2",
    ),
    "a dunder": ("def __repr__(self):\n        return 'a'", "def __str__(self):\n        return 'a'"),
    "equality": ("def __eq__(self, o):\n        return True", "m = 1"),
    "a class method": ("@classmethod\n    def m(cls):\n        return cls", "@staticmethod\n    def m():\n        return 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)
def test_a_changed_member_equals_a_cold_start(project: Project, case: tuple) -> None:
    old, new = case
    source = f"class C:\n    {old}\n\nclass D(C):\n    pass\n\nd = D()\nother = [7]\n"
    project.start({"a.py": source, "main.py": "from a import D\nheld = [D]\n"})
    report = project.edit("a.py", old, new)
    assert "a: other = [7]" not in ran(report)
    project.edit("a.py", new, old)


def test_an_enum(project: Project) -> None:
    project.start(
        {
            "colors.py": """
                import enum

                class Color(enum.Enum):
                    RED = 1
                    BLUE = 2
                """,
            "main.py": """
                from colors import Color
                default = Color.RED
                table = {Color.RED: "r", Color.BLUE: "b"}
                other = [1]
                """,
        }
    )
    report = project.edit("colors.py", "BLUE = 2", "BLUE = 2\n    GREEN = 3")
    assert "main: other = [1]" not in ran(report)
    assert project.eval("main.default is main.Color.RED")
    assert project.eval("[c.name for c in main.Color]") == ["RED", "BLUE", "GREEN"]
    project.edit("colors.py", "RED = 1", "RED = 10")
    assert project.eval("main.default.value") == 10


def test_enums_of_every_kind(project: Project) -> None:
    source = """
        import enum

        class Level(enum.IntEnum):
            LOW = enum.auto()
            HIGH = enum.auto()

        class Perm(enum.Flag):
            R = enum.auto()
            W = enum.auto()
            RW = R | W

        class Name(enum.StrEnum):
            A = "a"

        worst = Level.HIGH
        both = Perm.R | Perm.W
        """
    project.start({"main.py": source})
    project.edit("main.py", "LOW = enum.auto()", "LOW = enum.auto()\n    MID = 5")
    project.edit("main.py", "RW = R | W", "X = enum.auto()")
    project.edit("main.py", 'A = "a"', 'A = "a"\n    B = "b"')


def test_a_dataclass(project: Project) -> None:
    project.start(
        {
            "models.py": """
                from dataclasses import dataclass, field

                @dataclass
                class Item:
                    name: str
                    price: float = 1.0
                    tags: list = field(default_factory=list)

                    def total(self):
                        return self.price * 2

                @dataclass(frozen=True, order=True)
                class Point:
                    x: int = 0
                """,
            "main.py": """
                from models import Item, Point
                item = Item("a")
                points = sorted([Point(2), Point(1)])
                other = [1]
                """,
        }
    )
    report = project.edit("models.py", "price: float = 1.0", "price: float = 2.0")
    assert "main: other = [1]" not in ran(report)
    assert "main: points = sorted([Point(2), Point(1)])" not in ran(report)
    assert project.eval("main.item.total()") == 4.0
    report = project.edit("models.py", "self.price * 2", "self.price * 3")
    assert ran(report) == []
    project.edit("models.py", "order=True)", "order=True, slots=True)")


def test_a_named_tuple(project: Project) -> None:
    source = """
        from typing import NamedTuple
        from collections import namedtuple

        class P(NamedTuple):
            x: int
            y: int = 0

        Q = namedtuple("Q", "a b")
        p, q = P(1), Q(1, 2)
        total = p.x + q.a
        """
    project.start({"main.py": source})
    project.edit("main.py", "y: int = 0", "y: int = 5")
    assert project.eval("main.p.y") == 5
    project.edit("main.py", '"a b"', '"a b c"', check=False)


def test_a_pydantic_model(project: Project) -> None:
    project.start(
        {
            "models.py": """
                from pydantic import BaseModel

                class Inner(BaseModel):
                    value: int = 1

                class Outer(BaseModel):
                    inner: Inner = Inner()
                    names: list[str] = []
                """,
            "main.py": """
                from models import Inner, Outer
                outer = Outer()
                other = [1]

                def get_schema():
                    return str(Outer.model_json_schema())

                def get_value():
                    return str(Outer.model_validate({"inner": {"value": "3"}}))
                """,
        }
    )
    report = project.edit("models.py", "value: int = 1", "value: float = 1.5")
    assert "main: other = [1]" not in ran(report)
    project.edit("models.py", "names: list[str] = []", "names: list[int] = [1]")
    report = project.edit("main.py", "other = [1]", "other = [2]")
    assert ran(report) == ["main: other = [2]"]


def test_metaclasses_and_hooks(project: Project) -> None:
    source = """
        class Meta(type):
            made = []
            def __new__(mcs, name, bases, space):
                mcs.made.append(name)
                return super().__new__(mcs, name, bases, space)

        class Field:
            def __set_name__(self, owner, name):
                self.name = name

        class A(metaclass=Meta):
            x = Field()

        class B(A):
            y = Field()

        names = list(Meta.made)
        """
    project.start({"main.py": source})
    project.edit("main.py", "y = Field()", "z = Field()")
    assert project.eval("main.B.z.name") == "z"
    project.edit("main.py", "class B(A)", "class C(A)")
    assert project.eval("main.names") == ["A", "C"]
    project.edit("main.py", "append(name)", "append(name.lower())")
    assert project.eval("main.names") == ["a", "c"]


def test_init_subclass_registers(project: Project) -> None:
    project.start(
        {
            "base.py": """
                class Plugin:
                    found = {}
                    def __init_subclass__(cls, key=None, **more):
                        super().__init_subclass__(**more)
                        Plugin.found[key or cls.__name__] = cls
                """,
            "one.py": "from base import Plugin\n\nclass One(Plugin):\n    x = 1\n",
            "two.py": "from base import Plugin\n\nclass Two(Plugin, key='2'):\n    x = 2\n",
            "main.py": "import one, two\nfrom base import Plugin\n"
            "names = list(Plugin.found)\n",
        }
    )
    project.edit("one.py", "x = 1", "x = 11")
    assert project.eval("main.Plugin.found['One'] is main.one.One")
    project.edit("two.py", "key='2'", "key='zwei'")
    assert project.eval("main.names") == ["One", "zwei"]
    project.edit("one.py", "class One", "class Uno")
    assert project.eval("main.names") == ["Uno", "zwei"]


def test_subclasses_are_read_as_a_set(project: Project) -> None:
    project.start(
        {
            "base.py": "class P:\n    pass\n",
            "one.py": "from base import P\n\nclass A(P):\n    x = 'a'\n",
            "main.py": "import one\nfrom base import P\n"
            "ALL = [c.x for c in P.__subclasses__()]\n",
        }
    )
    project.edit("one.py", "x = 'a'", "x = 'z'")
    assert project.eval("main.ALL") == ["z"]
    project.save({"one.py": project.read("one.py") + "\nclass B(P):\n    x = 'b'\n"})
    assert project.eval("main.ALL") == ["z", "b"]


# A library that copies a module's names, as pydantic does for forward references.
COPIES = """
    import sys

    def annotation(cls, name):
        names = dict(vars(sys.modules[cls.__module__]))
        return eval(cls.__annotations__[name], names)
    """


def test_a_library_that_copies_all_names_finds_those_bound_by_then(
    project: Project,
) -> None:
    """`B` was taken away for the class that names it above its statement."""
    project.start(
        {
            "../site-packages/copies.py": COPIES,
            "a.py": "X = 1\n",
            "b.py": "class B:\n    pass\n",
            "main.py": """
                import sys
                sys.path.insert(0, '../site-packages')
                import copies
                from a import X

                class C:
                    x = X
                    b: "B"

                from b import B
                shown = copies.annotation(C, "b").__name__, C.x
                """,
            "other.py": """
                import main, copies
                shown = copies.annotation(main.C, "b").__name__, main.X
                """,
        },
        "other",
    )
    project.edit("a.py", "X = 1", "X = 5")
    assert project.eval("main.shown") == ("B", 5)
    assert project.eval("other.shown") == ("B", 5)


def test_super_and_properties(project: Project) -> None:
    source = """
        class A:
            def f(self):
                return 1

            @property
            def p(self):
                return self.f()

        class B(A):
            def f(self):
                return super().f() + 1

        b = B()

        def get_value():
            return b.p, b.f()
        """
    project.start({"main.py": source})
    expect(project.edit("main.py", "return 1", "return 10"), [])
    assert project.eval("main.get_value()") == (11, 11)
    expect(project.edit("main.py", "super().f() + 1", "super().f() + 2"), [])
    assert project.eval("main.get_value()") == (12, 12)


def test_abstract_classes_and_protocols(project: Project) -> None:
    source = """
        import abc
        from typing import Protocol, runtime_checkable

        @runtime_checkable
        class Sized(Protocol):
            def size(self) -> int: ...

        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...

        class Square(Shape):
            def area(self):
                return 1

            def size(self):
                return 1

        square = Square()
        checked = isinstance(square, Sized)
        """
    project.start({"main.py": source})
    project.edit("main.py", "def size(self):", "def sizes(self):")
    assert project.eval("main.checked") is False
    report = project.edit("main.py", "def area(self):\n        return 1", "x = 1")
    assert report.error


def test_an_instance_with_a_changed_init(project: Project) -> None:
    project.start(
        {
            "a.py": "class Store:\n    def __init__(self, n):\n        self.n = n\n",
            "main.py": "from a import Store\nstore = Store(1)\nother = [store]\n",
        }
    )
    project.edit("a.py", "self.n = n", "self.n = n\n        self.m = 2")
    assert project.eval("main.other[0].m") == 2


def test_generic_classes(project: Project) -> None:
    source = """
        from typing import Generic, TypeVar

        T = TypeVar("T")

        class Box(Generic[T]):
            def __init__(self, v: T):
                self.v = v

        class IntBox(Box[int]):
            pass

        box = IntBox(3)
        """
    project.start({"main.py": source})
    project.edit("main.py", "self.v = v", "self.v = [v]")
    assert project.eval("main.box.v") == [3]
    project.edit("main.py", "Box[int]", "Box[str]")


def test_a_function_that_holds_a_class_in_its_annotations_runs_alone(
    project: Project,
) -> None:
    """The class is another by then: others have derived from it."""
    base = """
        from typing import Generic, TypeVar

        class Base(Generic[TypeVar("T")]):
            known = []

            def __init_subclass__(cls):
                Base.known.append(cls.__name__)
        """
    helper = """
        from base import Base

        def helper(cls: type[Base], other: Base | None = None) -> dict[str, Base]:
            '''Helps.'''
            return cls
        """
    main = """
        from base import Base
        from helper import helper

        class One(Base):
            pass

        Base.last = One
        found = Base.known[:]
        """
    project.start({"base.py": base, "helper.py": helper, "main.py": main})
    report = project.edit("helper.py", "dict[str", "dict[int")
    expect(
        report,
        ["helper: def helper"],
        may=["main: from helper import helper"],
    )
