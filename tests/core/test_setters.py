"""Calls that change libraries in ways that nobody can take back need a new process when
they change, run again or go, and nothing else does."""

from __future__ import annotations

import pytest

from .harness import Project, ran

# A library whose settings are what it was told last.
LIB = """
    from functools import lru_cache

    _dtype, _hooks, NAMES = "f32", [], set()

    def set_default_dtype(name):
        global _dtype
        _dtype = name

    def get_dtype():
        return _dtype

    def make():
        return [_dtype]

    def wrapped(function):
        def inner(*args):
            return function(*args)
        return inner

    @wrapped
    def set_wrapped(name):
        set_default_dtype(name)

    def install(app, **options):
        app["installed"] = options

    def register(what):
        _hooks.append(what)

    def nothing():
        pass

    class Config:
        def __init__(self):
            self.values = {}

        def update(self, name, value):
            self.values[name] = value

        def info(self, text):
            pass

        @classmethod
        def init(cls, value):
            cls.value = value

    config = Config()
    """
HEAD = "import sys\nsys.path.insert(0, '../site-packages')\nimport lib\n"


def start(project: Project, text: str) -> None:
    project.write({"../site-packages/lib.py": LIB})
    project.start({"main.py": HEAD + text})


SETTERS = {
    "a function": ("lib.set_default_dtype('f64')", "'f64'", "'f16'"),
    "wrapped": ("lib.set_wrapped('f64')", "'f64'", "'f16'"),
    "used": ("old = lib.set_default_dtype('f64')", "'f64'", "'f16'"),
    "used in a function": (
        "def setup():\n    old = lib.set_default_dtype('f64')\n    return old\n"
        "old = setup()",
        "'f64'",
        "'f16'",
    ),
    "of C": ("import socket\nsocket.setdefaulttimeout(50)", "50", "60"),
    "a method": ("lib.config.update('x', 1)", "1)", "2)"),
    "a set": ("lib.NAMES.add('a')", "'a'", "'b'"),
    "a class method": ("lib.Config.init(1)", "1)", "2)"),
    "hidden": ("import random\nrandom.seed(1)", "1)", "2)"),
    "in a function": (
        "def setup():\n    lib.set_default_dtype('f64')\nsetup()",
        "'f64'",
        "'f16'",
    ),
    "in a block": ("if x:\n    lib.set_default_dtype('f64')", "f64", "f"),
    "unpacked": ("lib.set_default_dtype(**{'name': 'f64'})", "f64", "f"),
    "among others": ("for n in ('a', 'b'):\n    lib.register(n)\nd = {}", "'b'", "'c'"),
    "what it is given": ("C = {'a': 1}\nlib.register(C)", "1}", "2}"),
    "beside another": (
        "app = {}\nif x:\n    lib.register(0)\n    lib.install(app, a=1)",
        "a=1",
        "a=2",
    ),
}


@pytest.mark.parametrize(("text", "old", "new"), SETTERS.values(), ids=SETTERS)
def test_a_setter_that_is_edited_or_goes_needs_a_new_process(
    project: Project, text: str, old: str, new: str
) -> None:
    start(project, f"x = 1\n{text}\ny = 1\n")
    report = project.edit("main.py", "y = 1", "y = 2")
    assert report.restart is None
    assert ran(report) == ["main: y = 2"]
    report = project.edit("main.py", old, new, check=False)
    assert report.restart, ran(report)
    assert "\n" not in report.restart
    assert project.eval("main.y") == 2
    report = project.save({"main.py": HEAD + "x = 1\ny = 2\n"}, check=False)
    assert report.restart


SET = "lib.set_default_dtype('f64')\n"
MAKE = "y = 1\nmodel = lib.make()\n"


def test_a_setter_that_comes_needs_a_new_process(project: Project) -> None:
    start(project, MAKE)
    report = project.save({"main.py": HEAD + SET + MAKE}, check=False)
    assert "calls lib.set_default_dtype(), which" in report.restart
    assert project.eval("main.model") == ["f32"]


@pytest.mark.parametrize("first", [True, False])
def test_a_setter_that_moves_needs_a_new_process(project: Project, first: bool) -> None:
    texts = (SET + MAKE, MAKE + SET)
    start(project, texts[first])
    report = project.save({"main.py": HEAD + texts[not first]}, check=False)
    assert "lib.set_default_dtype()" in report.restart


def test_what_ran_before_a_setter_never_sees_it(project: Project) -> None:
    start(project, f"{MAKE}{SET}z = 1\n")
    report = project.edit("main.py", "y = 1", "y = 2")
    assert ran(report) == ["main: y = 2"]
    report = project.edit("main.py", "z = 1", "z = lib.make()")
    assert ran(report) == ["main: z = lib.make()"]
    new = "model = lib.make()[:]"
    report = project.edit("main.py", "model = lib.make()", new, check=False)
    assert "ran again after lib.set_default_dtype()" in report.restart


def test_a_setter_whose_argument_changed_elsewhere(project: Project) -> None:
    project.write({"conf.py": "DTYPE = 'f64'\nOTHER = 1\n"})
    start(project, "import conf\nlib.set_default_dtype(conf.DTYPE)\nx = 1\n")
    report = project.edit("conf.py", "OTHER = 1", "OTHER = 2")
    assert report.restart is None
    report = project.edit("conf.py", "f64", "f16", check=False)
    assert "called lib.set_default_dtype(), which only a new" in report.restart


def test_a_setter_of_a_module_that_goes(project: Project) -> None:
    project.write({"conf.py": HEAD + "lib.set_default_dtype('f64')\n"})
    start(project, "import conf\nx = 1\n")
    report = project.edit("main.py", "import conf\n", "", check=False)
    assert "lib.set_default_dtype()" in report.restart


# What the engine, a shape or an adapter explains, or what changes no process.
OTHERS = {
    "print": ("print('a')", "'a'", "'b'"),
    "sleep": ("import time\ntime.sleep(0)", "0)", "0.0)"),
    "a log": ("lib.config.info('a')", "'a'", "'b'"),
    "logging": ("import logging\nlogging.warning('a')", "'a'", "'b'"),
    "levels": ("import logging\nlogging.basicConfig(level=10)", "10", "20"),
    "the same levels": (
        "import logging\nlogging.getLogger('a').setLevel(0)\ny = 1",
        "setLevel(0)",
        "setLevel(00)",
    ),
    "warnings": ("import warnings\nwarnings.simplefilter('ignore')", "ig", "err"[:0]),
    "a warning": ("import warnings\nwarnings.warn('a')", "'a'", "'b'"),
    "of the program": ("app = {}\nlib.install(app, a=1)", "a=1", "a=2"),
    "in a function": (
        "def setup(app, n):\n    lib.install(app, a=n)\n\napp = {}\nsetup(app, 1)",
        "app, 1",
        "app, 2",
    ),
    "a method": ("c = lib.Config()\nc.update('x', 1)", "1)", "2)"),
    "at once": ("lib.Config().update('x', 1)", "1)", "2)"),
    "files": ("import os\nos.makedirs('d', exist_ok=True)", "'d'", "'e'"),
    "paths": ("import pathlib\npathlib.Path('d').mkdir(exist_ok=1)", "'d'", "'e'"),
    "variables": ("import os\nos.environ.setdefault('HMR_A', '1')", "'1'", "'2'"),
    "sys.path": ("import sys\nsys.path.append('a')", "'a'", "'b'"),
    "at exit": ("import atexit\natexit.register(print)", "print)", "print, 1)"),
    "dotenv": ("import dotenv\ndotenv.load_dotenv()", "nv()", "nv('.env')"),
    "run": (
        "import asyncio\nasync def f(n):\n    pass\nasyncio.run(f(1))",
        "f(1)",
        "f(2)",
    ),
    "threads": (
        "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\n"
        "z = 1",
        "z = 1",
        "z = 2",
    ),
    "caches": (
        "import functools\n@functools.cache\ndef f():\n    return 1\nf.cache_clear()",
        "clear()",
        "info()",
    ),
    "tables": (
        "from sqlalchemy import Column, Integer, create_engine\n"
        "from sqlalchemy.orm import declarative_base\n"
        "e = create_engine('sqlite://')\nBase = declarative_base()\n"
        "class A(Base):\n    __tablename__ = 'a'\n    n = Column(Integer, "
        "primary_key=True)\n\nBase.metadata.create_all(bind=e)",
        "'a'",
        "'b'",
    ),
    "events": (
        "from sqlalchemy import create_engine, event\n"
        "e = create_engine('sqlite://')\ndef f(*_):\n    pass\n"
        "event.listen(e, 'connect', f)",
        "sqlite://",
        "sqlite:///x",
    ),
    "applications": (
        "from fastapi import APIRouter, FastAPI\n"
        "from starlette.middleware.gzip import GZipMiddleware\n"
        "def g(app):\n    app.get('/g')(len)\n    app.add_middleware(GZipMiddleware)\n"
        "app = FastAPI(title='a')\napp.include_router(APIRouter())\ng(app)\n"
        "app.get('/h')(id)\napp.mount('/m', FastAPI())",
        "title='a'",
        "title='b'",
    ),
    "decorators that are classes": (
        "import functools\nclass C:\n    def __init__(self, f):\n"
        "        functools.update_wrapper(self, f)\n    def __call__(self):\n"
        "        pass\n@C\ndef f():\n    return 'a'\n",
        "'a'",
        "'b'",
    ),
    "subclasses": (
        "class A:\n    def __init_subclass__(cls, **kw):\n"
        "        super().__init_subclass__(**kw)\nclass B(A):\n    n = 1\n",
        "n = 1",
        "n = 2",
    ),
    "frozen": (
        "class A:\n    def __init__(self, n):\n"
        "        object.__setattr__(self, 'n', n)\na = A(1)\n",
        "A(1)",
        "A(2)",
    ),
    "of what is being made": (
        "class Layer:\n    def __init__(self, n):\n        self.weights = {}\n"
        "        lib.install(self.weights, n=n)\nlayer = Layer(1)\n",
        "Layer(1)",
        "Layer(2)",
    ),
    "written": (
        "import json\nwith open('/dev/null', 'w') as f:\n    json.dump([1], f)",
        "[1]",
        "[2]",
    ),
    "our own": ("import hmr_serve\nhmr_serve.after_reload(print)", "after", "before"),
}


@pytest.mark.parametrize(("text", "old", "new"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_setter_runs_again_in_place(
    project: Project, text: str, old: str, new: str
) -> None:
    start(project, f"x = 1\n{text}\n")
    if new:
        report = project.edit("main.py", old, new, check=False)
        assert report.restart is None
        assert report.error is None
    report = project.save({"main.py": HEAD + "x = 1\n"}, check=False)
    assert report.restart is None
    assert report.error is None


def test_requests_are_not_slowed_down(project: Project) -> None:
    """What was looked at while it was imported is plain code afterwards."""
    text = "def setup():\n    lib.register(1)\n\nsetup()\nx = 1\n"
    start(project, text)
    events = "sys.monitoring.get_local_events(4, main.setup.__code__)"
    assert project.eval(f"__import__('sys').{events[4:]}") == 0
    project.edit("main.py", "x = 1", "x = 2")
    assert project.eval(f"__import__('sys').{events[4:]}") == 0
