"""What an object works out when it is first asked, and keeps, is no change of it: who
asks can be edited alone."""

from __future__ import annotations

import pytest

from .harness import Project, ran

PATH = "from pathlib import Path\n\np = Path('a') / 'b'\n"
TABLE = (
    "import sqlalchemy as sa\n\nm = sa.MetaData()\n"
    "p = sa.Table('a', m, sa.Column('id', sa.Integer, primary_key=True))\n"
)
MODEL = "from pydantic import BaseModel\n\n\nclass P(BaseModel):\n    x: int = 1\n"
ASKED = {  # what is made: who asks it
    "a path": (PATH, "str(p)"),
    "a path's parts": (PATH, "(p.exists(), p.joinpath('c'), p.parent, p.name)"),
    "a date": ("import datetime\n\np = datetime.date(2020, 1, 1)\n", "{p: str(p)}"),
    "a decimal": ("import decimal\n\np = decimal.Decimal('1.5')\n", "{p: p + 1}"),
    "a network": (
        "import ipaddress\n\np = ipaddress.ip_network('10.0.0.0/8')\n",
        "(p.broadcast_address, p.num_addresses)",
    ),
    "a union": ("p = float | None\n", "(p.__parameters__, [p])"),
    "a table": (TABLE, "sa.select(p).where(p.c.id == 1)"),
    "a signature": ("import inspect\n" + MODEL, "inspect.signature(P)"),
    "a schema": (MODEL, "P.model_json_schema()"),
    "a URL": (
        "import httpx\n\np = httpx.URL('http://a/b?c=1')\n",
        "(p.host, p.params)",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_who_asks_can_be_edited_alone(project: Project, name: str) -> None:
    made, asked = ASKED[name]
    project.start({"a.py": made, "main.py": f"from a import *\ny = {asked}, 1\n"})
    report = project.edit("main.py", ", 1\n", ", 2\n")
    assert [text.split(" = ")[0] for text in ran(report)] == ["main: y"]


CACHED = """
from functools import cached_property


class P:
    @cached_property
    def y(self):
        return x
"""
OWN = {
    "a cached_property": CACHED,
    "a property": """
class P:
    seen = None

    @property
    def y(self):
        if self.seen is None:
            self.seen = x
        return self.seen
""",
    "a property with a slot": """
class P:
    __slots__ = ["seen"]

    @property
    def y(self):
        if not hasattr(self, "seen"):
            self.seen = x
        return self.seen
""",
    "__getattr__": """
class P:
    def __getattr__(self, name):
        if name != "y":
            raise AttributeError(name)
        self.y = x
        return x
""",
}


@pytest.mark.parametrize("name", OWN)
def test_what_tracked_code_keeps_is_worked_out_again(
    project: Project, name: str
) -> None:
    project.start({"main.py": f"x = 1\n{OWN[name]}\n\np = P()\nz = p.y\nw = p.y\n"})
    project.edit("main.py", "x = 1", "x = 2")
    assert project.eval("(main.z, main.w, main.p.y)") == (2, 2, 2)


PARTIAL = """
import functools


def f(*args):
    return args


p = functools.partial(f, 1)
y = p(), 1
q = functools.partial(p, 2)
"""


def test_calling_a_partial_makes_no_other_of_it(project: Project) -> None:
    project.start({"main.py": PARTIAL})
    assert project.eval("main.q.func is main.f and main.q.args") == (1, 2)
    assert ran(project.edit("main.py", "p(), 1", "p(), 2")) == ["main: y = (p(), 2)"]


def test_what_keeps_nothing_ties_nobody(project: Project) -> None:
    kept = "class P:\n    @property\n    def y(self):\n        return 1\n\n\np = P()\n"
    project.start({"main.py": kept + "z = p.y, 1\n"})
    assert ran(project.edit("main.py", "p.y, 1", "p.y, 2")) == ["main: z = (p.y, 2)"]


def test_a_replaced_method_of_a_library_is_a_change(project: Project) -> None:
    make = "import http.cookies\n\np = http.cookies.SimpleCookie()\n"
    use = "from a import p\n\np.output = lambda: 'a'\ny = 1\n"
    project.start({"a.py": make, "main.py": use})
    project.edit("main.py", "p.output = lambda: 'a'\n", "")
    assert project.eval("main.p.output()") == ""
