"""Print what pyproject.toml asks for, one requirement a line, for `pip install -r`.

Without arguments: what is needed to build, run and test. With arguments: those optional groups.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(groups: list[str]) -> None:
    config = tomllib.loads(Path("pyproject.toml").read_text())
    project = config["project"]
    optional = project["optional-dependencies"]
    if groups:
        wanted = [line for group in groups for line in optional.get(group, [])]
    else:
        wanted = [*config["build-system"]["requires"], "cmake", "ninja"]
        wanted += [*project["dependencies"], *optional["uvloop"], *optional["test"]]
    print("\n".join(wanted))


main(sys.argv[1:])
