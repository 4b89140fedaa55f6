"""Print what pyproject.toml asks for to build, run and test, for `pip install -r`."""

from __future__ import annotations

import tomllib
from pathlib import Path

config = tomllib.loads(Path("pyproject.toml").read_text())
project = config["project"]
optional = project["optional-dependencies"]
print(
    *config["build-system"]["requires"],
    *("cmake", "ninja"),
    *project["dependencies"],
    *optional["uvloop"],
    *optional["test"],
    sep="\n",
)
