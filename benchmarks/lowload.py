"""How long one request takes while there is nothing else to do: one keep-alive
connection, a request every 2 milliseconds.

The slowest hundredth is what the machine does besides as much as the server: rounds are
short and many, and the median round counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.client import Connection
from benchmarks.contest import interleave, is_ours, verdict
from benchmarks.servers import Running, Server
from benchmarks.tables import median, percentile, table

APPS = {"raw ASGI": "plain:raw", "FastAPI JSON": "plain:app"}
PERIOD = 0.002
SHORTER = 6  # as many times more rounds than asked for, and as many times shorter
REFERENCE = "uvicorn"


def measure(port: int, seconds: float) -> list[float]:
    """Microseconds of each request."""
    connection = Connection(port)
    taken = []
    now = time.perf_counter()
    end, due = now + seconds, now
    while due < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        answer = connection.get("/")
        assert answer.status == 200
        taken.append((answer.ended - answer.started) * 1e6)
        due = max(due + PERIOD, answer.ended)
    connection.close()
    return taken


def run(servers: Sequence[Server], folder: Path, options: argparse.Namespace) -> None:
    for name, app in APPS.items():
        print(f"\n== {name}, low load: one request every {PERIOD * 1000:g} ms")

        def once(server: Running, warm: bool) -> list[float]:
            return measure(server.port, options.seconds / SHORTER if warm else 1)

        report(interleave(app, servers, folder, options.rounds * SHORTER, once))


def report(found: dict[str, list[list[float]]]) -> None:
    ranks = {
        name: tuple(
            median([percentile(taken, rank) for taken in rounds]) for rank in (50, 99)
        )
        for name, rounds in found.items()
    }
    rows = [
        [name, f"{half:,.0f}", f"{most:,.0f}", sum(map(len, found[name]))]
        for name, (half, most) in ranks.items()
    ]
    print("\n" + table(["microseconds", "p50", "p99", "requests"], rows))
    reference = next((ranks[n] for n in ranks if n.startswith(REFERENCE)), None)
    for name, (half, most) in ranks.items():
        if reference and is_ours(name):
            reached = half <= reference[0] and most <= reference[1]
            print(f"goal: p50 and p99 <= {REFERENCE}'s: {name}: {verdict(reached)}")
