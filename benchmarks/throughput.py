"""Requests per second, beside the other servers. ./dev bench throughput

64 keep-alive connections, on the same cores as the server: wrk for small requests;
clients of our own for WebSockets (benchmarks/echo.py) and bodies of 1 MB (bodies.py).
Then the time of one request at low load (lowload.py) and the memory of 10,000 idle
connections (idle_connections.py). Every server is up all the time, and in each round
each one is loaded in turn. Access logs off. The peers run without reload, as in
production; hmr-serve runs as it always does, with its watcher on.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import bodies, echo, idle_connections, lowload, wrk
from benchmarks.contest import interleave, is_ours, verdict
from benchmarks.servers import SERVING, Running, Server, require_program, select
from benchmarks.tables import median, table

BEST = "the best peer"


@dataclass(frozen=True)
class Load:
    """What one round measured."""

    rate: float  # answers per second
    errors: int


@dataclass(frozen=True)
class Contest:
    name: str
    app: str
    blow: Callable[[int, int, int], tuple[float, int]]  # port, connections, seconds
    goals: dict[str, float] = field(default_factory=lambda: {BEST: 1.0})


CONTESTS = [
    Contest("raw ASGI", "plain:raw", wrk.load, {"uvicorn": 2.5, BEST: 1.5}),
    Contest("FastAPI JSON", "plain:app", wrk.load, {BEST: 1.2}),
    Contest("WebSocket echo, 32 bytes", "plain:echo", partial(echo.load, size=32)),
    Contest("WebSocket echo, 64 KiB", "plain:echo", partial(echo.load, size=65536)),
    Contest(
        "bodies of 1 MB, down",
        "plain:bodies",
        partial(bodies.load, sent=bodies.DOWN, size=bodies.MEGABYTE),
    ),
    Contest(
        "bodies of 1 MB, up",
        "plain:bodies",
        partial(bodies.load, sent=bodies.UP, size=len(str(bodies.MEGABYTE))),
    ),
]
OTHERS = {"low load": lowload.run, "idle connections": idle_connections.run}


def main() -> None:
    options = parse_arguments()
    require_program("wrk", "wrk")
    servers = select(SERVING, options.only)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores,"
        f" {options.connections} connections, {options.seconds} s each,"
        f" median of {options.rounds} interleaved rounds"
    )
    with tempfile.TemporaryDirectory(prefix="bench-throughput-") as made:
        folder = Path(made)
        for contest in CONTESTS:
            if options.app in contest.name:
                run(contest, servers, folder, options)
        for name, part in OTHERS.items():
            if options.app in name:
                part(servers, folder, options)


def run(
    contest: Contest,
    servers: Sequence[Server],
    folder: Path,
    options: argparse.Namespace,
) -> None:
    print(f"\n== {contest.name}")

    def once(server: Running, warm: bool) -> Load:
        seconds = options.seconds if warm else 1
        return Load(*contest.blow(server.port, options.connections, seconds))

    found = interleave(contest.app, servers, folder, options.rounds, once)
    report(found)
    for line in judge(contest, found):
        print(line)


def rates(found: dict[str, list[Load]]) -> dict[str, float]:
    return {name: median([load.rate for load in found[name]]) for name in found}


def report(found: dict[str, list[Load]]) -> None:
    """The best peer is 1.00: above it, a server answers more than every peer."""
    medians = rates(found)
    best = best_peer(medians) or max(medians.values())
    rows = [
        [
            name,
            f"{medians[name]:,.0f}",
            " ".join(f"{load.rate:,.0f}" for load in measured),
            f"{medians[name] / best:.2f}",
            sum(load.errors for load in measured),
        ]
        for name, measured in found.items()
    ]
    header = ["", "per second", "rounds", "to the best peer", "errors"]
    print("\n" + table(header, rows))


def best_peer(medians: dict[str, float]) -> float:
    return max((medians[name] for name in medians if not is_ours(name)), default=0.0)


def judge(contest: Contest, found: dict[str, list[Load]]) -> list[str]:
    """A line for each goal whose peer took part."""
    medians = rates(found)
    lines = []
    for peer, factor in contest.goals.items():
        if peer == BEST:
            rate = best_peer(medians)
        else:
            rate = next((medians[n] for n in medians if n.startswith(peer)), 0.0)
        ours = [medians[name] / rate for name in medians if rate and is_ours(name)]
        if ours:
            shown = ", ".join(f"{ratio:.2f}" for ratio in ours)
            reached = verdict(max(ours) >= factor)
            lines.append(f"goal: >= {factor:g} x {peer}: {shown}: {reached}")
    return lines


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench throughput")
    parser.add_argument("--only", metavar="NAMES", help="servers whose names start so")
    named = [contest.name for contest in CONTESTS] + list(OTHERS)
    parser.add_argument("--app", default="", help=f"a part of: {', '.join(named)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of one round")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    return parser.parse_args()


if __name__ == "__main__":
    main()
