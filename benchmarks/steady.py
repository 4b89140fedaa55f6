"""Does the app run at full speed between two saves? ./dev bench steady

The same small programs are timed inside an imported module of an app under hmr-serve
and under plain uvicorn, in the loop's thread of each. The servers are asked in turn,
many times, in several pairs of processes. A second plain uvicorn shows what is noise:
its ratio should be 1 and is not quite.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from pathlib import Path

from benchmarks.client import Connection
from benchmarks.servers import (
    HMR_SERVE,
    PLAIN_UVICORN,
    Running,
    print_commands,
    stop_all,
)
from benchmarks.tables import median, table

LEAST, MOST = 0.98, 1.02
REPORTED_ONLY = ("make a function",)  # a function watcher may stay on; no goal

MAIN = """\
from fastapi import FastAPI
from fastapi.responses import JSONResponse

import work

app = FastAPI()


@app.get("/")
async def root():
    return {}


@app.get("/measure/{name}")
async def measure(name: str, count: int, repeats: int) -> JSONResponse:
    return JSONResponse({"seconds": work.measure(name, count, repeats)})
"""

WORK = '''\
"""The programs that are timed: in a module of the app, with the app's own globals."""

import time

import values

LIMIT = 7


class Point:
    unit = 1

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def sum(self):
        return self.x + self.y


point = Point(1, 2)


def add(a, b):
    return a + b


def call_function(n):
    for _ in range(n):
        add(1, 2)
        add(3, 4)


def read_globals(n):
    for _ in range(n):
        LIMIT
        point
        add
        LIMIT


def read_attributes(n):
    for _ in range(n):
        point.x
        point.unit
        point.y
        Point.unit


def read_module_attributes(n):
    for _ in range(n):
        values.LIMIT
        values.NAME
        values.LIMIT
        values.NAME


def call_method(n):
    for _ in range(n):
        point.sum()
        point.sum()


def make_instance(n):
    for _ in range(n):
        Point(1, 2)


def make_function(n):
    for _ in range(n):
        lambda: n


def write_globals(n):
    global LIMIT
    for _ in range(n):
        LIMIT = 7
        LIMIT = 8


PROGRAMS = {
    "call a function": call_function,
    "read globals": read_globals,
    "read attributes": read_attributes,
    "read a module's attributes": read_module_attributes,
    "call a method": call_method,
    "make an instance": make_instance,
    "write globals": write_globals,
    "make a function": make_function,
}


def measure(name, count, repeats):
    """The least of many short runs, in seconds of this thread's own CPU time: what the
    machine did meanwhile is not the program's."""
    program = PROGRAMS[name]
    least = float("inf")
    for _ in range(repeats):
        start = time.thread_time()
        program(count)
        least = min(least, time.thread_time() - start)
    return least
'''

VALUES = "LIMIT = 7\nNAME = 'name'\n"
PROGRAMS = (
    "call a function",
    "read globals",
    "read attributes",
    "read a module's attributes",
    "call a method",
    "make an instance",
    "write globals",
    "make a function",
)
TOGETHER = "all but the last, together"
COUNT, REPEATS = 2000, 40  # some 0.1 ms, which is seldom interrupted


def main() -> None:
    options = parse_arguments()
    ratios: dict[str, list[float]] = {name: [] for name in (*PROGRAMS, TOGETHER)}
    noise: dict[str, list[float]] = {name: [] for name in (*PROGRAMS, TOGETHER)}
    print(f"Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="bench-steady-") as folder:
        app = Path(folder) / "app"
        app.mkdir()
        for name, text in (("main", MAIN), ("work", WORK), ("values", VALUES)):
            (app / f"{name}.py").write_text(text)
        for number in range(options.processes):
            measure_processes(app, options.rounds, ratios, noise, show=number == 0)
    report(ratios, noise, options)


def measure_processes(
    folder: Path,
    rounds: int,
    ratios: dict[str, list[float]],
    noise: dict[str, list[float]],
    show: bool,
) -> None:
    """One fresh process of each kind; the ratio of each program's least time over all
    rounds."""
    servers = (HMR_SERVE, PLAIN_UVICORN, PLAIN_UVICORN)
    running: list[Running] = []
    try:
        running += [Running(server, folder, PYTHONHASHSEED="0") for server in servers]
        if show:
            print_commands(running)
        connections = []
        for server in running:
            server.wait_ready()
            connections.append(Connection(server.port))
        least = {name: [float("inf")] * len(servers) for name in PROGRAMS}
        for number in range(rounds):
            order = range(len(servers))
            for name in PROGRAMS:
                for i in order if number % 2 else reversed(order):
                    least[name][i] = min(least[name][i], ask(connections[i], name))
        timed = [least[name] for name in PROGRAMS if name not in REPORTED_ONLY]
        least[TOGETHER] = [sum(column) for column in zip(*timed, strict=True)]
        for name, (ours, plain, other) in least.items():
            ratios[name].append(ours / plain)
            noise[name].append(other / plain)
    finally:
        stop_all(running)


def ask(connection: Connection, name: str) -> float:
    path = f"/measure/{name.replace(' ', '%20')}?count={COUNT}&repeats={REPEATS}"
    answer = connection.get(path)
    assert answer.status == 200, answer
    return json.loads(answer.body)["seconds"]


def report(
    ratios: dict[str, list[float]],
    noise: dict[str, list[float]],
    options: argparse.Namespace,
) -> None:
    rows = []
    for name in (*PROGRAMS, TOGETHER):
        ratio = median(ratios[name])
        met = "yes" if LEAST <= ratio <= MOST else "no"
        rows.append(
            [
                name,
                f"{ratio:.3f}",
                f"{min(ratios[name]):.3f}..{max(ratios[name]):.3f}",
                f"{median(noise[name]):.3f}",
                "-" if name in REPORTED_ONLY else met,
            ]
        )
    goal = f"{LEAST} to {MOST}"
    print(
        "\ntime under hmr-serve / under uvicorn,"
        f" median of {options.processes} processes"
    )
    print(table(["", "ratio", "range", "uvicorn / uvicorn", goal], rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench steady")
    parser.add_argument(
        "--processes", type=int, default=7, help="of each kind, one by one"
    )
    parser.add_argument(
        "--rounds", type=int, default=25, help="in each set of processes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
