"""What a server costs while nothing happens. ./dev bench idle

CPU ticks and voluntary context switches (wake-ups) of every thread of the server's
processes over 30 s without a request, read from /proc. All servers idle at the same
time.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import apps
from benchmarks.client import Connection
from benchmarks.servers import (
    PLAIN_UVICORN,
    RELOADING,
    Running,
    print_commands,
    select,
    stop_all,
)
from benchmarks.tables import table

SETTLE = 7.0  # seconds: longer than the usual keep-alive timeout
GOAL_WAKEUPS = 5


@dataclass(frozen=True)
class Usage:
    """Of all threads of a session, by thread id."""

    ticks: dict[int, int]
    wakeups: dict[int, int]


def usage(session: int) -> Usage:
    ticks, wakeups = {}, {}
    for process in session_processes(session):
        for thread in Path(f"/proc/{process}/task").iterdir():
            try:
                fields = (thread / "stat").read_text().rpartition(")")[2].split()
                status = (thread / "status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            ticks[int(thread.name)] = int(fields[11]) + int(fields[12])  # utime, stime
            line = next(
                x for x in status.splitlines() if x.startswith("voluntary_ctxt")
            )
            wakeups[int(thread.name)] = int(line.split()[1])
    return Usage(ticks, wakeups)


def session_processes(session: int) -> list[int]:
    """The server's process and all that it started (`Running` gives each its own
    session)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def main() -> None:
    options = parse_arguments()
    servers = select([*RELOADING, PLAIN_UVICORN], options.only)
    running: list[Running] = []
    print(
        f"Python {platform.python_version()}, 50 modules, 250 routes;"
        f" {options.seconds:g} s"
    )
    # Not in /tmp: reloaders watch the folders above the app too, and there is traffic.
    quiet = Path("build")
    quiet.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-idle-", dir=quiet) as made:
        folder = Path(made).resolve()
        try:
            for number, server in enumerate(servers):
                app = apps.large(folder / str(number))
                running.append(Running(server, app.folder, MODEL_SECONDS="0"))
            print_commands(running)
            for server in running:
                server.wait_ready("/entry")
            warm_up(running)
            time.sleep(SETTLE)
            before = [usage(server.pid) for server in running]
            time.sleep(options.seconds)
            after = [usage(server.pid) for server in running]
        finally:
            stop_all(running)
    report(running, before, after)


def warm_up(running: list[Running]) -> None:
    for server in running:
        connection = Connection(server.port)
        for _ in range(20):
            connection.get("/items/1")
        connection.close()


def report(running: list[Running], before: list[Usage], after: list[Usage]) -> None:
    rows = []
    for server, old, new in zip(running, before, after, strict=True):
        ticks = sum(new.ticks.values()) - sum(old.ticks.values())
        threads = [new.wakeups[i] - old.wakeups.get(i, 0) for i in new.wakeups]
        listed = " ".join(map(str, sorted(threads, reverse=True)[:8]))
        rows.append([server.server.name, ticks, len(threads), max(threads), listed])
    hertz = os.sysconf("SC_CLK_TCK")
    print(f"\nCPU ticks (1/{hertz} s) and wake-ups of the threads")
    print(table(["", "ticks", "threads", "most wake-ups", "wake-ups by thread"], rows))
    print(f"goal: hmr-serve 0 ticks, <= {GOAL_WAKEUPS} wake-ups a thread in 30 s")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench idle")
    parser.add_argument("--only", metavar="NAMES", help="servers whose names start so")
    parser.add_argument("--seconds", type=float, default=30.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
