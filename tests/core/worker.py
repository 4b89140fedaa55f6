"""The processes that tests look into: a zygote with libraries loaded, forked for each.

`python -m <package>.worker FD` is the zygote: for every request on its socket it forks
a worker, which obeys orders (pickled dicts) on a connection of its own until that
closes. A worker with an engine is the live process; one without imports the program as
any Python does: the cold start. Both are told what to do by harness.py and answer with
plain data.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.metadata
import json
import marshal
import os
import random
import re
import signal
import socket
import sys
import threading
import traceback
import types
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from hmr_serve import adapters, api, contributions

from . import snapshot
from .precision import Spares, look
from .snapshot import realpath

FEW = (
    "abc asyncio atexit collections contextlib contextvars copy dataclasses enum "
    "functools glob importlib.util inspect itertools json logging logging.config math "
    "multiprocessing operator os.path pathlib pickle pkgutil random re signal string "
    "textwrap time types typing warnings weakref pydantic pydantic_settings decimal "
    "datetime fractions uuid hmr_serve.api hmr_serve._core"
)
LIBRARIES = {  # loaded before any program; a fork costs by what there is
    "few": FEW,
    "all": f"{FEW} pydantic_settings fastapi fastapi.responses fastapi.routing "
    "starlette.middleware.cors prometheus_client sqlmodel",
}
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # in the default repr of an object
TOOL = 5  # sys.monitoring's optimizer: the engine takes 4 or 3
MONITORING = sys.monitoring
REPORT = "revision files patched reran removed kept stale restart error times visited"


def serve_forks(control: socket.socket, libraries: str) -> None:
    """The zygote: one fork per message ({"dir", "stderr"} and a descriptor)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LIBRARIES[libraries].split():
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing = getattr(error, "name", None) or ""
            if missing.split(".")[0] != name.split(".")[0]:
                raise
    if "fastapi" in sys.modules:
        load_what_routes_load()
    load_what_every_fork_loads()
    snapshot.LIBRARIES.update(sys.modules)
    gc.collect()
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            return
        order = json.loads(message)
        if "wait" in order:
            status = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
            control.sendall(json.dumps({"status": status}).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            live(fds[0], order)
        os.close(fds[0])
        control.sendall(json.dumps({"pid": pid}).encode())


def load_what_routes_load() -> None:
    """FastAPI imports a part of itself and of pydantic with the first route: 0.1 s."""
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/")(lambda number=1: number)
    app.openapi()


def load_what_every_fork_loads() -> None:
    """Each cold start and each engine would do that again: 10 ms."""
    import pydantic

    pydantic.create_model("Model", number=(int, 1), many=("list[Model]", []))()
    for name in adapters.OURS:
        importlib.import_module(f"{adapters.__name__}.{name}")
    importlib.metadata.entry_points(group=adapters.GROUP)  # it keeps folders' contents
    snapshot.take(os.sep + "nowhere")


def live(fd: int, order: dict[str, Any]) -> None:
    """A forked worker's whole life."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(order["dir"])
        log = os.open(order["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.enable(log)
        faulthandler.register(signal.SIGUSR1, log, all_threads=True)
        Worker(Connection(fd), order["dir"]).obey()
        status = 0
    except EOFError:
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Injected(BaseException):
    """Raised at the end of a statement, to see what rolls back."""


class Worker:
    """One process under test.

    Responsibilities: obey orders, one at a time, in the main thread; turn everything
    that goes back into plain data.
    """

    def __init__(self, connection: Connection, root: str) -> None:
        self.connection = connection
        self.root = realpath(root) + os.sep
        self.engine: Any = None
        self.entry: Callable[[], Any] = lambda: None
        self.executed: list[tuple[str, int]] = []
        self.ended: list[str] = []
        self.fail_at = 0  # which statement that runs raises at its end; 0: none
        self.finished = 0
        self.spares: Spares | None = None
        self.kept: dict[str, Any] = {}  # the snapshot after the last good edit
        self.space: dict[str, Any] = {"worker": self, "sys": sys, "os": os}
        sys.path.insert(0, self.root.rstrip(os.sep))
        sys.dont_write_bytecode = True

    def obey(self) -> None:
        while True:
            order = self.connection.recv()
            try:
                answer = ("ok", getattr(self, "do_" + order.pop("do"))(**order))
            except Exception:
                answer = ("raised", traceback.format_exc())
            self.connection.send(answer)

    # Orders

    def do_start(
        self, engine: str | None, entry: str, attr: str | None, compiled: str = ""
    ) -> Any:
        """Import the program, with an engine ("module:Class") or as plain Python, which
        may keep byte code in the folder `compiled`."""

        def imported() -> Any:
            module = importlib.import_module(entry)
            return getattr(module, attr) if attr else module

        self.entry = imported
        self.watch_statements()
        try:
            if engine is None:
                self.note_ends()
                if compiled:
                    keep_byte_code(compiled)
                self.space["app"] = imported()
            else:
                where, _, name = engine.partition(":")
                make = getattr(importlib.import_module(where), name)
                self.engine = make([self.root.rstrip(os.sep)])
                self.engine.install()
                if hasattr(self.engine, "on_dispose"):
                    api.attach(self.engine)
                    adapters.load(self.engine, print)
                    self.engine.contribute(contributions.Routes())
                self.space["engine"] = self.engine
                self.space["app"] = self.engine.run("entry", imported)
        except BaseException as error:
            return self.error(error)
        return None

    def do_apply(self, paths: list[str], fail_at: int = 0) -> dict[str, Any]:
        ids = self.do_ids()
        self.executed.clear()
        events = MONITORING.events
        if fail_at:
            MONITORING.set_events(TOOL, events.PY_START | events.PY_RETURN)
        self.fail_at, self.finished = fail_at, 0
        report = self.engine.apply(paths)
        if fail_at:
            MONITORING.set_events(TOOL, events.PY_START)
        shown = {name: getattr(report, name) for name in REPORT.split()}
        shown["error"] = report.error and self.error(report.error)
        shown["ids"] = ids
        now = self.do_ids(program=True)
        shown["rebound"] = [name for name, i in now.items() if ids.get(name) != i]
        shown["reran"] = [tuple(r) for r in report.reran]
        shown["executed"] = [(self.relative(f), line) for f, line in self.executed]
        shown["modules"] = {
            name: os.path.relpath(realpath(m.__file__), self.root)
            for name, m in snapshot.tracked_modules(self.root)
            if getattr(m, "__file__", None)
        }
        if report.error is None and report.restart is None:
            try:
                self.space["app"] = self.engine.result("entry")
            except Exception:
                traceback.print_exc()
        return shown

    def do_snapshot(self) -> dict[str, Any]:
        return snapshot.take(self.root)

    def do_look(self, targets: list[str], *, keep: bool) -> dict[str, Any]:
        """All that is compared, the snapshot as digests. First what requests get: they
        may import modules, or fill what is global."""
        there = self.loaded()
        return {
            "requests": self.do_requests(targets) if targets else {},
            "before": self.do_order(),
            "answers": self.do_answers("get_"),
            "order": self.do_order(),
            "began": self.do_began(),
            "came": sorted(self.loaded() - there),
            "digests": self.do_digests(keep=keep),
        }

    def do_late(self, names: list[str]) -> dict[str, Any]:
        """The same, once requests have imported these modules."""
        for name in names:
            with contextlib.suppress(Exception):  # then it is missed
                importlib.import_module(name)
        return self.do_look([], keep=False)

    def do_spares(self) -> None:
        """Get ready to measure the next update's precision."""
        if self.spares:
            self.spares.close()
        self.spares = Spares(self)

    def do_without(self, paths: list[str], statements: list[Any]) -> list[bool]:
        """Which of the statements that the update ran did so in vain?"""
        assert self.spares
        return self.spares.try_without(paths, statements, look(self))

    def do_digests(self, *, keep: bool) -> dict[str, Any]:
        """The snapshot with a hash for each module; `keep`: for do_traces()."""
        shown = snapshot.take(self.root, brief=True)
        if keep:
            self.kept = shown
        return {
            name: part if name == "modules" else hashlib.blake2b(plain(part)).digest()
            for name, part in shown.items()
        }

    def do_traces(self) -> list[str]:
        """What differs from the snapshot that was kept."""
        now = snapshot.take(self.root, brief=True)
        return [] if now == self.kept else snapshot.differences(now, self.kept)

    def do_order(self) -> list[str]:
        """Tracked modules in the order in which their imports ended."""
        return self.engine.modules() if self.engine else list(self.ended)

    def do_began(self) -> list[str]:
        """The same modules in the order in which their imports began."""
        tracked = set(self.do_order())
        return [name for name in sys.modules if name in tracked]

    def do_ids(self, *, program: bool = False) -> dict[str, int]:
        """What every name of every tracked module is bound to, by identity; and what
        there is around the program, in its order, unless only that is asked for."""
        names = {
            f"{module}.{name}": id(value)
            for module, m in sorted(snapshot.tracked_modules(self.root))
            for name, value in vars(m).items()
        }
        if program:
            return names
        variables = {f"os.environ[{k!r}]": hash(v) for k, v in os.environ.items()}
        paths = {f"sys.path[{n}]": hash(item) for n, item in enumerate(sys.path)}
        return {**names, **variables, **paths}

    def do_eval(self, expr: str) -> Any:
        return eval(expr, dict(self.space, **self.modules()))

    def do_exec(self, source: str) -> None:
        """Statements; names they bind are seen by later `eval` and `exec`."""
        space = dict(self.space, **self.modules())
        before = dict(space)
        exec(compile(source, "<test>", "exec"), space)
        for name, value in space.items():
            if name not in before or before[name] is not value:
                self.space[name] = value

    def do_answers(self, prefix: str) -> dict[str, Any]:
        """Results of every tracked function named `prefix...` without arguments, in
        modules that these import, too; looked at once all have been called."""
        got: dict[str, tuple[Any, Exception | None]] = {}
        asked: set[str] = set()
        while new := sorted(self.loaded() - asked):
            asked.update(new)
            for module in new:
                got |= self.ask_all(module, prefix)
        picture = snapshot.Picture(self.root)
        return {
            where: self.error(error, importing=False)
            if error
            else picture.value(value, where)
            for where, (value, error) in sorted(got.items())
        }

    def ask_all(self, module: str, prefix: str) -> dict[str, Any]:
        got: dict[str, tuple[Any, Exception | None]] = {}
        for name, value in list(vars(sys.modules.get(module, object)).items()):
            if name.startswith(prefix) and isinstance(value, types.FunctionType):
                where = f"{module}.{name}()"
                try:
                    got[where] = value(), None
                except Exception as error:
                    got[where] = None, error
        return got

    def do_requests(self, targets: list[str]) -> dict[str, Any]:
        """GET each target of the application: {target: (status, headers, body)}."""
        random.seed(0)  # an application may draw lots
        return asyncio.run(self.get_all(targets))

    # Inside

    def loaded(self) -> set[str]:
        """Names of tracked modules, packages without a file among them."""
        return {name for name, _ in snapshot.tracked_modules(self.root)}

    def modules(self) -> dict[str, Any]:
        return {
            name: m
            for name, m in snapshot.tracked_modules(self.root)
            if "." not in name
        }

    def error(self, error: BaseException, *, importing: bool = True) -> dict[str, Any]:
        """An exception as data: where = (file, line, function), our innermost frame;
        `importing`: its traceback also shows the import system's frames."""
        where = None  # stays so where no frame of ours is in it (a null byte, say)
        seen = traceback.walk_tb(error.__traceback__)
        frames = traceback.extract_tb(error.__traceback__)
        if not importing:  # which depend on the loader
            frames = [f for f in frames if f.filename.startswith(self.root)]
        if isinstance(error, SyntaxError):
            if error.filename:
                where = (self.relative(error.filename), error.lineno, "")
        else:
            for frame, line in seen:
                code = frame.f_code
                if code.co_filename.startswith(self.root):
                    name = code.co_qualname
                    where = (self.relative(code.co_filename), line, name)
        return {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "message": ADDRESS.sub(" at 0x...", str(error).replace(self.root, "")),
            "where": where,
            # format_exception would import modules to suggest names of theirs
            "traceback": "".join(traceback.format_list(frames))
            + f"{type(error).__name__}: {error}",
        }

    def relative(self, file: str) -> str:
        return os.path.relpath(realpath(file), self.root)

    def watch_statements(self) -> None:
        """Note every module-level code object of ours that runs: an execution log that
        owes nothing to the engine. (It looks at no file: that would be a read of the
        statement.)"""

        def started(code: types.CodeType, offset: int) -> Any:
            file = code.co_filename
            if code.co_name == "<module>" and file.startswith(self.root):
                self.executed.append((file, first(code)))
                return None
            return MONITORING.DISABLE

        def returned(code: types.CodeType, offset: int, value: object) -> Any:
            file = code.co_filename
            if code.co_name != "<module>" or not file.startswith(self.root):
                return MONITORING.DISABLE
            self.finished += 1
            if self.finished == self.fail_at:
                raise Injected
            return None

        events = MONITORING.events
        MONITORING.use_tool_id(TOOL, "test harness")
        MONITORING.register_callback(TOOL, events.PY_START, started)
        MONITORING.register_callback(TOOL, events.PY_RETURN, returned)
        MONITORING.set_events(TOOL, events.PY_START)

    def note_ends(self) -> None:
        """Cold start: the order in which our modules' imports end."""
        execute = importlib.machinery.SourceFileLoader.exec_module

        def noting(loader: Any, module: types.ModuleType) -> None:
            execute(loader, module)
            if realpath(module.__file__ or "").startswith(self.root):
                self.ended.append(module.__name__)

        importlib.machinery.SourceFileLoader.exec_module = noting

    async def get_all(self, targets: list[str]) -> dict[str, Any]:
        return {target: await self.get(target) for target in targets}

    async def get(self, target: str) -> Any:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"test")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        sent: list[dict[str, Any]] = []

        waiting = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in waiting:
                return message
            return await asyncio.Future()  # the client stays

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            await self.space["app"](scope, receive, send)
        except Exception as error:
            return ("raised", type(error).__name__, str(error))
        status = sent[0].get("status") if sent else None
        body = b"".join(m.get("body", b"") for m in sent)
        return (status, ADDRESS.sub(" at 0x...", body.decode(errors="replace")))


def keep_byte_code(folder: str) -> None:
    """Cold start: what .pyc files are for, by content (saves are within a second)."""
    plain_compile = importlib.machinery.SourceFileLoader.source_to_code

    def code_of(loader: Any, data: Any, path: Any, *more: Any, **options: Any) -> Any:
        key = hashlib.blake2b(os.fsencode(path) + b"\0" + bytes(data), digest_size=16)
        kept = f"{folder}/{key.hexdigest()}"
        try:
            with open(kept, "rb") as file:
                return marshal.load(file)
        except OSError:
            pass
        code = plain_compile(loader, data, path, *more, **options)
        with open(kept, "wb") as file:
            marshal.dump(code, file)
        return code

    importlib.machinery.SourceFileLoader.source_to_code = code_of


def plain(data: Any) -> bytes:
    """Equal bytes for equal data, whichever parts of it are one object."""
    return marshal.dumps(data, 0)


def first(code: types.CodeType) -> int:
    """A line of a module-level code object's statement: its first instruction's after
    RESUME (two bytes)."""
    lines = (line for _, end, line in code.co_lines() if line and end > 2)
    return next(lines, code.co_firstlineno)


if __name__ == "__main__":
    threading.current_thread().name = "MainThread"
    serve_forks(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
