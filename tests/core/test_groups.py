"""Groups: what several statements shape reruns together, from its creation."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

LIB = """
    class App:
        def __init__(self, title=""):
            self.title = title
            self.routes = []
            self.state = {}

        def get(self, path):
            def register(handler):
                self.routes.append((path, handler))
                return handler
            return register

        def include(self, router, prefix=""):
            for path, handler in router.routes:
                self.routes.append((prefix + path, handler))
    """
MAIN = """
    from lib import App

    app = App()
    model = [1, 2, 3]

    @app.get("/a")
    def read_a():
        return "a"

    @app.get("/b")
    def read_b():
        return "b"

    SIZE = 10
    """
APP = ["main: app = App()", "main: def read_a", "main: def read_b"]
PATHS = "[path for path, handler in main.app.routes]"


def test_editing_a_route_reruns_its_group_only(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    report = project.edit("main.py", '"/b"', '"/bb"')
    assert ran(report) == APP
    assert project.eval(PATHS) == ["/a", "/bb"]


def test_editing_a_body_in_a_group_reruns_nothing(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    report = project.edit("main.py", 'return "b"', 'return "bb"')
    assert (ran(report), report.patched) == ([], ["main:read_b"])
    assert project.eval("main.app.routes[1][1]()") == "bb"


def test_a_removed_route_is_gone(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    source = '@app.get("/a")\ndef read_a():\n    return "a"\n'
    report = project.edit("main.py", source, "")
    assert ran(report) == ["main: app = App()", "main: def read_b"]
    assert project.eval(PATHS) == ["/b"]


def test_a_route_in_the_middle(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    new = '@app.get("/x")\ndef read_x():\n    return "x"\n\n@app.get("/b")'
    report = project.edit("main.py", '@app.get("/b")', new)
    expect(report, [*APP, "main: def read_x"])
    assert project.eval(PATHS) == ["/a", "/x", "/b"]


def test_a_new_last_route(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    new = 'SIZE = 10\n\n@app.get("/x")\ndef read_x():\n    return "x"\n'
    report = project.edit("main.py", "SIZE = 10", new)
    expect(report, ["main: def read_x"], APP)
    assert project.eval(PATHS) == ["/a", "/b", "/x"]


def test_swapped_routes_are_a_change(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    a = '@app.get("/a")\ndef read_a():\n    return "a"\n'
    b = '@app.get("/b")\ndef read_b():\n    return "b"\n'
    text = project.read("main.py")
    text = text.replace(a, "#").replace(b, a).replace("#", b)
    report = project.save({"main.py": text})
    assert sorted(ran(report)) == sorted(APP)
    assert project.eval(PATHS) == ["/b", "/a"]


def test_the_same_handler_twice(project: Project) -> None:
    source = """
        from lib import App
        app = App()

        @app.get("/one")
        @app.get("/two")
        def both():
            return 1
        """
    project.start({"lib.py": LIB, "main.py": source})
    project.edit("main.py", '"/one"', '"/uno"')
    assert project.eval(PATHS) == ["/two", "/uno"]


def test_a_router_included_by_another_module(project: Project) -> None:
    project.start(
        {
            "lib.py": LIB,
            "users.py": """
                from lib import App
                router = App()

                @router.get("/u")
                def read_user():
                    return 1
                """,
            "items.py": """
                from lib import App
                router = App()

                @router.get("/i")
                def read_item():
                    return 2
                """,
            "main.py": """
                from lib import App
                import users, items
                app = App()
                app.include(users.router, "/users")
                app.include(items.router, "/items")
                """,
        }
    )
    report = project.edit("users.py", '"/u"', '"/v"')
    must = [
        "users: router = App()",
        "users: def read_user",
        "main: app = App()",
        "main: app.include(users.router, '/users')",
        "main: app.include(items.router, '/items')",
    ]
    assert ran(report) == must
    assert project.eval(PATHS) == ["/users/v", "/items/i"]


def test_routes_spread_over_modules(project: Project) -> None:
    project.start(
        {
            "lib.py": LIB,
            "base.py": "from lib import App\napp = App()\nother = App()\n",
            "a.py": """
                from base import app

                @app.get("/a")
                def a():
                    return 1
                """,
            "b.py": """
                from base import app

                @app.get("/b")
                def b():
                    return 2
                """,
            "main.py": "from base import app\nimport a\nimport b\nx = [1]\n",
        }
    )
    project.edit("a.py", '"/a"', '"/aa"')
    assert project.eval(PATHS) == ["/aa", "/b"]
    report = project.edit("b.py", '"/b"', '"/bb"')
    assert project.eval(PATHS) == ["/aa", "/bb"]
    assert "main: x = [1]" not in ran(report)
    assert "base: other = App()" not in ran(report)


def test_the_creation_edited_reruns_the_shapers(project: Project) -> None:
    project.start({"lib.py": LIB, "main.py": MAIN})
    report = project.edit("main.py", "app = App()", 'app = App("t")')
    assert ran(report) == ["main: app = App('t')", *APP[1:]]


def test_a_registry_filled_by_several_modules(project: Project) -> None:
    project.start(
        {
            "registry.py": """
                handlers = {}

                def register(name):
                    def keep(fn):
                        handlers[name] = fn
                        return fn
                    return keep
                """,
            "one.py": """
                from registry import register

                @register("one")
                def first():
                    return 1
                """,
            "two.py": """
                from registry import register

                @register("two")
                def second():
                    return 2
                """,
            "main.py": """
                import one, two
                from registry import handlers
                count = len(handlers)
                """,
        }
    )
    project.edit("one.py", '"one"', '"uno"')
    assert project.eval("list(main.handlers)") == ["uno", "two"]
    project.edit("two.py", '@register("two")\n', "")
    assert project.eval("(list(main.handlers), main.count)") == (["uno"], 1)
    project.edit("one.py", "return 1", "return 11")
    assert project.eval("main.handlers['uno']()") == 11


def test_a_list_shaped_across_modules(project: Project) -> None:
    project.start(
        {
            "a.py": "plugins = []\n",
            "b.py": "from a import plugins\nplugins.append('b')\n",
            "c.py": "from a import plugins\nplugins.append('c')\n",
            "main.py": "import b, c\nfrom a import plugins\nn = len(plugins)\n",
        }
    )
    report = project.edit("b.py", "'b'", "'bb'")
    expect(
        report,
        ["a: plugins = []", "b: plugins.append('bb')", "c: plugins.append('c')"],
        [
            "b: from a import plugins",
            "c: from a import plugins",
            "main: from a import plugins",
            "main: n = len(plugins)",
        ],
    )
    assert project.eval("main.plugins") == ["bb", "c"]
    project.edit("c.py", "plugins.append('c')\n", "")
    assert project.eval("(main.plugins, main.n)") == (["bb"], 1)


SHAPES = {
    "subscript": ("x = {}", "x['a'] = 1", "x['a'] = 2"),
    "attribute": ("class S: pass\nx = S()", "x.a = 1", "x.a = 2"),
    "augmented list": ("x = []", "x += [1]", "x += [2]"),
    "augmented item": ("x = [0]", "x[0] += 1", "x[0] += 2"),
    "deletion": ("x = {'a': 1, 'b': 2}", "del x['a']", "del x['b']"),
    "bare call": ("x = []\ndef add(l, v): l.append(v)", "add(x, 1)", "add(x, 2)"),
    "method": ("x = {1}", "x.update({2})", "x.update({3})"),
    "in a loop": (
        "x = []",
        "for i in range(2): x.append(i)",
        "for i in range(3): x.append(i)",
    ),
    "nested": ("x = {'in': []}", "x['in'].append(1)", "x['in'].append(2)"),
    "through an alias": ("x = []\ny = x", "y.append(1)", "y.append(2)"),
    "through a global": ("x = []\ndef f(v): x.append(v)", "f(1)", "f(2)"),
    "setattr": ("class S: pass\nx = S()", "setattr(x, 'a', 1)", "setattr(x, 'a', 2)"),
    "class attribute": ("class x: pass", "x.a = 1", "x.a = 2"),
    "function attribute": ("def x(): pass", "x.a = 1", "x.a = 2"),
    "consumed iterator": ("x = iter([1, 2, 3])", "v = next(x)", "v = next(x), next(x)"),
    "generator": ("x = (i for i in range(5))", "v = next(x)", "v = next(x), next(x)"),
    "bytearray": ("x = bytearray(b'a')", "x.append(1)", "x.append(2)"),
    "deque": (
        "from collections import deque\nx = deque()",
        "x.append(1)",
        "x.append(2)",
    ),
    "heap": (
        "import heapq\nx = [5, 7]",
        "heapq.heappush(x, 1)",
        "heapq.heappush(x, 9)",
    ),
    "counter": (
        "import itertools\nx = itertools.count()",
        "v = next(x)",
        "v = next(x), next(x)",
    ),
    "sort": ("x = [3, 1, 2]", "x.sort()", "x.reverse()"),
    "pop and push": ("x = [[1]]", "x.pop(); x.append([1])", "x.pop(); x.append([2])"),
}


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_a_shaped_object_is_made_anew(project: Project, case: tuple) -> None:
    create, shape, other = case
    source = f"{create}\n{shape}\nafter = [1]\n"
    project.start({"main.py": source + "last = repr(type(x))\n"})
    report = project.edit("main.py", shape, other)
    assert "main: after = [1]" not in ran(report)
    # and without it
    report = project.edit("main.py", other + "\n", "")
    assert "main: after = [1]" not in ran(report)
    # and back again
    project.edit("main.py", "after = [1]", shape + "\nafter = [1]")


SHOWN = {k: v for k, v in SHAPES.items() if k not in ("consumed iterator", "generator")}


@pytest.mark.parametrize("case", SHOWN.values(), ids=SHOWN)
def test_a_reader_between_shapers_sees_the_shape_of_its_place(
    project: Project, case: tuple
) -> None:
    """What a kept reader read must be what it would read in a cold start."""
    create, shape, other = case
    show = "str(vars(x) if hasattr(x, '__dict__') else x)"
    source = f"{create}\nbefore = {show}\n{shape}\nafter = {show}\n"
    project.start({"main.py": source})
    project.edit("main.py", shape, other)
    project.edit("main.py", other + "\n", "")


def test_a_reader_of_a_shaped_object_reruns(project: Project) -> None:
    source = "x = []\nx.append(1)\ntotal = sum(x)\nother = [1]\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "x.append(1)", "x.append(5)")
    must = ["main: x = []", "main: x.append(5)", "main: total = sum(x)"]
    assert ran(report) == must


def test_a_reader_before_the_shaper_reruns_on_the_new_object(
    project: Project,
) -> None:
    source = "x = []\nheld = [x]\nx.append(1)\n"
    project.start({"main.py": source})
    project.edit("main.py", "x.append(1)", "x.append(5)")
    assert project.eval("main.held[0] is main.x")


def test_two_objects_of_one_statement(project: Project) -> None:
    source = "a, b = [], []\na.append(1)\nb.append(2)\nc = [3]\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "b.append(2)", "b.append(3)")
    assert "main: c = [3]" not in ran(report)
    assert project.eval("(main.a, main.b)") == ([1], [3])


def test_a_shaped_object_held_by_another(project: Project) -> None:
    source = "inner = []\nouter = {'in': inner}\nouter['in'].append(1)\nz = [1]\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "append(1)", "append(2)")
    assert "main: z = [1]" not in ran(report)
    assert project.eval("main.inner is main.outer['in']")


def test_singledispatch(project: Project) -> None:
    project.start(
        {
            "main.py": """
                from functools import singledispatch

                @singledispatch
                def show(x):
                    return "any"

                @show.register
                def _(x: int):
                    return "int"

                @show.register
                def _(x: str):
                    return "str"

                other = [1]

                def get_shown():
                    return show(1), show("a"), show([])
                """
        }
    )
    report = project.edit("main.py", "(x: str)", "(x: list)")
    assert "main: other = [1]" not in ran(report)
    assert project.eval("main.get_shown()") == ("int", "any", "str")
    project.edit("main.py", 'return "int"', 'return "INT"')
    assert project.eval("main.get_shown()") == ("INT", "any", "str")


def test_a_group_created_by_a_call_of_ours(project: Project) -> None:
    project.start(
        {
            "main.py": """
                def create():
                    return {"routes": []}

                def add(app, path):
                    app["routes"].append(path)

                app = create()
                add(app, "/a")
                add(app, "/b")
                size = [1]
                """
        }
    )
    report = project.edit("main.py", '"/a"', '"/x"')
    assert ran(report) == [
        "main: app = create()",
        "main: add(app, '/x')",
        "main: add(app, '/b')",
    ]
    report = project.edit("main.py", "append(path)", "insert(0, path)")
    assert "main: size = [1]" not in ran(report)
    assert project.eval("main.app['routes']") == ["/b", "/x"]


def test_a_lazy_singleton(project: Project) -> None:
    """Who calls get() first creates; the second only reads."""
    project.start(
        {
            "a.py": """
                _instance = None

                def get():
                    global _instance
                    if _instance is None:
                        _instance = {"made": True}
                    return _instance
                """,
            "b.py": "from a import get\nb = get()\n",
            "main.py": "import b\nfrom a import get\nc = get()\nX = 1\n",
        }
    )
    project.edit("main.py", "X = 1", "X = 2")
    project.edit("b.py", "b = get()", "b = [get()]")
    assert project.eval("main.b.b[0] is main.c")


def test_a_mutation_during_a_rerun_is_not_repeated(project: Project) -> None:
    source = "LOG = []\nN = 1\nLOG.append(N)\nLOG.append(2)\nx = [1]\n"
    project.start({"main.py": source})
    for n in range(2, 6):
        project.edit("main.py", f"N = {n - 1}", f"N = {n}")
        assert project.eval("main.LOG") == [n, 2]


@pytest.mark.parametrize(
    "store",
    ["d['a'], x = {}, 1", "[x, (d['a'], *y)] = 1, ({}, 2)", "for d['a'] in [{}]: pass"],
)
def test_a_store_among_other_targets_is_in_the_group(
    project: Project, store: str
) -> None:
    text = "d = {}\n" + store.format(1) + "\n"
    project.start({"main.py": text})
    report = project.save({"main.py": "d = {}\n" + store.format(2) + "\n"})
    assert "main: d = {}" in ran(report)
    assert project.eval("main.d") == {"a": 2}


def test_an_edit_above_who_changes_another_modules_object_reruns_nothing_else(
    project: Project,
) -> None:
    """A partial walk, which knows too little of the object, forces nobody."""
    project.start(
        {
            "db.py": "class Engine:\n    def __init__(self):\n"
            "        self.tables = []\n\nengine = Engine()\n",
            "main.py": "x = 1\nfrom db import engine\nengine.tables.append(x)\n",
        }
    )
    report = project.edit("main.py", "x = 1", "w = 2\nx = 1")
    assert ran(report) == ["main: w = 2"]
    report = project.edit("main.py", "w = 2", "w = 3")
    assert ran(report) == ["main: w = 3"]


BASES = {
    "declarative_base()": "declarative_base()",
    "with a class": "declarative_base(cls=dict)",
    "of a registry": "registry().generate_base()",
}


@pytest.mark.parametrize("made", BASES.values(), ids=BASES)
def test_a_class_that_a_library_has_made_is_made_again_with_what_it_holds(
    project: Project, made: str
) -> None:
    project.start(
        {
            "db.py": f"""
                from sqlalchemy.orm import declarative_base, registry
                Base = {made}
                """,
            "models.py": """
                from sqlalchemy import Column, Integer
                from db import Base

                class User(Base):
                    __tablename__ = "users"
                    id = Column(Integer, primary_key=True)

                def get_value():
                    return [User.__table__.columns.keys(), [*Base.metadata.tables]]
                """,
            "main.py": "from models import Base, User, get_value\n",
        }
    )
    id_column = "    id = Column(Integer, primary_key=True)\n"
    for number in range(3):
        report = project.edit(
            "models.py", id_column, f"{id_column}    c{number} = Column(Integer)\n"
        )
        assert report.error is None and report.restart is None
        assert "db: Base = " + made in ran(report)
    report = project.edit("models.py", '"users"', '"people"')
    assert report.error is None and report.restart is None
    assert project.eval("main.get_value()") == [["id", "c2", "c1", "c0"], ["people"]]


REGISTERS = """
    import sys
    sys.path.insert(0, "../site-packages")
    import registering
    register = registering.make()

    @register
    def first():
        return 1

    @register
    def second():
        return 2

    def get_value():
        return [each.__name__ for each in register.found]
    """


def test_a_function_that_a_library_has_made_for_a_statement(project: Project) -> None:
    library = """
        def make():
            found = []

            def register(function):
                found.append(function)
                return function

            register.found = found
            return register
        """
    project.write({"../site-packages/registering.py": library})
    project.start({"main.py": REGISTERS})
    project.edit("main.py", "@register\ndef first():\n    return 1\n", "")
    assert project.eval("main.get_value()") == ["second"]


def test_an_edit_above_create_all_leaves_the_database(project: Project) -> None:
    project.start(
        {
            "db.py": "from sqlalchemy import create_engine\n"
            "from sqlalchemy.orm import declarative_base\n"
            "engine = create_engine('sqlite://')\nBase = declarative_base()\n",
            "models.py": "from sqlalchemy import Column, Integer\nfrom db import Base\n"
            "class User(Base):\n    __tablename__ = 'users'\n"
            "    id = Column(Integer, primary_key=True)\n",
            "main.py": "import models\nfrom db import Base, engine\nx = 1\n"
            "Base.metadata.create_all(engine)\n",
        }
    )
    report = project.edit("main.py", "x = 1", "x = 2")
    assert ran(report) == ["main: x = 2"]


def test_a_function_is_changed_before_it_is_looked_at(project: Project) -> None:
    """It had no group when `main.x` read it (seed 3020711)."""
    project.start(
        {
            "f.py": "def f():\n    return 1\n",
            "label.py": "from f import f\nf.label = 5\n",
            "main.py": "from f import f\nx = getattr(f, 'label', None)\nimport label\n",
        }
    )
    main = "import label\nfrom f import f\nx = getattr(f, 'label', None)\n"
    report = project.save({"main.py": main})
    assert ran(report) == ["main: import label", f"main: {main.splitlines()[-1]}"]
    assert project.eval("main.x") == 5
