"""Requests per second, beside the other servers. ./dev bench throughput

wrk with 64 keep-alive connections, on the same cores as the server; for WebSockets a
client of our own (benchmarks/echo.py), as many connections. Every server is up
all the time, and in each round each one is loaded in turn. Access logs off. The peers
run without reload, as in production; hmr-serve runs as it always does, with its watcher
on.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import apps, echo
from benchmarks.client import Connection
from benchmarks.servers import (
    SERVING,
    Running,
    print_commands,
    require_program,
    select,
    stop_all,
)
from benchmarks.tables import median, table

APPS = {
    "raw ASGI": "plain:raw",
    "FastAPI JSON": "plain:app",
    "WebSocket echo, 32 bytes": "plain:echo",
    "WebSocket echo, 64 KiB": "plain:echo",
}
MESSAGES = {"WebSocket echo, 32 bytes": 32, "WebSocket echo, 64 KiB": 65536}
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_ERRORS = re.compile(
    r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"
)
_NON_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")


@dataclass(frozen=True)
class Load:
    """What one run of wrk measured."""

    rate: float  # requests per second
    errors: int  # socket errors and answers that are not 2xx or 3xx


def parse_wrk(output: str) -> Load:
    rate = _RATE.search(output)
    if rate is None:
        raise ValueError(f"not the output of wrk:\n{output}")
    errors = [int(number) for found in _ERRORS.findall(output) for number in found]
    errors += [int(number) for number in _NON_2XX.findall(output)]
    return Load(float(rate[1]), sum(errors))


def main() -> None:
    options = parse_arguments()
    wrk = require_program("wrk", "wrk")
    servers = select(SERVING, options.only)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores,"
        f" {load_command(options)}"
    )
    with tempfile.TemporaryDirectory(prefix="bench-throughput-") as folder:
        for name, app in APPS.items():
            if options.app in name:
                run(name, app, servers, Path(folder), options, wrk)


def run(
    name: str,
    app: str,
    servers: list,
    folder: Path,
    options: argparse.Namespace,
    wrk: str,
) -> None:
    running: list[Running] = []
    try:
        for number, server in enumerate(servers):
            made = apps.plain(folder / f"{app.replace(':', '-')}-{number}")
            running.append(Running(server, made.folder, app))
        print(f"\n== {name}")
        print_commands(running)
        for server in running:
            server.wait_ready()
        same_answer(running)
        loads: list[list[Load]] = [[] for _ in running]
        for number in range(options.rounds + 1):
            for server, measured in zip(running, loads, strict=True):
                # Round 0 warms up and is not counted.
                seconds = options.seconds if number else 1
                if name in MESSAGES:
                    load = blow_echo(server.port, options, seconds, MESSAGES[name])
                else:
                    load = blow(wrk, server.port, options, seconds)
                if number:
                    measured.append(load)
        report(running, loads)
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


def blow(wrk: str, port: int, options: argparse.Namespace, seconds: int) -> Load:
    command = [wrk, "-t1", f"-c{options.connections}", f"-d{seconds}s"]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    return parse_wrk(output)


def blow_echo(port: int, options: argparse.Namespace, seconds: int, size: int) -> Load:
    return Load(*echo.load(port, options.connections, seconds, size))


def report(running: list[Running], loads: list[list[Load]]) -> None:
    """The best peer is 1.00: above it, a server answers more than every peer."""
    medians = [median([load.rate for load in measured]) for measured in loads]
    peers = [
        rate
        for server, rate in zip(running, medians, strict=True)
        if not server.server.name.startswith("hmr-serve")
    ]
    best = max(peers or medians)
    rows = [
        [
            server.server.name,
            f"{rate:,.0f}",
            " ".join(f"{load.rate:,.0f}" for load in measured),
            f"{rate / best:.2f}",
            sum(load.errors for load in measured),
        ]
        for server, rate, measured in zip(running, medians, loads, strict=True)
    ]
    header = ["", "per second", "rounds", "to the best peer", "errors"]
    print("\n" + table(header, rows))


def load_command(options: argparse.Namespace) -> str:
    return (
        f"wrk -t1 -c{options.connections} -d{options.seconds}s,"
        f" median of {options.rounds} interleaved rounds"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench throughput")
    parser.add_argument("--only", metavar="NAMES", help="servers whose names start so")
    parser.add_argument(
        "--app", choices=("raw", "FastAPI", "WebSocket", ""), default=""
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of one round")
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    main()
