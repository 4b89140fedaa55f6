"""Random programs of several modules, and random edits of them.

A program is a dict of files; a Python file is a list of chunks, each one top-level
statement (or comment), so that a failing case can be shrunk by dropping chunks. Most
programs and edits are valid; some edits break the program, and are compared by the
error that a cold start raises.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Collection
from types import ModuleType

from . import (
    applications,
    definitions,
    edits,
    importing,
    models,
    statements,
    surroundings,
)
from .chunks import PLAIN, Chunk, Files, Source

Maker = Callable[["Generator", dict[str, str]], Chunk | None]
Edit = Callable[["Generator"], bool]


def kinds(prefix: str, *modules: ModuleType) -> dict[str, Callable]:
    """The functions of that prefix: {kind: function}."""
    return {
        name.removeprefix(prefix).replace("_", " "): value
        for module in modules
        for name, value in vars(module).items()
        if name.startswith(prefix)
    }


MAKERS: dict[str, Maker] = kinds(
    "make_", statements, definitions, importing, surroundings, applications, models
)
EDITS: dict[str, Edit] = kinds("edit_", edits)
# Kinds that `./dev soak` and CI's first run make, and short runs (the other Pythons,
# sanitizers) do not yet.
YOUNG = {*kinds("make_", definitions, surroundings), "lazy import", "plugin loop"}
YOUNG |= {"import in a thread", "conditional import", "import in a loop", "all"}
YOUNG |= {"module getattr", "dynamic read", "plugin listing", "module store read"}
YOUNG |= {"match", "walrus", "while", "unpacking", "chained", "delete attribute", "set"}
YOUNG |= {"holder", "conditional binding", "guarded delete", "path read"}
YOUNG |= {"second binding", "package beside", "module to package", "rename module"}
YOUNG |= {"init of a namespace", "several", "plugin", "move to another module"}
YOUNG |= {"member", "decorator", "layout", "function docstring", "annotation"}
# Kinds that seeds from BROAD on make: smaller seeds keep their programs.
BROAD = 3_000_000
APPLICATIONS = {*kinds("make_", applications, models), "computed"}
# Kinds that need one another: a seed from BROAD on makes some of these sets far more
# than others (swarm testing), or few programs would have both a registry, say, and
# members of it.
SETS = [
    "cached property, memoizing property, lazy object, lazy read",
    "settings, lazy settings, proxy, settings read, settings change, flag definition",
    "registry, class registry, registered, registry read",
    "class container, container fill, container read",
    "path, path below, path use, data read",
    "value, value use, tuple, function attribute, function attribute read, partial",
    "enum, enum read, enum table, enum table read",
    "lazy function, lazy chain, lazy call, lazy import",
    "dataclass factory, dataclass read, model list, model read, pydantic model",
    "function, marker, dependency, dependent, dependency read",
    "repository, repository class, repositories, repository read",
    "validated model, model read, open model, model rebuild, environment model, "
    "environment model read, environment object read, environ write",
    "dispatch, dispatch member, dispatch call, app, app object, route",
    "class, instance, method read, protocol, protocol check, attribute",
    "class, instance, delete attribute, attribute, path read, subclasses",
    "type alias, alias use, record, record read, conditional binding, guarded delete",
    "module read, module store, module store read, module getattr, dynamic read",
    "metaclass, class of metaclass, descriptor, class with descriptor",
    "decorator factory, factory decorated, decorator, decorated, list, dict",
]
# Edits that people make most, and those that seldom find what they need.
OFTEN = {"constant": 4, "body": 3, "add": 2, "remove unused": 2, "move": 2, "swap": 2}
OFTEN |= {"decorator": 5, "optional module": 8}
NEEDY = dict.fromkeys(
    [
        "method read",
        "factory decorated",
        "class of metaclass",
        "app object",
        "route",
        "decorated",
        "instance",
        "module read",
        "enum read",
        "dispatch call",
        "dispatch member",
        "missing module",
        "class with descriptor",
        "alias use",
        "protocol check",
        "model instance",
        "call",
        "list shape",
        "dict shape",
        "attribute",
        "wrapping",
        "guarded delete",
        "path read",
        "second binding",
        "module store",
        "module store read",
        "record read",
        "subclasses",
    ],
    6,
)
# From this seed on, kinds that the weights above make in less than 1 % of the steps are
# made more often, and there are more forms. Smaller seeds keep the programs that CI and
# the other Pythons have been settled with.
WIDE = 1000
WIDER = {"decorator": 20, "protocol check": 100, "route": 10, "dynamic read": 10}
BROADER = {"module read": 40, "alias": 6, "holder": 20, "dependent": 20, "route": 40}
BROADER |= {"augmented": 3, "delete": 3, "rebinding": 3, "repository read": 10}
BROADER |= {"lazy chain": 4, "lazy call": 4, "global writer": 3, "dict shape": 10}
BROADER |= {
    "decorator": 60,
    "layout": 2,
    "computed": 3,
    "annotation": 2,
    "signature": 2,
}


class Generator:
    """Makes one program and its edits from a seed; of the kinds `only` far more.

    Responsibilities: keep the modules as chunks with what they bind, so that new
    statements use names that exist; count every kind of statement and edit it makes.
    """

    def __init__(
        self, seed: int, *, young: bool = True, only: Collection[str] = ()
    ) -> None:
        self.random = random.Random(seed)
        self.wide = seed >= WIDE
        self.broad = seed >= BROAD
        left_out = set() if self.broad else APPLICATIONS
        left_out |= set() if young else YOUNG
        wider = WIDER if self.wide else {}
        if self.broad:
            wider = wider | BROADER
        self.often = OFTEN | {n: w for n, w in wider.items() if n in EDITS}
        self.needy = NEEDY | {n: w for n, w in wider.items() if n in MAKERS}
        for kinds in SETS if self.broad else []:
            if self.random.random() < 0.2:
                for kind in kinds.split(", "):
                    self.needy[kind] = 8 * self.needy.get(kind, 2)
        self.needy |= dict.fromkeys(only, 60)
        self.makers = [n for n in MAKERS if n not in left_out]
        self.edits = [n for n in EDITS if n not in left_out]
        self.serial = 0
        self.modules: list[Source] = []
        self.into: Source | None = None  # the module that gets a statement
        self.data = {"data.txt": "1", "more.txt": "2", "plug/one.txt": "1"}
        self.counts: Counter[str] = Counter()
        self.drawn: Counter[str] = Counter()
        self.history: list[tuple[list[Source], dict[str, str]]] = []
        self.broken = False

    # Programs

    def program(self, modules: int = 4, statements: int = 7) -> Files:
        names = ["m1", "m2", "m3", "pkg.sub", "pkg.deep", "space.one", "space.two"]
        names = self.random.sample(names, modules)
        if any(name.startswith("pkg.") for name in names):
            self.modules.append(Source("pkg", package=True))
        for name in names:
            self.module(name, self.random.randint(3, statements))
        pkg = self.find("pkg")
        if pkg:
            sub = self.random.choice([n for n in names if n.startswith("pkg.")])
            form = self.random.choice(["from .{} import *", "from . import {}", ""])
            if form:
                pkg.chunks.append(Chunk(form.format(sub[4:]), {}, "package import"))
        main = Source("main")
        self.modules.append(main)
        for name in names:
            if self.broad and self.random.random() < 0.2:
                continue  # others import it, or requests, or nobody
            self.add(main, importing.importing(self, name, main))
        for _ in range(statements):
            self.add(main, self.statement(main))
        return self.files()

    def module(self, name: str, statements: int) -> Source:
        made = Source(name)
        self.modules.append(made)
        if self.random.random() < 0.3:
            self.add(made, Chunk(f'"""The module {name}."""', {}, "docstring"))
        for other in self.random.sample(
            self.modules[:-1], min(2, len(self.modules) - 1)
        ):
            if other.name != "pkg" and self.random.random() < 0.8:
                self.add(made, importing.importing(self, other.name, made))
        for _ in range(statements):
            self.add(made, self.statement(made))
        return made

    def files(self) -> Files:
        made: Files = {m.file: [chunk.text for chunk in m.chunks] for m in self.modules}
        made.update({name: [text] for name, text in self.data.items()})
        return made

    def present(self) -> set[str]:
        """The kinds of statements that the program has now."""
        return {chunk.made for m in self.modules for chunk in m.chunks}

    def find(self, name: str) -> Source | None:
        return next((m for m in self.modules if m.name == name), None)

    def above(self) -> list[Source]:
        """The modules that this one can import without a circle."""
        names = [m.name for m in self.modules]
        end = names.index(self.into.name) if self.into else 0
        return [m for m in self.modules[:end] if m.name not in ("main", "pkg")]

    def add(self, module: Source, chunk: Chunk, at: int | None = None) -> None:
        place = len(module.chunks) if at is None else at
        module.chunks.insert(place, chunk)

    def name(self, letter: str) -> str:
        self.serial += 1
        return f"{letter}{self.serial}"

    def number(self) -> str:
        return str(self.random.randint(0, 9))

    def pick(self, scope: dict[str, str], *kinds: str) -> str | None:
        found = [n for n, k in scope.items() if k in kinds]
        return self.random.choice(found) if found else None

    def plain(self, scope: dict[str, str]) -> str:
        """An expression of an immutable value."""
        name = self.pick(scope, *PLAIN)
        if name and self.random.random() < 0.6:
            return name
        return self.random.choice([self.number(), f"'{self.number()}'", "0.5", "()"])

    def whole(self, scope: dict[str, str]) -> str:
        """An expression of an integer."""
        name = self.pick(scope, "int")
        return name if name and self.random.random() < 0.7 else self.number()

    # Statements

    def draw(self, names: list[str], often: dict[str, int] | None = None) -> str:
        """One of the kinds; the more often it was made already, the less likely."""
        weights = [(often or {}).get(n, 1) / (1 + self.drawn[n]) for n in names]
        return self.random.choices(names, weights)[0]

    def statement(self, module: Source, at: int | None = None) -> Chunk:
        """A statement that can stand at this place of the module."""
        scope = module.scope(at)
        self.into = module
        for _ in range(30):
            kind = self.draw(self.makers, self.needy)
            chunk = MAKERS[kind](self, scope)
            if chunk is not None:
                self.drawn[kind] += 1
                chunk.made = kind
                return chunk
        return Chunk(f"{self.name('x')} = {self.number()}", {}, "constant")

    def body(self, scope: dict[str, str], serial: int) -> list[str]:
        """The lines of a function that returns something comparable."""
        reads = [n for n, k in scope.items() if k in ("list", "dict", "any", *PLAIN)]
        calls = (
            [n for n, k in scope.items() if k == "func" and int(n[1:] or 0) < serial]
            if serial
            else []
        )
        parts = [self.number()]
        parts += self.random.sample(reads, min(len(reads), self.random.randint(0, 2)))
        if calls and self.random.random() < 0.5:
            parts.append(self.random.choice(calls) + "()")
        shown = f"[{', '.join(parts)}]"
        form = self.random.randint(0, 6)
        if form == 0:
            return ["value = " + shown, "return value"]
        if form == 1:
            return [f"return [x for x in {shown}]"]
        if form == 2:
            return ["def inner():", f"    return {shown}", "return inner()"]
        if form == 3:
            return [f"return list((lambda: {shown})())"]
        if form == 4:
            return ["try:", f"    return {shown}", "finally:", "    pass"]
        return [f"return {shown}"]

    # Edits

    def edit(self) -> str:
        """Change the program; the kind of the edit."""
        if self.broken:
            self.modules, self.data = self.history.pop()
            self.broken = False
            self.counts["edit: fix"] += 1
            return "fix"
        saved = copy.deepcopy((self.modules, self.data))
        for _ in range(30):
            kind = self.draw(self.edits, self.often)
            if EDITS[kind](self):
                self.drawn[kind] += 1
                self.counts[f"edit: {kind}"] += 1
                self.history.append(saved)
                return kind
        return "none"

    def failed(self) -> None:
        """The last edit broke the program: mend it next, most of the time."""
        self.broken = bool(self.history) and self.random.random() < 0.8

    def some(self) -> Source:
        return self.random.choice([m for m in self.modules if m.chunks])

    def place(self, test: Callable[[str], object]) -> tuple[Source, int] | None:
        """A random chunk whose text passes a test."""
        found = [
            (m, i)
            for m in self.modules
            for i, chunk in enumerate(m.chunks)
            if test(chunk.text)
        ]
        return self.random.choice(found) if found else None
