"""How does the engine's work grow with the program? ./dev bench scale

Generated projects of more and more modules, 20 statements each, that import each other.
The engine works in a process of its own, without a server. Measured: `Engine.apply`
after an edit, the start with the statement cache beside a plain import with .pyc files,
and the memory that traces take.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.tables import median, milliseconds, table

WORKER = Path(__file__).with_name("scale_worker.py")
MODULES_A_PACKAGE = 50
IMPORTS = 3  # of earlier modules, in each

MODULE = '''\
"""Module $n."""

from dataclasses import dataclass
import os
$imports
LIMIT = $n
NAME = "n$n"
TABLE = {"a": LIMIT, "b": NAME}
REGISTERED = []


def register(function):
    REGISTERED.append(function)
    return function


def first(x):
    return LIMIT + 1


def second(x):
    return LIMIT + 2


def third(x):
    return LIMIT + 3


@register
def handle(x):
    return $calls + $n


class Service:
    size = LIMIT

    def run(self):
        return first(self.size)


SERVICES = [Service() for _ in range(2)]
TOTAL = LIMIT * 2
if TOTAL > 10:
    BIG = True
else:
    BIG = False
'''


def write_project(folder: Path, count: int) -> list[str]:
    """A main.py that imports `count` modules; their names, in that order."""
    chance = random.Random(count)
    names: list[str] = []
    for number in range(count):
        package = f"pkg{number // MODULES_A_PACKAGE}"
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").touch()
        used = chance.sample(names[-400:], min(IMPORTS, len(names)))
        imports = "".join(
            f"from {name} import first as f{i}, LIMIT as l{i}\n"
            for i, name in enumerate(used)
        )
        calls = " + ".join(f"f{i}(x)" for i in range(len(used))) or "x"
        text = MODULE.replace("$imports", imports).replace("$calls", calls)
        text = text.replace("$n", str(number))
        (folder / package / f"m{number}.py").write_text(text)
        names.append(f"{package}.m{number}")
    lines = [f"import {name}\n" for name in names]
    (folder / "main.py").write_text("".join(lines) + "app = object()\n")
    return names


def ask(folder: Path, job: str, names: list[str], edits: int) -> dict:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    output = subprocess.run(
        [sys.executable, str(WORKER), job, names[0], names[-1], str(edits)],
        cwd=folder,
        env=environment | {"PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    ).stdout
    return json.loads(output)


def measure(count: int, options: argparse.Namespace) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        folder = Path(name)
        names = write_project(folder, count)
        ask(folder, "plain", names, 0)  # writes the .pyc files
        cold = ask(folder, "tracked", names, 0)["start"]
        starts: dict[str, list[dict]] = {"plain": [], "tracked": []}
        for _ in range(options.starts):
            for job, answers in starts.items():
                answers.append(ask(folder, job, names, 0))
        done = ask(folder, "tracked", names, options.edits)
    plain = median([answer["start"] for answer in starts["plain"]])
    tracked = median([answer["start"] for answer in starts["tracked"]])
    memory = starts["tracked"][0]["memory"] - starts["plain"][0]["memory"]
    grown = done["after"] - done["memory"]
    return [
        f"{count:,}",
        f"{done['statements']:,}",
        *(milliseconds(median(times)) for times in done["edits"].values() if times),
        f"{plain:.2f} s",
        f"{tracked:.2f} s",
        f"{cold:.2f} s",
        f"{memory / 1e6:.0f} MB",
        f"{memory / done['statements'] / 1e3:.1f} KB",
        f"{grown / 1e6:.1f} MB",
    ]


def main() -> None:
    options = parse_arguments()
    print(f"Python {platform.python_version()}, time of Engine.apply in ms, medians\n")
    header = ["modules", "statements", "a handler's body", "a constant of a leaf"]
    header += ["one that 2 modules read", "an import more", "plain import"]
    header += ["tracked", "without its cache", "memory for traces", "a statement"]
    header += ["more after the edits"]
    print(table(header, [measure(count, options) for count in options.modules]))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench scale")
    parser.add_argument("--modules", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--edits", type=int, default=11, help="of each kind")
    parser.add_argument("--starts", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
