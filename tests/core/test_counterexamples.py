# ruff: noqa: E501 (tables of programs, one a line)
"""Programs that a simpler design gets wrong, each with what goes wrong.

The numbers are those of the list of counterexamples that the design was made from.
"""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran, settled

# Others stand elsewhere: 7 in e2e/test_lifespan.py, 8 in test_started.py, 22 in
# test_contributions.py, 23 in e2e/test_restart.py.


def test_01_the_old_scheduler_is_there_to_be_shut_down(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class Scheduler:
                    def __init__(self, every):
                        self.every, self.running = every, False

                scheduler = Scheduler(5)

                def startup():
                    scheduler.running = True

                def shutdown():
                    assert scheduler.running, "not running"
                    scheduler.running = False
                """
        }
    )
    project.exec("import main; engine.begin('l'); main.startup(); engine.end('l')")
    report = project.edit("main.py", "Scheduler(5)", "Scheduler(9)", check=False)
    assert report.stale == ["l"]
    project.exec("engine.swap_back(); main.shutdown(); old = main.scheduler")
    project.exec("engine.swap_forward(); main.startup()")
    assert project.eval("(old.running, main.scheduler.running)") == (False, True)
    assert project.eval("main.scheduler.every") == 9


def test_02_a_creator_that_does_not_create(project: Project) -> None:
    """A second call gives the first one's object: freshness."""
    project.start(
        {
            "pool.py": "made = {}\n\ndef get(k):\n    return made.setdefault(k, [])\n",
            "main.py": "from pool import get\nq = get('q')\nq.append(1)\nq.append(2)\n",
        }
    )
    project.edit("main.py", "q.append(1)\n", "")
    assert project.eval("main.q") == [2]
    project.edit("main.py", "q.append(2)", "q.append(3)")
    assert project.eval("main.q") == [3]


def test_02_a_loggers_lines(project: Project) -> None:
    text = (
        "import logging\nlog = logging.getLogger('q')\nlog.setLevel(10)\n"
        "log.addHandler(logging.NullHandler())\n"
    )
    project.start({"main.py": text})
    for line in ("log.setLevel(10)\n", "log.addHandler(logging.NullHandler())\n"):
        project.edit("main.py", line, "")
        settled(project, "(main.log.level, len(main.log.handlers))")
        project.save({"main.py": text})
        assert settled(project, "(main.log.level, len(main.log.handlers))") == (10, 1)
    project.edit("main.py", "NullHandler", "StreamHandler")
    settled(project, "[type(h).__name__ for h in main.log.handlers]")


def test_03_setdefault_on_the_environment(project: Project) -> None:
    source = (
        "import os\nos.environ.setdefault('HMR_X', 'one')\nx = os.environ['HMR_X']\n"
    )
    project.start({"main.py": source})
    project.edit("main.py", "'one'", "'two'")
    assert project.eval("main.x") == "two"


def test_04_swapped_appends(project: Project) -> None:
    project.start({"main.py": "R = []\nR.append('id')\nR.append('me')\n"})
    project.save({"main.py": "R = []\nR.append('me')\nR.append('id')\n"})
    assert project.eval("main.R") == ["me", "id"]


def test_04_a_read_moved_below_a_rebinding(project: Project) -> None:
    project.start({"main.py": "x = 1\ny = x\nx = 2\n"})
    project.save({"main.py": "x = 1\nx = 2\ny = x\n"})
    assert project.eval("main.y") == 2


def test_05_works_live_dies_cold(project: Project) -> None:
    source = "def get_user():\n    return 1\n\nD = [1]\n"
    project.start({"main.py": source})
    report = project.save({"main.py": "D = [get_user]\n" + source})
    assert report.error


def test_05_a_new_cycle(project: Project) -> None:
    project.start(
        {
            "users.py": "limit = 1\n",
            "main.py": "settings = {'a': 1}\nimport users\nlate = 2\n",
        }
    )
    assert project.edit("users.py", "limit = 1", "from main import late").error
    report = project.edit(
        "users.py", "from main import late", "from main import settings"
    )
    assert report.error is None


def test_06_a_socket_in_a_manager_that_is_rebuilt(project: Project) -> None:
    """Its handler goes on with the old one: the server closes it (1012)."""
    project.start(
        {
            "main.py": """
                class Manager:
                    def __init__(self):
                        self.active = []

                    def connect(self, socket):
                        self.active.append(socket)

                manager = Manager()
                TITLE = ["t"]

                async def room(socket):
                    manager.connect(socket)
                    await socket
                    manager.active.remove(socket)

                async def clock(socket):
                    await socket
                """
        }
    )
    project.exec(
        """
        class Socket:
            def __await__(self):
                yield

        opened = [sys.modules["main"].room(Socket()), sys.modules["main"].clock(Socket())]
        for each in opened:
            each.send(None)
        """
    )
    reached = "[engine.reaches_rebound(each) for each in opened]"
    project.edit("main.py", '["t"]', '["u"]', check=False)
    assert project.eval(reached) == [None, None]
    project.edit("main.py", "(self):", "(self, size=0):", check=False)
    assert project.eval(reached) == ["main.manager", None]


def test_09_a_reader_after_the_shapers_sees_the_new_member(project: Project) -> None:
    project.start(
        {
            "routes.py": "router = []\nrouter.append('/a')\n",
            "main.py": "from routes import router\napp = list(router)\n",
        }
    )
    project.save(
        {"routes.py": "router = []\nrouter.append('/a')\nrouter.append('/b')\n"}
    )
    assert project.eval("main.app") == ["/a", "/b"]


def test_09_a_later_error_does_not_leave_the_new_member(project: Project) -> None:
    project.start({"main.py": "router = []\nrouter.append('/a')\n"})
    project.save(
        {"main.py": "router = []\nrouter.append('/a')\nrouter.append('/b')\n1/0\n"}
    )
    assert project.eval("main.router") == ["/a"]
    project.save({"main.py": "router = []\nrouter.append('/a')\nrouter.append('/b')\n"})
    assert project.eval("main.router") == ["/a", "/b"]


def test_10_a_lazy_client_of_changed_code(project: Project) -> None:
    project.start(
        {
            "main.py": """
                URL = "a"
                _client = None

                def get_client():
                    global _client
                    if _client is None:
                        _client = ["client of", URL]
                    return _client
                """
        }
    )
    project.edit("main.py", '"a"', '"b"')  # compared by calls, before and after
    assert project.eval("main.get_client()") == ["client of", "b"]


def test_11_labels_do_not_reload_the_model(project: Project) -> None:
    project.start(
        {
            "labels.json": "1",
            "model.pkl": "m",
            "main.py": """
                import json
                with open("labels.json") as f:
                    labels = json.load(f)
                with open("model.pkl", "rb") as f:
                    model = [f.read()]
                """,
        }
    )
    report = project.save({"labels.json": "2"})
    assert ran(report) == ["main: with open('labels.json') as f:"]


SHARED = {
    "underscore": ("_, a = 1, [2]\n_, b = 3, [4]\n", "[2]", "[5]", "main: _, b = (3, [4])"),
    "loop variable": (
        "a = {}\nb = {}\nfor k in 'xy':\n    a[k] = 1\nfor k in 'pq':\n    b[k] = 1\n",
        "'xy'",
        "'xyz'",
        "main: b = {}",
    ),
    "exception name": (
        "try:\n    a = 1\nexcept OSError as e:\n    pass\ntry:\n    b = 1\nexcept OSError as e:\n    pass\n",
        "a = 1",
        "a = 2",
        "main: b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHARED.values(), ids=SHARED)
def test_11_a_shared_name_is_no_dependency(project: Project, case: tuple) -> None:
    source, old, new, kept = case
    project.start({"main.py": source})
    assert kept not in ran(project.edit("main.py", old, new))


def test_11_a_deleted_temporary(project: Project) -> None:
    project.start({"main.py": "t = {'a': 1, 'b': 2}\nx = t['a']\ndel t\n"})
    project.edit("main.py", "t['a']", "t['b']")
    assert project.eval("main.x") == 2


def test_13_the_wrapper_of_a_decorator_that_ran(project: Project) -> None:
    project.start(
        {
            "main.py": """
                def timed(fn):
                    def wrapper():
                        return 1, fn()
                    return wrapper

                @timed
                def load():
                    return [1]

                model = load()
                calls = [2]
                """
        }
    )
    report = project.edit("main.py", "return wrapper", "return wrapper  # why")
    expect(report, [])
    report = project.edit("main.py", "return 1, fn()", "return 2, fn()")
    assert "main: calls = [2]" not in ran(report)
    assert project.eval("main.model") == (2, [1])


def test_14_an_unrelated_setting_keeps_the_model(project: Project) -> None:
    project.start(
        {
            "settings.py": """
                from dataclasses import dataclass
                from functools import lru_cache

                @dataclass(frozen=True)
                class Settings:
                    path: str
                    title: str

                TITLE = "a"

                @lru_cache
                def get_settings():
                    return Settings("m.bin", TITLE)
                """,
            "main.py": """
                from settings import get_settings

                def load():
                    return [get_settings().path]

                model = load()
                title = get_settings().title
                """,
        }
    )
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert project.eval("main.title") == "b"
    assert "main: model = load()" not in ran(report)


INVISIBLE = {
    "count": ("import itertools\nx = itertools.count()", "next(x)", "next(x); next(x)", "next(x)"),
    "list iterator": ("x = iter([1, 2, 3, 4])", "next(x)", "next(x); next(x)", "next(x)"),
    "bytearray": ("x = bytearray(b'abc')", "x[0] = 1", "x[1] = 2", "bytes(x)"),
    "array": ("import array\nx = array.array('i', [1, 2])", "x[0] = 7", "x[1] = 7", "list(x)"),
    "random": ("import random\nx = random.Random(1)", "x.random()", "x.seed(5)", "x.random()"),
    "StringIO": ("import io\nx = io.StringIO()", "x.write('a')", "x.write('b')", "x.getvalue()"),
    "hash": ("import hashlib\nx = hashlib.md5()", "x.update(b'a')", "x.update(b'b')", "x.hexdigest()"),
    "memoryview": ("x = memoryview(bytearray(4))", "x[0] = 1", "x[0] = 2", "bytes(x)"),
    "deque rotation": ("from collections import deque\nx = deque('abc')", "x.rotate(1)", "x.rotate(2)", "list(x)"),
    "pop and insert": ("class I: pass\nx = {'a': I()}", "x.pop('a'); x['a'] = I()", "x.pop('a'); x['b'] = I()", "list(x)"),
    "clear and append": ("x = [[0]]", "x.clear(); x.append([1])", "x.clear(); x.append([2])", "repr(x)"),
    "struct in C": ("import decimal\nx = decimal.Context()", "x.prec = 5", "x.prec = 6", "x.prec"),
    "ordered dict": ("from collections import OrderedDict as O\nx = O(a=1, b=2)", "x.move_to_end('a')", "x.move_to_end('b')", "list(x)"),
    "closure": ("def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n        return n\n    return f\nx = make()", "x()", "x(); x()", "x()"),
    "default argument": ("def x(a, l=[]):\n    l.append(a)\n    return list(l)", "x(1)", "x(2)", "x(3)"),
    "csv writer": ("import csv, io\no = io.StringIO()\nx = csv.writer(o)", "x.writerow([1])", "x.writerow([2])", "o.getvalue()"),
    "weak dictionary": ("import weakref\nclass I: pass\ni = I()\nx = weakref.WeakValueDictionary()", "x['a'] = i", "x['b'] = i", "list(x)"),
    "file position": ("x = open('f.txt')", "x.read(1)", "x.read(2)", "x.read(1)"),
}  # fmt: skip


@pytest.mark.parametrize("case", INVISIBLE.values(), ids=INVISIBLE)
def test_16_a_change_that_references_do_not_show(project: Project, case: tuple) -> None:
    create, shape, other, read = case
    source = f"{create}\n{shape}\nshown = {read}\nafter = [1]\n"
    project.start({"f.txt": "abcdef", "main.py": source})
    project.save({"main.py": f"{create}\n{other}\nshown = {read}\nafter = [1]\n"})
    project.save({"main.py": f"{create}\nshown = {read}\nafter = [1]\n"})
    project.save({"main.py": source})


def test_17_subclasses_of_an_edited_plugin(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class P:
                    pass

                class A(P):
                    name = "a"

                ALL = [c.name for c in P.__subclasses__()]
                """
        }
    )
    project.edit("main.py", '"a"', '"z"')
    assert project.eval("main.ALL") == ["z"]


def test_19_order_in_a_set_of_texts(project: Project) -> None:
    main = "from a import S\nshown = list(S)\n"
    project.start({"a.py": "S = {'k1', 'k2', 'k3'}\n", "main.py": main})
    project.edit("a.py", "{'k1', 'k2', 'k3'}", "{'k3', 'k2', 'k1'}")


def test_19_a_property_is_not_run_to_compare(project: Project) -> None:
    project.start(
        {
            "a.py": """
                LOADS = []

                class Settings:
                    def __init__(self, n):
                        self.n = n

                    @property
                    def model(self):
                        LOADS.append(self.n)
                        return self.n

                settings = Settings(1)
                """,
            "main.py": "from a import settings, LOADS\nm = settings.model\n",
        }
    )
    project.edit("a.py", "Settings(1)", "Settings(2)")
    assert project.eval("main.LOADS") == [2]


def test_20_a_bare_string_in_mid_file(project: Project) -> None:
    source = "x = 1\n'not a docstring'\ndescription = __doc__\n"
    project.start({"main.py": source})
    project.edit("main.py", "x = 1", "x = 2")
    assert project.eval("main.description") is None


def test_21_names_inserted_in_order(project: Project) -> None:
    project.start(
        {"m.py": "a = 1\nb = 2\n", "main.py": "import m\nn = list(vars(m))\n"}
    )
    project.edit("m.py", "a = 1\n", "a = 1\nc = 3\n")
    assert project.eval("main.n[-3:]") == ["a", "c", "b"]


def test_21_a_library_that_looks_at_every_namespace(project: Project) -> None:
    """pydantic and dataclasses read module.__dict__: that is no read of all names."""
    project.start(
        {
            "main.py": """
                from dataclasses import dataclass

                @dataclass
                class Item:
                    x: "int" = 1

                other = [1]
                """
        }
    )
    report = project.edit("main.py", "other = [1]", "other = [1]\nnew = 2")
    assert ran(report) == ["main: new = 2"]


def test_24_old_revisions_die(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class Model:
                    size = 0

                def face(a=0):
                    return a

                held = [Model, face]
                data = list(range(10000))
                """
        }
    )
    count = """
        import gc, types
        def counted():
            gc.collect()
            made = [o for o in gc.get_objects() if isinstance(o, (type, types.FunctionType))]
            return sum(getattr(o, "__module__", "") == "main" for o in made)
        """
    project.exec(count)

    def edits(start: int) -> None:
        for n in range(start, start + 30):
            project.edit("main.py", f"size = {n}", f"size = {n + 1}", check=False)
            project.edit("main.py", f"face(a={n})", f"face(a={n + 1})", check=False)

    edits(0)
    before = project.eval("counted()")
    edits(30)
    assert project.eval("counted()") == before


def test_25_lines_of_running_code(project: Project) -> None:
    project.start({"main.py": "def g():\n    yield 1\n    yield 2\n"})
    project.exec("import main; going = main.g(); next(going)")
    project.edit("main.py", "def g", "\n\ndef g")
    assert project.eval("going.gi_frame.f_lineno") == 4
