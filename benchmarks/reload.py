"""Save -> first fresh answer, beside the other reloaders. ./dev bench reload

Every server runs the same app from a folder of its own, all at the same time; each
round makes every kind of edit once on each of them in turn. The time runs from the
moment the file was closed to the end of the first answer that shows the edit, asked for
back to back on a keep-alive connection. Then each server gets the edits again while
four connections request without pause, for failed and stale answers. `never`: not fresh
within the deadline.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks import apps, rebuild
from benchmarks.apps import App, Edit
from benchmarks.client import Connection, Hammer, Probe, Save, probe
from benchmarks.servers import (
    HMR_SERVE,
    RELOADING,
    Running,
    print_commands,
    select,
    stop_all,
)
from benchmarks.tables import median, milliseconds, percentile, table

NEVERS = 2  # after so many in a row a cell is given up
BUSY_INTERVAL = 0.1  # seconds between saves under load, at least
HAMMERED = ("handler", "constant", "entry: route", "model's file")


@dataclass
class Cell:
    """One server and one kind of edit."""

    probes: list[Probe] = field(default_factory=list)
    spent: float = 0.0

    @property
    def times(self) -> list[float]:
        return [probe.fresh for probe in self.probes if probe.fresh is not None]

    @property
    def nevers(self) -> int:
        return sum(probe.fresh is None for probe in self.probes)

    def done(self, edits: int, least: int, seconds: float) -> bool:
        count = len(self.probes)
        gave_up = self.nevers >= NEVERS and not self.times
        return gave_up or count >= edits or (count >= least and self.spent > seconds)

    def text(self) -> str:
        if not self.times:
            return "never"
        return spread(self.times) + (f" ({self.nevers} never)" if self.nevers else "")


@dataclass
class Subject:
    """A running server, its copy of the app, and what was measured on it."""

    running: Running
    app: App
    cells: dict[str, Cell]
    connection: Connection
    left: int = 0  # routes that answer although the save took them away
    busy_saves: int = 0
    requests: int = 0  # by the hammers
    failed: int = 0
    stale: int = 0

    def timed_edit(self, edit: Edit, deadline: float) -> None:
        """Save once and probe. The connection is opened, and used, before the save."""
        cell = self.cells[edit.name]
        began = time.perf_counter()
        for _ in range(2):
            # The first may find the idle connection closed: not counted.
            with suppress(OSError):
                self.connection.get(self.app.request(edit))
        saved = self.app.save(edit)
        path, wanted = self.app.request(edit), self.app.versions[edit.mark]
        cell.probes.append(probe(self.connection, saved, path, wanted, deadline))
        cell.spent += time.perf_counter() - began
        if edit.moves and cell.probes[-1].fresh is not None:
            self.left += self.connection.get(edit.request(wanted - 1)).status == 200

    def busy_edits(self, options: argparse.Namespace) -> None:
        """Save while hammers run, one per kind of edit that this server can apply."""
        edits = [
            edit
            for edit in self.app.edits
            if edit.name in HAMMERED and self.cells[edit.name].times
        ]
        hammers = {
            edit.name: Hammer(
                self.running.port, lambda edit=edit: self.app.request(edit)
            )
            for edit in edits
        }
        for edit in edits:
            # What is on disk now was saved long ago.
            now = time.perf_counter()
            save = Save(now, now, self.app.versions[edit.mark])
            hammers[edit.name].journal.saves.append(save)
            hammers[edit.name].start()
        start = time.perf_counter()
        for number in range(options.edits):
            if number >= options.busy and time.perf_counter() - start > options.seconds:
                break
            for edit in edits:
                began = time.perf_counter()
                saved = self.app.save(edit)
                wanted = self.app.versions[edit.mark]
                save = Save(began, saved, wanted)
                hammers[edit.name].journal.saves.append(save)
                path = self.app.request(edit)
                seen = probe(self.connection, saved, path, wanted, options.deadline)
                self.busy_saves += 1
                self.failed += seen.failed
                self.stale += seen.stale
                # Time for the hammers to meet the old answer, should it come back.
                time.sleep(max(0.0, BUSY_INTERVAL - (time.perf_counter() - saved)))
        for hammer in hammers.values():
            journal = hammer.end()
            self.requests += len(journal.answers) + journal.failures
            self.failed += journal.failed()
            self.stale += journal.stale()


def main() -> None:
    options = parse_arguments()
    servers = select(RELOADING, options.only)
    print(f"Python {platform.python_version()}, FastAPI {version('fastapi')}\n")
    with tempfile.TemporaryDirectory(prefix="bench-reload-") as folder:
        for name, make in (("small", apps.small), ("large", apps.large)):
            if options.app in (name, "both"):
                run(name, make, servers, Path(folder) / name, options)


def run(
    name: str,
    make: Callable[[Path], App],
    servers: list,
    folder: Path,
    options: argparse.Namespace,
) -> None:
    subjects: list[Subject] = []
    try:
        for number, server in enumerate(servers):
            app = make(folder / str(number))
            running = Running(server, app.folder)
            cells = {edit.name: Cell() for edit in app.edits}
            subjects.append(Subject(running, app, cells, Connection(running.port)))
        print(f"== {name} app: {describe(subjects[0].app)}")
        print_commands([subject.running for subject in subjects])
        for subject in subjects:
            subject.running.wait_ready("/entry")
        loads = [subject.running.model_loads() for subject in subjects]
        timed_rounds(subjects, options)
        for subject in subjects:
            subject.busy_edits(options)
        report(subjects, loads, rebuild.measure(make(folder / "rebuild")))
    finally:
        stop_all([subject.running for subject in subjects])


def timed_rounds(subjects: list[Subject], options: argparse.Namespace) -> None:
    """Interleaved: in each round each kind of edit is made on each server in turn."""
    for _ in range(options.edits):
        for position in range(len(subjects[0].app.edits)):
            for subject in subjects:
                edit = subject.app.edits[position]
                cell = subject.cells[edit.name]
                if not cell.done(options.edits, options.least, options.seconds):
                    subject.timed_edit(edit, options.deadline)


def report(
    subjects: list[Subject], loads: list[int], floor: dict[str, rebuild.Cost]
) -> None:
    print_times(subjects, floor)
    print_trouble(subjects, loads)
    print_first(subjects[0])
    if subjects[0].running.server is HMR_SERVE:
        print_goals(subjects[0], loads[0])


def print_times(subjects: list[Subject], floor: dict[str, rebuild.Cost]) -> None:
    """The main table. Its last line is what FastAPI itself needs."""
    edits = subjects[0].app.edits
    print("\nsave -> first fresh answer, ms, median / p95")
    rows = [
        [subject.running.server.name]
        + [subject.cells[edit.name].text() for edit in edits]
        + [counts(subject)]
        for subject in subjects
    ]
    rows.append(["goal"] + [f"<= {edit.goal * 1000:g}" for edit in edits] + [""])
    rows.append(
        ["FastAPI's own rebuild"]
        + [floor[edit.name].text() if edit.name in floor else "-" for edit in edits]
        + ["10"]
    )
    print(table(["", *[edit.name for edit in edits], "edits of each kind"], rows))
    print(
        "FastAPI's own rebuild: running the statements that register routes + what the"
        " first request\nbuilds lazily, in plain Python without a server, median"
    )


def print_trouble(subjects: list[Subject], loads: list[int]) -> None:
    """Failed requests, stale answers, and how often the model was loaded again."""
    print(
        "\nduring these edits, and during edits under four busy keep-alive connections"
    )
    header = ["", "failed", "stale", "busy: edits", "requests", "failed", "stale"]
    header += ["model loads after the start", "removed routes that still answer"]
    rows = []
    for subject, before in zip(subjects, loads, strict=True):
        probes = [probe for cell in subject.cells.values() for probe in cell.probes]
        rows.append(
            [
                subject.running.server.name,
                sum(probe.failed for probe in probes),
                sum(probe.stale for probe in probes),
                subject.busy_saves,
                f"{subject.requests:,}",
                subject.failed,
                subject.stale,
                subject.running.model_loads() - before,
                subject.left,
            ]
        )
    print(table(header, rows))


def print_goals(subject: Subject, loads: int) -> None:
    """Which of the goals hmr-serve missed in this run."""
    missed = []
    for edit in subject.app.edits:
        cell = subject.cells[edit.name]
        if not cell.times or median(cell.times) > edit.goal:
            missed.append(f"{edit.name} {cell.text()}")
    probes = [probe for cell in subject.cells.values() for probe in cell.probes]
    counted = {
        "failed": subject.failed + sum(probe.failed for probe in probes),
        "stale": subject.stale + sum(probe.stale for probe in probes),
        "model loads": subject.running.model_loads() - loads,
        "removed routes that still answer": subject.left,
    }
    missed += [f"{count} {name}" for name, count in counted.items() if count]
    name, text = subject.running.server.name, ", ".join(missed)
    print(f"goals missed by {name}: {text or 'none'}\n")


def print_first(subject: Subject) -> None:
    """How long the first request after a save took, where it was fresh."""
    seen = [probe for cell in subject.cells.values() for probe in cell.probes]
    first = [probe.first for probe in seen if probe.first is not None]
    times = f", in {spread(first)} ms" if first else ""
    print(
        f"\n{subject.running.server.name}: {len(first)} of {len(seen)} first requests"
        f" after a save were fresh{times}"
    )


def spread(seconds: list[float]) -> str:
    """Median / p95, in milliseconds."""
    return f"{milliseconds(median(seconds))} / {milliseconds(percentile(seconds, 95))}"


def counts(subject: Subject) -> str:
    """How many edits of each kind were measured: slow servers get fewer."""
    numbers = [len(cell.probes) for cell in subject.cells.values()]
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


def describe(app: App) -> str:
    texts = app.templates.values()
    routes = sum(text.count("@app.") + text.count("@router.") for text in texts)
    return (
        f"{len(app.templates)} files, {routes} routes, a model that takes 1 s to load"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench reload")
    parser.add_argument("--only", metavar="NAMES", help="servers whose names start so")
    parser.add_argument("--app", choices=("small", "large", "both"), default="both")
    parser.add_argument(
        "--edits", type=int, default=10, help="of each kind (default 10)"
    )
    parser.add_argument("--least", type=int, default=2, help="even on slow servers")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="a cell's budget beyond --least"
    )
    parser.add_argument(
        "--busy", type=int, default=1, help="rounds under load, at least"
    )
    parser.add_argument(
        "--deadline", type=float, default=5.0, help="seconds until `never`"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)  # the hammers must not hold up the prober
    main()
