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


def start(folder: Path) -> str:
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", START],
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
