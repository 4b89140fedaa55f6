"""What libraries keep of the program, functions, classes and objects that calls gave
to them, needs a new process when it changes or goes, and nothing else does."""

from __future__ import annotations

import pytest

from .harness import Project, ran

# A library that keeps some of what it is given, in the ways that libraries do.
LIB = """
    import functools, weakref
    from collections import OrderedDict, deque

    HANDLERS, THINGS, SEEN, HOOKS = {}, [], set(), deque()
    WEAK = weakref.WeakValueDictionary()
    current = None

    def register(f):
        HANDLERS[f.__name__] = f
        return f

    def named(name):
        def inner(f):
            THINGS.append((name, f))
            return f
        return inner

    def current_is(f):
        global current
        current = f
        return f

    def hook(f):
        HOOKS.append(functools.partial(f))
        return f

    def wrapped(f):
        @functools.wraps(f)
        def inner(*args):
            return f(*args)
        SEEN.add(inner)
        return inner

    def install(thing):
        THINGS.append(thing)
        return len(THINGS)

    def weak(f):
        WEAK[f.__name__] = f
        return f

    @functools.lru_cache
    def cached(f):
        return f

    def passed(f):
        return f

    def named_of(f):
        return [n for n in HANDLERS if HANDLERS[n] is f]

    def names():
        return [getattr(t, "name", None) for t in THINGS], sorted(HANDLERS)

    class Route:
        def __init__(self, handler):
            self.handler = handler

    class Router:
        __slots__ = ("routes", "name")

        def __init__(self):
            self.routes = {}

        def add(self, path, handler):
            self.routes.setdefault(path, []).append(Route(handler))

        def get(self, path):
            def inner(f):
                self.add(path, f)
                return f
            return inner

    router = Router()
    get = router.get

    class Decorator:
        def __call__(self, f):
            self.f = f
            return f

    class Hub:
        def __init__(self):
            self.handlers = []

        def __call__(self, f):
            self.handlers.append(f)
            return f

    hub = Hub()

    def get_router():
        return router

    class Plugin:
        plugins = []

        def __init_subclass__(cls):
            Plugin.plugins.append(cls)

    class Meta(type):
        classes = OrderedDict()

        def __init__(cls, name, bases, ns):
            super().__init__(name, bases, ns)
            Meta.classes[name] = cls

    class Model(metaclass=Meta):
        pass

    class Plain:
        pass

    class Builder:
        def __init__(self):
            self.items = []

        def add(self, item):
            self.items.append(item)
            return self
    """
HEAD = "import sys\nsys.path.insert(0, '../site-packages')\nimport lib\n"
DEF = "def f(n=1):\n    return n\n"


def start(project: Project, text: str) -> None:
    project.write({"../site-packages/lib.py": LIB})
    project.start({"main.py": HEAD + text + "z = 1\n"})


KEEPS = {
    "a dict": "@lib.register\n" + DEF,
    "a list, by a call's result": "@lib.named('a')\n" + DEF,
    "a global": "@lib.current_is\n" + DEF,
    "a partial in a deque": "@lib.hook\n" + DEF,
    "a wrapper": "@lib.wrapped\n" + DEF,
    "a method of an object": "@lib.get('/')\n" + DEF,
    "an object that a call gave": "@lib.get_router().get('/')\n" + DEF,
    "an object that is called": "@lib.hub\n" + DEF,
    "a method by name": "from lib import get\n@get('/')\n" + DEF,
    "no decorator": "def f(n=1):\n    return n\n\ng = lib.register(f)\n",
    "a class": "@lib.register\nclass f:\n    n=1\n",
    "an object": "class P:\n    name = 'p'\n\n    def __init__(self, n=1):\n"
    "        self.n = n\n\nlib.install(P(1))\n",
    "an object, whose value counts": "class P:\n    def __init__(self, n=1):\n"
    "        self.n = n\n\nk = lib.install(P(1))\n",
    "in a function": "def setup(n=1):\n    return lib.register(lambda: n)\n\nsetup()\n",
    "imported here": "if sys:\n    from lib import named\n    @named('a')\n"
    "    def f(n=1):\n        return n\n",
    "subclasses": "class A(lib.Plugin):\n    n=1\n",
    "a metaclass": "class A(lib.Model):\n    n=1\n",
}


@pytest.mark.parametrize("text", KEEPS.values(), ids=KEEPS)
def test_what_a_library_keeps_needs_a_new_process_to_go(
    project: Project, text: str
) -> None:
    start(project, text)
    report = project.edit("main.py", "z = 1", "z = 2")
    assert report.restart is None
    assert ran(report) == ["main: z = 2"]
    report = project.edit("main.py", "n=1", "n=2", check=False)
    assert report.restart, ran(report)
    assert "lib." in report.restart
    assert "\n" not in report.restart
    report = project.save({"main.py": HEAD + "z = 2\n"}, check=False)
    assert report.restart


OTHERS = {
    "given back": "@lib.passed\n" + DEF,
    "weakly": "@lib.weak\n" + DEF,
    "a cache": "@lib.cached\n" + DEF,
    "a passing object": DEF + "b = lib.Builder().add(f)\n",
    "a passing decorator": "@lib.Decorator()\n" + DEF,
    "an object of the program's": "r = lib.Router()\n@r.get('/')\n" + DEF,
    "a plain base": "class A(lib.Plain):\n    n=1\n",
    "nothing": "x = lib.passed(int('1'))\nn=1\n",
    "the standard library": "import functools\n@functools.cache\n" + DEF,
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_no_library_keeps_runs_again_in_place(project: Project, text: str) -> None:
    start(project, text)
    report = project.edit("main.py", "n=1", "n=2")
    assert report.restart is None
    report = project.save({"main.py": HEAD + "z = 1\n"})
    assert report.restart is None


def test_asking_for_what_a_library_has_keeps_nothing(project: Project) -> None:
    text = "@lib.register\n" + DEF + "\nh = lib.named_of(f)\n"
    start(project, text)
    report = project.edit("main.py", "named_of(f)", "named_of(f)[:]")
    assert report.restart is None


def test_a_body_of_what_a_library_keeps_is_patched(project: Project) -> None:
    start(project, "@lib.register\n" + DEF)
    report = project.edit("main.py", "return n", "return n + 1")
    assert report.restart is None
    assert report.patched == ["main:f"]
    assert project.eval("main.lib.HANDLERS['f']()") == 2


def test_what_looks_into_a_library_keeps_nothing_there(project: Project) -> None:
    """Only the statement that gave it has to stand."""
    text = "@lib.register\ndef f():\n    pass\n\nnames = lib.names()\nn = 1\n"
    start(project, text)
    report = project.edit("main.py", "lib.names()", "lib.names()[1]")
    assert report.restart is None
    assert ran(report) == ["main: names = lib.names()[1]"]


def test_a_function_that_comes_to_be_kept_needs_a_new_process(project: Project) -> None:
    start(project, DEF)
    report = project.edit("main.py", "def f", "@lib.register\ndef f", check=False)
    assert "lib.register()" in report.restart
