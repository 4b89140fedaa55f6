"""Patching: a changed body reaches every live function, and nothing reruns."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

HANDLERS = """
    LIMIT = 3

    def read_item(n=1):
        return n + LIMIT

    def read_all():
        return [read_item(n) for n in range(2)]

    model = object()
    """


def test_editing_a_handler_body_reruns_nothing(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    report = project.edit("main.py", "return n + LIMIT", "return n * LIMIT")
    assert ran(report) == []
    assert report.patched == ["main:read_item"]
    assert report.files == ["main.py"]
    assert project.eval("main.read_all()") == [0, 3]


def test_a_patched_function_stays_the_same_object(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    before = project.eval("id(main.read_item)")
    project.edit("main.py", "return n + LIMIT", "return n * LIMIT")
    assert project.eval("id(main.read_item)") == before


def test_importers_of_a_patched_function_stay(project: Project) -> None:
    project.start(
        {
            "a.py": "def f():\n    return 1\n",
            "b.py": "from a import f as g\nheld = [g]\n",
            "main.py": "import b\nfrom b import held\n",
        }
    )
    report = project.edit("a.py", "return 1", "return 2")
    assert ran(report) == []
    assert project.eval("main.held[0]()") == 2


def test_the_revision_grows_by_one_with_each_applied_edit(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    first = project.edit("main.py", "n + LIMIT", "n * LIMIT").revision
    second = project.edit("main.py", "n * LIMIT", "n - LIMIT").revision
    assert second == first + 1
    assert project.apply(["main.py"]).revision == second


def test_saving_without_a_change_costs_nothing(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    report = project.apply(["main.py"])
    assert (ran(report), report.patched, report.removed) == ([], [], [])


def test_a_path_nobody_imported_costs_nothing(project: Project) -> None:
    project.start({"main.py": HANDLERS, "other.py": "1 / 0\n"})
    report = project.edit("other.py", "1 / 0", "2 / 0")
    assert (ran(report), report.patched, report.error) == ([], [], None)


def test_a_hundred_body_edits_in_a_row(project: Project) -> None:
    project.start({"main.py": "def f():\n    return 0\n"})
    for n in range(100):
        edit = f"return {n}\n", f"return {n + 1}\n"
        report = project.edit("main.py", *edit, check=n % 20 == 0)
        assert (ran(report), report.patched) == ([], ["main:f"])
    assert project.eval("main.f()") == 100


BODIES = {
    "async": ("async def f():\n    return 1\n", "return 1", "return 2"),
    "generator": ("def f():\n    yield 1\n", "yield 1", "yield 2"),
    "async generator": ("async def f():\n    yield 1\n", "yield 1", "yield 2"),
    "another global": ("A = 1\nB = 2\ndef f():\n    return A\n", "n A", "n B"),
    "a builtin": ("def f(x=[]):\n    return len(x)\n", "len(x)", "sum(x)"),
    "more statements": ("def f(x):\n    return x\n", "return x", "y = x\n    return y"),
    "more variables": ("def f():\n    a = 1\n", "a = 1", "a = b = c = 1"),
    "an inner lambda": ("def f():\n    return lambda: 1\n", ": 1", ": 2"),
    "a comprehension": ("def f():\n    return [x for x in 'ab']\n", "'ab'", "'abc'"),
    "an inner class": (
        "def f():\n    class C:\n        x = 1\n    return C\n",
        "x = 1",
        "x = 2",
    ),
    "a try": (
        "def f():\n    return 1\n",
        "return 1",
        "try:\n        return 1\n    except ValueError:\n        return 2",
    ),
    "with defaults": ("def f(a, b=[1], *c, d={}, **e):\n    return b\n", "n b", "n d"),
    "annotated": ("def f(a: int) -> str:\n    return 'x'\n", "'x'", "'y'"),
    "with a docstring": ("def f():\n    'doc'\n    return 1\n", "n 1", "n 2"),
    "with type parameters": (
        "def f[T](x: T) -> T:\n    return x\n",
        "return x",
        "pass",
    ),
    "in an if": ("if True:\n    def f():\n        return 1\n", "return 1", "return 2"),
    "in a try": (
        "try:\n    import no\nexcept ImportError:\n    def f():\n        return 1\n",
        "return 1",
        "return 2",
    ),
}


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_a_changed_body_of_any_kind_is_patched(project: Project, case: tuple) -> None:
    source, old, new = case
    project.start({"main.py": source + "other = [1]\n"})
    report = project.edit("main.py", old, new)
    expect(report, [])
    assert report.patched


def test_a_method_body_is_patched(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class Store:
                    def __init__(self, n):
                        self.n = n

                    def get(self):
                        return self.n

                    @property
                    def double(self):
                        return self.n * 2

                    @staticmethod
                    def make():
                        return 1

                    @classmethod
                    def name(cls):
                        return "s"


                store = Store(4)
                """
        }
    )
    assert ran(project.edit("main.py", "return self.n\n", "return self.n + 1\n")) == []
    assert project.eval("main.store.get()") == 5
    assert ran(project.edit("main.py", "self.n * 2", "self.n * 3")) == []
    assert project.eval("main.store.double") == 12
    assert ran(project.edit("main.py", "return 1", "return 2")) == []
    assert ran(project.edit("main.py", 'return "s"', 'return "t"')) == []
    assert project.eval("main.store.name(), main.store.make()") == ("t", 2)


def test_a_method_that_ran_at_import_makes_its_callers_rerun(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class Store:
                    def __init__(self, n):
                        self.n = n

                store = Store(4)
                other = 1
                """
        }
    )
    report = project.edit("main.py", "self.n = n", "self.n = n + 1")
    expect(report, ["main: store = Store(4)"], ["main: class Store"])
    assert project.eval("main.store.n") == 5


def test_a_function_that_ran_at_import_makes_its_callers_rerun(
    project: Project,
) -> None:
    project.start(
        {
            "a.py": "def f():\n    return 1\n",
            "main.py": "from a import f\nx = f()\ny = x + 1\nz = 7\n",
        }
    )
    report = project.edit("a.py", "return 1", "return 2")
    must = ["main: x = f()", "main: y = x + 1"]
    expect(report, must, ["a: def f", "main: from a import f"])
    assert project.eval("main.y") == 3


def test_the_innermost_function_is_judged(project: Project) -> None:
    """A decorator ran at import, the wrapper it made did not."""
    project.start(
        {
            "main.py": """
                import functools

                def timed(fn):
                    @functools.wraps(fn)
                    def wrapper(*args):
                        return ("plain", fn(*args))
                    return wrapper

                @timed
                def handler(x):
                    return x

                model = object()
                """
        }
    )
    assert ran(project.edit("main.py", '"plain"', '"timed"')) == []
    assert project.eval("main.handler(3)") == ("timed", 3)


def test_a_function_behind_a_decorator_is_patched(project: Project) -> None:
    project.start(
        {
            "main.py": """
                import functools

                def timed(fn):
                    @functools.wraps(fn)
                    def wrapper(*args):
                        return ("timed", fn(*args))
                    return wrapper

                @timed
                def handler(x):
                    return x
                """
        }
    )
    report = project.edit("main.py", "    return x\n", "    return x + 1\n")
    assert ran(report) == []
    assert project.eval("main.handler(3)") == ("timed", 4)


def test_a_handler_nested_in_create_app_is_patched(project: Project) -> None:
    project.start(
        {
            "main.py": """
                def create_app(config):
                    routes = {}

                    def index():
                        return "old", config

                    routes["/"] = index
                    return routes

                app = create_app("c")
                """
        }
    )
    report = project.edit("main.py", '"old"', '"new"')
    assert ran(report) == []
    assert project.eval("main.app['/']()") == ("new", "c")


def test_every_closure_of_a_code_is_patched(project: Project) -> None:
    project.start(
        {
            "main.py": """
                def adder(n):
                    def add(x):
                        return x + n
                    return add

                adders = [adder(1), adder(10)]
                """
        }
    )
    assert ran(project.edit("main.py", "x + n", "x * n")) == []
    assert project.eval("[add(5) for add in main.adders]") == [5, 50]


def test_a_new_free_variable_is_no_patch(project: Project) -> None:
    project.start(
        {
            "main.py": """
                def adder(n, m=2):
                    def add(x):
                        return x + n
                    return add

                plus = adder(1)
                """
        }
    )
    report = project.edit("main.py", "x + n", "x + n + m")
    assert "main: plus = adder(1)" in ran(report)
    assert project.eval("main.plus(5)") == 8


CHANGED_FACES = {
    "a signature": ("def f(a):\n    return a\n", "f(a)", "f(a, b=1)"),
    "a default": ("def f(a=1):\n    return a\n", "a=1", "a=2"),
    "a mutable default": ("def f(a=[1]):\n    return a\n", "[1]", "[2]"),
    "a keyword default": ("def f(*, a=1):\n    return a\n", "a=1", "a=2"),
    "an annotation": ("def f(a: int):\n    return a\n", "int", "str"),
    "a return type": ("def f() -> int:\n    return 1\n", "int", "str"),
    "a docstring": ("def f():\n    'old'\n", "'old'", "'new'"),
    "now async": ("def f():\n    return 1\n", "def f", "async def f"),
    "now a generator": ("def f():\n    return 1\n", "return 1", "yield 1"),
}


@pytest.mark.parametrize("case", CHANGED_FACES.values(), ids=CHANGED_FACES)
def test_a_changed_face_reruns_the_def_and_its_readers_only(
    project: Project, case: tuple
) -> None:
    source, old, new = case
    main = "from a import f\nheld = [f]\nother = [2]\n"
    project.start({"a.py": source + "spare = [9]\n", "main.py": main})
    report = project.edit("a.py", old, new)
    may = ["a: def f", "main: from a import f", "main: held = [f]"]
    expect(report, [], may)


def test_a_cached_function_forgets_when_it_is_patched(project: Project) -> None:
    project.start(
        {
            "main.py": """
                from functools import lru_cache

                @lru_cache
                def price(n):
                    return n * 2
                """
        }
    )
    assert project.eval("main.price(4)") == 8
    expect(project.edit("main.py", "n * 2", "n * 3"), [], ["main: def price"])
    assert project.eval("main.price(4)") == 12


def test_a_running_generator_ends_on_its_old_code(project: Project) -> None:
    source = "def count():\n    yield 1\n    yield 2\n"
    project.start({"main.py": source})
    project.exec("import main; going = main.count(); first = next(going)")
    assert ran(project.edit("main.py", "yield 2", "yield 20")) == []
    assert project.eval("(first, list(going), list(main.count()))") == (
        1,
        [2],
        [1, 20],
    )


def test_handlers_of_the_same_name_are_paired_in_order(project: Project) -> None:
    project.start(
        {
            "main.py": """
                held = []

                def keep(fn):
                    held.append(fn)
                    return fn

                @keep
                def handler():
                    return "a"

                @keep
                def handler():
                    return "b"
                """
        }
    )
    project.edit("main.py", '"a"', '"A"')
    project.edit("main.py", '"b"', '"B"')
    assert project.eval("[f() for f in main.held]") == ["A", "B"]


def test_rebinding_a_name_patches_no_other_function(project: Project) -> None:
    source = "def foo():\n    return 1\n\ndef bar():\n    return 2\n\nf = foo\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "f = foo", "f = bar")
    assert ran(report) == ["main: f = bar"]
    assert project.eval("(main.foo(), main.bar(), main.f())") == (1, 2, 2)


def test_a_body_and_a_constant_in_one_save(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    report = project.save(
        {
            "main.py": HANDLERS.replace("LIMIT = 3", "LIMIT = 5").replace(
                "n + LIMIT", "n * LIMIT"
            )
        }
    )
    assert ran(report) == ["main: LIMIT = 5"]
    assert report.patched == ["main:read_item"]
    assert project.eval("main.read_item(2)") == 10


def test_bodies_of_several_files_in_one_save(project: Project) -> None:
    files = {
        "a.py": "def f():\n    return 1\n",
        "main.py": "from a import f\n\ndef g():\n    return f() + 1\n",
    }
    project.start(files)
    report = project.save({k: v.replace("1", "5") for k, v in files.items()})
    assert ran(report) == []
    assert sorted(report.patched) == ["a:f", "main:g"]
    assert project.eval("main.g()") == 10


def test_undoing_a_body_edit_is_a_body_edit(project: Project) -> None:
    project.start({"main.py": HANDLERS})
    project.edit("main.py", "n + LIMIT", "n * LIMIT")
    report = project.edit("main.py", "n * LIMIT", "n + LIMIT")
    assert (ran(report), report.patched) == ([], ["main:read_item"])


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("from pkg import config", "config.Settings()"),
        ("import pkg.config", "pkg.config.Settings()"),
        ("import pkg.config as c", "c.make()"),
        ("from pkg.config import Settings", "Settings()"),
    ],
)
def test_a_cache_forgets_what_a_module_s_attribute_gave(
    project: Project, line: str, call: str
) -> None:
    config = """
        class Base:
            size = 1


        class Settings(Base):
            name = "a"


        def make():
            return Settings()
        """
    main = f"""
        from functools import cache
        {line}

        @cache
        def get_settings():
            return {call}

        def size():
            return getattr(get_settings(), "size", 0)
        """
    project.start({"pkg/__init__.py": "", "pkg/config.py": config, "main.py": main})
    assert project.eval("main.size()") == 1
    project.edit("pkg/config.py", "(Base)", "")
    assert project.eval("main.size()") == 0
    project.edit("pkg/config.py", "Settings:", "Settings(Base):")
    assert project.eval("main.size()") == 1
