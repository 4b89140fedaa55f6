"""The workbench of the engine's tests: a program in files, a live process, a cold
start.

    def test_editing_a_constant_reruns_its_importers_only(project):
        project.start({"a.py": "X = 1\nY = 2\n", "main.py": "from a import X\n"})
        report = project.edit("a.py", "X = 1", "X = 5")
        assert ran(report) == ["a: X = 5", "main: from a import X"]

Every edit is also checked against a cold start (oracle.py), and what the report says
ran against what did run, unless `check=False`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from . import oracle
from .texts import bound_names, statement_at

ENGINE = os.environ.get("HMR_TEST_ENGINE", "hmr_serve._core:Engine")
DEADLINE = float(os.environ.get("HMR_TEST_DEADLINE", "30"))
NEW_PROCESS = 500  # one in so many cold starts is no fork


class WorkerDied(AssertionError):
    """A process under test crashed or hung."""


class WorkerRaised(AssertionError):
    """An order raised in a process under test; the text is its traceback."""


class Zygote:
    """The process that has the libraries loaded and forks workers; one per test run.
    `environ`: its variables, where they are not this process's; `libraries`: which
    (worker.LIBRARIES)."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, libraries: str = "all"
    ) -> None:
        self.environ, self.libraries = dict(environ), libraries
        ours, theirs = socket.socketpair()
        package = __package__ or "core"
        top = Path(__file__).parents[len(package.split("."))]
        paths = [str(top), *filter(None, [environ.get("PYTHONPATH")])]
        environ = dict(environ, PYTHONPATH=os.pathsep.join(paths))
        environ.setdefault("PYTHONHASHSEED", "1")
        environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for name in [n for n in environ if n.startswith("PYTEST_")]:
            del environ[name]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", f"{package}.worker"),
                *(str(theirs.fileno()), libraries),
            ],
            pass_fds=[theirs.fileno()],
            env=environ,
        )
        theirs.close()
        self.control = ours
        self.colds = 0  # cold starts forked so far

    def fork(self, root: Path, stderr: Path) -> Remote:
        ours, theirs = socket.socketpair()
        order = json.dumps({"dir": str(root), "stderr": str(stderr)}).encode()
        socket.send_fds(self.control, [order], [theirs.fileno()])
        theirs.close()
        pid = self.answer()["pid"]
        return Remote(self, pid, Connection(ours.detach()), stderr)

    def wait(self, pid: int) -> int:
        self.control.sendall(json.dumps({"wait": pid}).encode())
        return self.answer()["status"]

    def answer(self) -> dict[str, Any]:
        got = self.control.recv(65536)
        if not got:
            raise WorkerDied(f"the zygote ended: {self.process.wait()}")
        return json.loads(got)

    def close(self) -> None:
        self.control.close()
        self.process.wait()


@dataclass
class Remote:
    """A worker, from outside."""

    zygote: Zygote
    pid: int
    connection: Connection
    stderr: Path
    ended: bool = False

    def ask(self, do: str, **order: Any) -> Any:
        try:
            self.connection.send({"do": do, **order})
            if not self.connection.poll(DEADLINE):
                os.kill(self.pid, signal.SIGUSR1)  # faulthandler writes the stacks
                os.kill(self.pid, signal.SIGABRT)
                raise EOFError
            kind, answer = self.connection.recv()
        except (EOFError, ConnectionError):
            status = self.end()
            text = f"worker ended with {status} at {do!r}\n{self.errors()}"
            raise WorkerDied(text) from None
        if kind == "raised":
            raise WorkerRaised(answer)
        return answer

    def errors(self) -> str:
        """What the worker wrote, its newest part."""
        return self.stderr.read_text(errors="replace")[-4000:]

    def end(self) -> int | None:
        """Close and reap; its exit status (negative: the signal)."""
        if self.ended:
            return None
        self.ended = True
        self.connection.close()
        return self.zygote.wait(self.pid)


@dataclass
class Report:
    """A worker's report of one `apply`, with what the monitor saw run."""

    revision: int
    files: list[str]
    patched: list[str]
    reran: list[tuple[str, str, int, str, float]]
    removed: list[tuple[str, str]]
    kept: list[str]
    stale: list[str]
    restart: str | None
    error: dict[str, Any] | None
    times: dict[str, float]
    visited: list[str]
    executed: list[tuple[str, int]]
    modules: dict[str, str]
    rebound: list[str]  # "module.name" that holds another object than before
    sources: dict[str, str] = field(default_factory=dict, repr=False)

    def name(self, file: str) -> str:
        """The module of a file."""
        return next(name for name, path in self.modules.items() if path == file)


def ran(report: Report) -> list[str]:
    """Statements that ran, in order: "module: x = 1", "module: def f"."""
    return [
        f"{module}: {statement_at(report.sources[report.modules[module]], line)}"
        for module, _, line, _, _ in report.reran
        if module in report.modules
    ]


def in_vain(report: Report) -> list[tuple[str, float]]:
    """Unedited statements that ran and bound what was bound already, with seconds: a
    lower bound of what ran without need. Those that bind nothing are not judged."""
    found = []
    for module, _, line, reason, cost in report.reran:
        if module not in report.modules or reason in ("new", "changed"):
            continue
        names = bound_names(report.sources[report.modules[module]], line)
        held = [n for n in report.rebound if n.rpartition(".")[0] == module]
        any_name = "*" in names and held
        if names and not any_name and not names & {n.rpartition(".")[2] for n in held}:
            found.append((f"{module}:{line}", cost))
    return found


def reasons(report: Report) -> dict[str, str]:
    """{"module: x = 1": why it ran}."""
    whys = [r[3] for r in report.reran if r[0] in report.modules]
    return dict(zip(ran(report), whys, strict=False))


def executed(report: Report) -> list[str]:
    """The same as `ran`, from the monitor instead of the report."""
    there = set(report.modules.values())  # without modules whose import failed
    return [
        f"{report.name(file)}: {statement_at(report.sources.get(file, ''), line)}"
        for file, line in report.executed
        if file in there
    ]


class Project:
    """A program under edit.

    Responsibilities: the files, the live worker, cold starts, and the check of one
    against the other after every edit.
    """

    def __init__(self, zygote: Zygote, root: Path, engine: str = ENGINE) -> None:
        self.zygote = zygote
        self.root = root / "project"
        self.root.mkdir()
        self.scratch = root
        self.compiled = root / "compiled"  # byte code that cold starts share
        self.compiled.mkdir()
        self.engine = engine
        self.entry, self.attr = "main", None
        self.worker: Remote | None = None
        self.before: Callable[[], Any] = lambda: None
        self.asked: list[str] = []
        self.restarts: list[str] = []
        self.late: set[str] = set()  # modules that requests have imported
        self.injections: int | None = None  # made so far; None: none are made

    # Files

    def write(self, files: Mapping[str, str | bytes]) -> list[str]:
        """Write files (text is dedented); their absolute paths."""
        paths = []
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                content = textwrap.dedent(content).encode()
            path.write_bytes(content)
            paths.append(str(path))
        return paths

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def sources(self) -> dict[str, str]:
        found = sorted(self.root.rglob("*.py"))
        return {str(p.relative_to(self.root)): decoded(p) for p in found}

    # The live process

    def start(
        self,
        files: Mapping[str, str | bytes] | None = None,
        entry: str = "main",
        attr: str | None = None,
        *,
        check: bool = True,
    ) -> None:
        """Write files, import `entry` tracked; both starts must look alike."""
        self.write(files or {})
        self.entry, self.attr = entry, attr
        error = self.boot()
        if error:
            raise AssertionError("the program does not start:\n" + error["traceback"])
        if check:
            oracle.check_start(self)

    def boot(self) -> dict[str, Any] | None:
        """A new live process; the error of its start."""
        if self.worker:
            self.worker.end()
        self.worker = self.zygote.fork(self.root, self.scratch / "live.err")
        return self.ask("start", engine=self.engine, entry=self.entry, attr=self.attr)

    def ask(self, do: str, **order: Any) -> Any:
        assert self.worker is not None, "start the project first"
        return self.worker.ask(do, **order)

    def eval(self, expr: str) -> Any:
        """The (picklable) value of an expression over the live modules and `engine`."""
        return self.ask("eval", expr=expr)

    def exec(self, source: str) -> None:
        self.ask("exec", source=textwrap.dedent(source))

    def snapshot(self) -> dict[str, Any]:
        return self.ask("snapshot")

    def ids(self) -> dict[str, int]:
        return self.ask("ids")

    # Edits

    def apply(self, paths: Iterable[str], *, check: bool = True) -> Report:
        """Give the engine paths; check the outcome against a cold start."""
        self.before()
        given = [str(self.root / p) for p in paths]
        fail_at = 0
        while self.injections is not None:
            fail_at += 1
            got = self.ask("apply", paths=given, fail_at=fail_at)
            ids = got.pop("ids")
            if not oracle.check_injection(self, got, ids):
                break
            self.injections += 1
        else:
            got = self.ask("apply", paths=given)
            ids = got.pop("ids")
        report = Report(**got, sources=self.sources())
        if check:
            oracle.check_apply(self, report, ids)
        return report

    def save(
        self, files: Mapping[str, str | bytes | None], *, check: bool = True
    ) -> Report:
        """Write whole files (None: delete) and apply them as one save."""
        gone = [name for name, content in files.items() if content is None]
        for name in gone:
            (self.root / name).unlink()
        kept = {k: v for k, v in files.items() if v is not None}
        return self.apply([*self.write(kept), *gone], check=check)

    def edit(self, name: str, old: str, new: str, *, check: bool = True) -> Report:
        """Replace the one occurrence of `old` in a file."""
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        (self.root / name).write_text(text.replace(old, new))
        return self.apply([name], check=check)

    def delete(self, *names: str, check: bool = True) -> Report:
        for name in names:
            (self.root / name).unlink()
        return self.apply(names, check=check)

    # The cold start

    def cold(self) -> Cold:
        return Cold(self)

    def close(self) -> None:
        if self.worker:
            self.worker.end()


def decoded(path: Path) -> str:
    """A file's text as Python reads it; empty where it cannot."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, ValueError):
        return ""


class Cold:
    """A fresh process that imports the present files without an engine: a fork of one
    that has only the libraries loaded, now and then one of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        errors = project.scratch / "cold.err"
        zygote = project.zygote
        zygote.colds += 1
        if zygote.colds % NEW_PROCESS == 0:
            zygote = Zygote(zygote.environ, zygote.libraries)
        self.own = zygote if zygote is not project.zygote else None
        self.worker = zygote.fork(project.root, errors)

    def __enter__(self) -> Cold:
        entry, attr = self.project.entry, self.project.attr
        compiled = "" if self.own else str(self.project.compiled)
        self.error = self.ask(
            "start", engine=None, entry=entry, attr=attr, compiled=compiled
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self.worker.end()
        if self.own:
            self.own.close()

    def ask(self, do: str, **order: Any) -> Any:
        return self.worker.ask(do, **order)


def scratch_project(zygote: Zygote, engine: str = ENGINE) -> Project:
    """A project outside pytest's tmp_path (soak runs)."""
    return Project(zygote, Path(tempfile.mkdtemp(prefix="hmr-")), engine)


def expect(report: Report, must: Iterable[str], may: Iterable[str] = ()) -> None:
    """The statements `must` ran, and no others but from `may`."""
    seen, needed = ran(report), list(must)
    missing = [s for s in needed if s not in seen]
    needless = [s for s in seen if s not in {*needed, *may}]
    assert not missing, f"did not run: {missing} (ran: {seen})"
    assert not needless, f"ran needlessly: {needless} ({reasons(report)})"


def settled(project: Project, expr: str) -> Any:
    """The value of an expression, which a cold start has to give too."""
    live = project.eval(expr)
    with project.cold() as cold:
        assert cold.error is None
        assert live == cold.ask("eval", expr=expr)
    assert project.restarts == []
    return live
