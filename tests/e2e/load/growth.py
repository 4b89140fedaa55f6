"""./dev growth: thousands of edits, one after the other; does the server grow?

    census, edits, census, edits ...

Each edit is followed by the request that shows it. A census counts what the process
holds; it is taken where the files are the same but for the numbers in them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from .. import apps
from ..harness import Server, until
from .check import check_server
from .program import Kind, Program

WARM_UP = 1000  # edits until caches are full
QUIET = 0.7  # seconds in which nothing more is freed
SLACK = 10  # of what is counted: a connection that closes, what a library makes once
# By which memory may differ. What the allocators keep free after a busy moment counts
# as resident, and is kept once.
ALLOWED = {"objects": 0.02, "blocks": 0.02, "malloc KiB": 0.02, "resident KiB": 0.08}


class Growth:
    """A server under edits, and what was counted."""

    def __init__(self, server: Server, program: Program) -> None:
        self.server = server
        self.program = program
        self.edits = 0

    def edit(self, count: int) -> None:
        """So many edits, to the end of a cycle; each must show at once."""
        for _ in range(-(-count // self.program.cycle) * self.program.cycle):
            kind = self.program.save()
            self.edits += 1
            check_shown(self.server, kind)

    def settled(self) -> dict[str, int]:
        """A census, once nothing more is freed: some caches are cleared when no edit
        has come for half a second."""
        counts, since = self.census(), time.monotonic()

        def quiet() -> bool:
            nonlocal counts, since
            now = self.census()
            if now["functions"] != counts["functions"]:
                since = time.monotonic()
            counts = now
            return time.monotonic() - since > QUIET

        until(quiet, "the number of functions stays the same")
        return counts

    def census(self) -> dict[str, int]:
        process = f"/proc/{self.server.process.pid}"
        counts = dict(self.server.get("/census").json)
        counts["threads"] = len(os.listdir(f"{process}/task"))
        counts["descriptors"] = len(os.listdir(f"{process}/fd"))
        status = Path(f"{process}/status").read_text()
        counts["resident KiB"] = int(re.search(r"VmRSS:\s*(\d+)", status)[1])
        return counts


def check_shown(server: Server, kind: Kind) -> None:
    answer = server.get(kind.path.format(kind.version))
    wanted = re.escape(kind.before) + rf"\D*{kind.version}\b"
    assert answer.status == 200 and re.search(wanted, answer.text), (
        f"{kind.name} {kind.version}: {answer}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev growth", description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=10, help="censuses")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hmr-growth-") as folder:
        server = Server(Path(folder).resolve() / "app")
        server.folder.mkdir()
        program = Program(server.folder)
        for name, text in program.files().items():
            server.write(name, text)
        try:
            server.start("--no-access-log", env=apps.SHARED_ENV)
            growth = Growth(server, program)
            growth.edit(min(WARM_UP, options.edits // 4))
            first = show(growth)
            for _ in range(options.steps):
                growth.edit((options.edits - WARM_UP) // options.steps)
                last = show(growth)
            trouble = check_server(server) + compare(first, last)
        finally:
            server.kill()
            Path("build/growth.log").write_text(server.log)
    print(*trouble, sep="\n")
    sys.exit(bool(trouble))


def show(growth: Growth) -> dict[str, int]:
    counts = growth.settled()
    cells = (f"{name} {count:,}" for name, count in counts.items())
    print(f"after {growth.edits:,} edits:", ", ".join(cells), flush=True)
    return counts


def compare(first: dict[str, int], last: dict[str, int]) -> list[str]:
    """What grew, in sentences. What each edit leaves behind is far more than the
    slack."""
    grown = []
    for name, before in first.items():
        exact = name not in ALLOWED
        limit = before + SLACK if exact else before * (1 + ALLOWED[name])
        if last[name] > limit:
            grown.append(f"{name} grew from {before:,} to {last[name]:,}")
    return grown


if __name__ == "__main__":
    main()
