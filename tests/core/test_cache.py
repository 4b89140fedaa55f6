"""Compiled statements are kept beside Python's own caches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

START = """\
import importlib, os
from hmr_serve._core import Engine

engine = Engine([os.getcwd()])
engine.install()
print(engine.run("entry", lambda: importlib.import_module("main").value))
"""


def start(folder: Path, program: str = START) -> str:
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_a_start_leaves_statements_for_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("value = 6 * 7\n")
    assert start(tmp_path) == "42\n"
    [cache] = (tmp_path / "__pycache__").glob("main.*.hmr")
    written = cache.stat().st_mtime_ns
    assert start(tmp_path) == "42\n"
    assert cache.stat().st_mtime_ns == written
    (tmp_path / "main.py").write_text("value = 6 * 8\n")
    assert start(tmp_path) == "48\n"
    assert cache.stat().st_mtime_ns != written


KINDS = '''\
"""A docstring."""

from __future__ import annotations
import os.path as path, sys
from math import *
from dataclasses import dataclass, field as field

limit: int = 3
first, (second, *rest) = 1, (2, 3, 4)
table = {"a": limit}
table["b"] = first
"a string"


def register(function, seen=[]):
    seen.append(function)
    return function


@register
def handler(x: float) -> list[Shop]:
    global made
    made = limit
    return [x]


@dataclass
class Shop:
    names: list[str] = field(default_factory=list)


for number in range(2):
    table[number] = Shop()
if limit:
    below = handler(1.0)
try:
    import not_there
except ImportError as error:
    del error
with open(__file__) as file:
    size = len(file.read())
äöü = type("äöü", (), {})
del second
value = sorted(map(str, table))
'''


def test_a_statement_from_the_cache_is_as_from_the_source(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(KINDS)
    shown = START + "print(*[s[:5] for s in engine.statements('main')], sep='\\n')\n"
    split = start(tmp_path, shown)
    assert split.count("\n") == 21
    assert start(tmp_path, shown) == split
