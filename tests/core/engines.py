"""Engines to test the tests with: one that restarts everything, and wrong ones.

`Reimport` is what the oracle must find nothing wrong with; every other engine here
breaks one promise, and the oracle has to notice. Run any test with one of them by
HMR_TEST_ENGINE=core.engines:Reimport.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .snapshot import tracked_modules
from .worker import first


class Report(NamedTuple):
    revision: int
    files: list[str]
    patched: list[str]
    reran: list[tuple[str, str, int, str, float]]
    removed: list[tuple[str, str]]
    kept: list[str]
    stale: list[str]
    restart: str | None
    error: BaseException | None
    times: dict[str, float]
    visited: list[str]


class Reimport:
    """Forgets every module and imports the program again at each changed file."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.root = os.path.realpath(roots[0]) + os.sep
        self.revision = 0
        self.order: list[str] = []
        self.ran: list[tuple[str, str, int, str, float]] = []
        self.contents: dict[str, bytes | str | None] = {}
        self.broken = False

    def install(self) -> None:
        loader = importlib.machinery.SourceFileLoader
        execute = loader.exec_module

        def noting(own: Any, module: types.ModuleType) -> None:
            file = os.path.realpath(module.__file__ or "")
            ours = file.startswith(self.root)
            if ours:
                code = own.get_code(module.__name__)
                self.contents[file] = content(file)
                line = first(code)
                self.ran.append((module.__name__, "", line, "restart", 0.0))
            execute(own, module)
            if ours:
                self.order.append(module.__name__)

        loader.exec_module = noting

    def run(self, name: str, func: Callable[[], Any]) -> Any:
        self.entry = func
        self.value = func()
        self.ran.clear()
        return self.value

    def result(self, name: str) -> Any:
        return self.value

    def modules(self) -> list[str]:
        return self.order

    def apply(self, paths: Iterable[str]) -> Report:
        paths = [os.path.realpath(p) for p in paths]
        same = all(self.contents.get(p, "never read") == content(p) for p in paths)
        if same and not self.broken:
            return self.report([])
        old = dict(sys.modules)
        order, self.order, self.ran = self.order, [], []
        for name, _ in tracked_modules(self.root):
            del sys.modules[name]
        importlib.invalidate_caches()
        try:
            self.value = self.entry()
        except BaseException as error:
            sys.modules.clear()
            sys.modules.update(old)
            self.order = order
            self.broken = True
            return self.report(paths, error)
        self.revision += 1
        self.broken = False
        return self.report(paths)

    def report(self, paths: list[str], error: BaseException | None = None) -> Report:
        ran, self.ran = self.ran, []
        files = [os.path.relpath(p, self.root) for p in paths]
        return Report(
            self.revision, files, [], ran, [], [], [], None, error, {"total": 0.0}, []
        )


def content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


class Never(Reimport):
    """Says it applied the edit, does nothing."""

    def apply(self, paths: Iterable[str]) -> Report:
        return self.report([])


class OneModule(Reimport):
    """Runs the edited file again and forgets its importers (as a plain reload does)."""

    def apply(self, paths: Iterable[str]) -> Report:
        edited = [os.path.realpath(p) for p in paths]
        try:
            for _, module in tracked_modules(self.root):
                if os.path.realpath(module.__file__ or "") in edited:
                    importlib.reload(module)
        except BaseException as error:
            return self.report(edited, error)
        return self.report(edited)


class BodiesOnly(Reimport):
    """Swaps the code of functions, like a patcher that knows nothing of data."""

    def apply(self, paths: Iterable[str]) -> Report:
        edited = [os.path.realpath(p) for p in paths]
        for _, module in tracked_modules(self.root):
            file = os.path.realpath(module.__file__ or "")
            if file not in edited:
                continue
            code = compile(content(file) or b"", file, "exec", dont_inherit=True)
            bodies = {c.co_name: c for c in code.co_consts if hasattr(c, "co_code")}
            for name, value in vars(module).items():
                if isinstance(value, types.FunctionType) and name in bodies:
                    value.__code__ = bodies[name]
        return self.report(edited)


class NoRollback(Reimport):
    """Leaves what ran before an error in place."""

    def apply(self, paths: Iterable[str]) -> Report:
        edited = [os.path.realpath(p) for p in paths]
        self.order = []
        for name, _ in tracked_modules(self.root):
            del sys.modules[name]
        importlib.invalidate_caches()
        try:
            self.value = self.entry()
        except BaseException as error:
            return self.report(edited, error)
        return self.report(edited)


class Silent(Reimport):
    """Reruns everything and reports nothing."""

    def report(self, paths: list[str], error: BaseException | None = None) -> Report:
        self.ran.clear()
        return super().report(paths, error)


class Copies(Reimport):
    """Gives importers equal copies instead of the module's own objects."""

    def run(self, name: str, func: Callable[[], Any]) -> Any:
        def copied() -> Any:
            value = func()
            for _, module in tracked_modules(self.root):
                for key, held in list(vars(module).items()):
                    if type(held) is list and module.__name__ != "a":
                        setattr(module, key, list(held))
            return value

        first_value = super().run(name, func)
        self.entry = copied
        return first_value
