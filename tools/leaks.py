"""Print what LeakSanitizer found and is ours: tools/leaks.py FOLDER [TIMES]

CPython keeps memory until it dies, and a suppression by library would hide ours as
well: what we forget is allocated by CPython's functions. A leak is ours when a frame of
our sources stands in its stack before the first frame of Python code (what an app that
we run allocates is the app's). Any other kind of report in the folder is printed too.

Leaks of fewer than TIMES objects (1) are left out: what a script does again and again
leaks again and again, while interned strings and the like stay behind once at exit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

OURS = re.compile(r"/((core|asgi)(/\w+)?|include/hmr|tests/planted)/[\w.]+\.[ch]:\d+")
PYTHON_CODE = re.compile(r" in _?PyEval_EvalFrame")


def leaks(report: str) -> Iterator[str]:
    """The blocks of a report: "Direct leak of ..." and the stack below it."""
    for block in report.split("\n\n"):
        if re.match(r"\s*(Direct|Indirect) leak of ", block):
            yield block.strip()


def is_ours(leak: str) -> bool:
    for frame in leak.splitlines()[1:]:
        if PYTHON_CODE.search(frame):
            return False
        if OURS.search(frame):
            return True
    return False


def objects(leak: str) -> int:
    match = re.search(r" in (\d+) object", leak)
    return int(match.group(1)) if match else 0


def main(folder: Path, times: int) -> int:
    found = []
    for path in sorted(folder.iterdir()):
        report = path.read_text(errors="replace")
        found += [
            leak for leak in leaks(report) if is_ours(leak) and objects(leak) >= times
        ]
        if "ERROR: LeakSanitizer" not in report and "runtime error" in report:
            found.append(report)
        if "ERROR: AddressSanitizer" in report:
            found.append(report)
    print(*found, sep="\n\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int([*sys.argv, "1"][2])))
