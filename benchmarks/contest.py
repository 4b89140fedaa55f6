"""Servers that take turns: all are started at the same time, and in each round each
one is measured in turn, so that whatever else the machine does falls on all.

The others are stopped meanwhile (SIGSTOP): fastpysgi's loop never sleeps, and would
take a processor from every server but itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import apps
from benchmarks.client import Connection
from benchmarks.servers import Running, Server, print_commands, stop_all

OURS = "hmr-serve"
_numbers = itertools.count()


def interleave[Measured](
    app: str,
    servers: Sequence[Server],
    folder: Path,
    rounds: int,
    measure: Callable[[Running, bool], Measured],
) -> dict[str, list[Measured]]:
    """What `measure(server, warm)` returned in each round, by the server's name. The
    first round warms up (`warm` is false) and is not counted."""
    running: list[Running] = []
    try:
        for server in servers:
            made = apps.plain(folder / str(next(_numbers)))
            running.append(Running(server, made.folder, app))
        print_commands(running)
        for server in running:
            server.wait_ready()
        same_answer(running)
        for server in running:
            server.pause()
        found: dict[str, list[Measured]] = {s.server.name: [] for s in running}
        for number in range(rounds + 1):
            for server in running:
                server.resume()
                measured = measure(server, number > 0)
                server.pause()
                if number:
                    found[server.server.name].append(measured)
        return found
    finally:
        stop_all(running)


def same_answer(running: list[Running]) -> None:
    """Every server must give the same body, or the comparison is none."""
    bodies = set()
    for server in running:
        connection = Connection(server.port)
        bodies.add(connection.get("/").body)
        connection.close()
    assert len(bodies) == 1, bodies


def is_ours(name: str) -> bool:
    return name.startswith(OURS)


def verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
