"""Random programs of several modules, and random edits of them.

A program is a dict of files; a Python file is a list of chunks, each one top-level
statement (or comment), so that a failing case can be shrunk by dropping chunks. Most
programs and edits are valid; some edits break the program, and are compared by the
error that a cold start raises.
"""

from __future__ import annotations

import copy
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Files = dict[str, list[str]]
PLAIN = ("int", "str", "tuple", "float")


@dataclass
class Chunk:
    """A statement's text, the names it binds (name: kind of value), what it is."""

    text: str
    binds: dict[str, str] = field(default_factory=dict)
    made: str = ""


@dataclass
class Source:
    """A module under construction."""

    name: str
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def file(self) -> str:
        return self.name.replace(".", "/") + ".py"

    def scope(self, until: int | None = None) -> dict[str, str]:
        known: dict[str, str] = {}
        for chunk in self.chunks[:until]:
            known.update(chunk.binds)
        return known


class Generator:
    """Makes one program and its edits from a seed.

    Responsibilities: keep the modules as chunks with what they bind, so that new
    statements use names that exist; count every kind of statement and edit it makes.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.serial = 0
        self.modules: list[Source] = []
        self.data = {"data.txt": "1", "more.txt": "2"}
        self.counts: Counter[str] = Counter()
        self.history: list[tuple[list[Source], dict[str, str]]] = []
        self.broken = False

    # Programs

    def program(self, modules: int = 4, statements: int = 7) -> Files:
        names = ["m1", "m2", "pkg.sub", "m3", "pkg.deep"][: modules - 1]
        for name in names:
            if name.startswith("pkg.") and not self.find("pkg"):
                self.modules.append(Source("pkg"))
            self.module(name, self.random.randint(3, statements))
        pkg = self.find("pkg")
        if pkg:
            sub = self.random.choice([n for n in names if n.startswith("pkg.")])
            pkg.chunks.append(Chunk(f"from .{sub[4:]} import *", {}, "star import"))
        main = Source("main")
        self.modules.append(main)
        for name in names:
            self.add(main, self.importing(name, main))
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
                self.add(made, self.importing(other.name, made))
        for _ in range(statements):
            self.add(made, self.statement(made))
        return made

    def files(self) -> Files:
        made: Files = {}
        for module in self.modules:
            file = "pkg/__init__.py" if module.name == "pkg" else module.file
            made[file] = [chunk.text for chunk in module.chunks]
        made.update({name: [text] for name, text in self.data.items()})
        return made

    def find(self, name: str) -> Source | None:
        return next((m for m in self.modules if m.name == name), None)

    def add(self, module: Source, chunk: Chunk, at: int | None = None) -> None:
        self.counts[f"statement: {chunk.made}"] += 1
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

    def statement(self, module: Source, at: int | None = None) -> Chunk:
        """A statement that can stand at this place of the module."""
        scope = module.scope(at)
        for _ in range(30):
            make = self.random.choice(MAKERS)
            chunk = make(self, scope)
            if chunk is not None:
                chunk.made = make.__name__.removeprefix("make_").replace("_", " ")
                return chunk
        return Chunk(f"{self.name('x')} = {self.number()}", {}, "constant")

    def importing(self, name: str, into: Source) -> Chunk:
        """An import of another module in one of the forms."""
        there = self.find(name)
        public = there.scope() if there else {}
        names = [n for n in public if not n.startswith("_")]
        forms = ["module", "alias"]
        if names:
            forms += ["from", "from", "from", "from alias", "star", "guarded"]
        if "." in name:
            forms += ["from package"]
        form = self.random.choice(forms)
        if form == "module":
            binds = {name: "module"} if "." not in name else {}
            return Chunk(f"import {name}", binds, "import")
        if form == "alias":
            alias = self.name("k")
            return Chunk(f"import {name} as {alias}", {alias: "module"}, "import as")
        if form == "from package":
            package, _, sub = name.rpartition(".")
            return Chunk(
                f"from {package} import {sub}", {sub: "module"}, "from package"
            )
        if form == "star":
            shown = {n: public[n] for n in names}
            return Chunk(f"from {name} import *", shown, "star import")
        chosen = self.random.sample(names, min(len(names), self.random.randint(1, 3)))
        if form == "from alias":
            alias = self.name("n")
            text = f"from {name} import {chosen[0]} as {alias}"
            return Chunk(text, {alias: public[chosen[0]]}, "from import as")
        text = f"from {name} import {', '.join(chosen)}"
        binds = {n: public[n] for n in chosen}
        if form == "guarded":
            text = f"try:\n    {text}\nexcept ImportError:\n    {chosen[0]} = None"
            return Chunk(text, {}, "guarded import")
        return Chunk(text, binds, "from import")

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
            make = self.random.choice(EDITS)
            if make(self):
                kind = make.__name__.removeprefix("edit_").replace("_", " ")
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


# Statement makers: (generator, scope) -> a chunk, or None where a name is missing.


def make_constant(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    return Chunk(f"{name} = {g.number()}", {name: "int"})


def make_sum(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    return Chunk(f"{name} = {g.whole(scope)} + {g.whole(scope)}", {name: "int"})


def make_coarse_value(g: Generator, scope: dict[str, str]) -> Chunk:
    """Often equal after an edit of what it reads: early cutoff."""
    name = g.name("x")
    return Chunk(f"{name} = {g.whole(scope)} // 5", {name: "int"})


def make_tuple(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("p")
    text = f"{name} = ({g.plain(scope)}, {g.plain(scope)}, -0.0)"
    return Chunk(text, {name: "tuple"})


def make_list(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("l")
    return Chunk(f"{name} = [{g.plain(scope)}]", {name: "list"})


def make_dict(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("d")
    return Chunk(f"{name} = {{'a': {g.plain(scope)}}}", {name: "dict"})


def make_alias(g: Generator, scope: dict[str, str]) -> Chunk | None:
    old = g.pick(scope, "list", "dict", "func", "cls", "inst", "int", "app")
    if old is None:
        return None
    kind = scope[old]
    if kind == "func":
        return None  # get_answers tells functions by their names
    name = g.name(old[0])
    return Chunk(f"{name} = {old}", {name: kind})


def make_annotated(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    return Chunk(f"{name}: int = {g.whole(scope)}", {name: "int"})


def make_list_shape(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "list")
    if name is None:
        return None
    value = g.plain(scope)
    forms = [
        f"{name}.append({value})",
        f"{name} += [{value}]",
        f"{name}.extend([{value}, {value}])",
        f"{name}.insert(0, {value})",
        f"for i in range({g.number()}):\n    {name}.append(i)",
        f"{name}.reverse()",
        f"del {name}[1:]",
        f"if len({name}) > {g.number()}:\n    {name}.append({value})",
    ]
    return Chunk(g.random.choice(forms))


def make_dict_shape(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "dict")
    if name is None:
        return None
    key, value = g.random.choice("abc"), g.plain(scope)
    forms = [
        f"{name}['{key}'] = {value}",
        f"{name}.update({key}={value})",
        f"{name}.setdefault('{key}', {value})",
        f"{name}.pop('{key}', None)",
    ]
    return Chunk(g.random.choice(forms))


def make_function(g: Generator, scope: dict[str, str]) -> Chunk:
    g.serial += 1
    name = f"f{g.serial}"
    lines = g.body(scope, g.serial)
    arguments = g.random.choice(["", "", "a=1", f"a={g.plain(scope)}", "*, k=()"])
    head = f"def {name}({arguments}):"
    if g.random.random() < 0.2:
        lines.insert(0, f'"""Function {g.number()}."""')
    return Chunk("\n    ".join([head, *lines]), {name: "func"})


def make_answer(g: Generator, scope: dict[str, str]) -> Chunk:
    """A function that the oracle calls in both processes."""
    g.serial += 1
    name = f"get_{g.serial}"
    lines = g.body(scope, 0)
    func = g.pick(scope, "func")
    if func:
        lines = [f"first = {func}()", *lines]
    return Chunk("\n    ".join([f"def {name}():", *lines]))


def make_call(g: Generator, scope: dict[str, str]) -> Chunk | None:
    func = g.pick(scope, "func")
    if func is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = {func}()", {name: "any"})


def make_method_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    inst = g.pick(scope, "inst")
    if inst is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = {inst}.method()", {name: "any"})


def make_decorator(g: Generator, scope: dict[str, str]) -> Chunk | None:
    registry = g.pick(scope, "dict", "list")
    if registry is None:
        return None
    name = g.name("w")
    put = f"{registry}.append(fn.__name__)"
    if scope[registry] == "dict":
        put = f"{registry}[fn.__name__] = fn"
    return Chunk(f"def {name}(fn):\n    {put}\n    return fn", {name: "deco"})


def make_wrapper(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("w")
    text = (
        f"def {name}(fn):\n    def wrapped(*a, **k):\n"
        f"        return [{g.number()}, fn(*a, **k)]\n    return wrapped"
    )
    return Chunk(text, {name: "deco"})


def make_decorated(g: Generator, scope: dict[str, str]) -> Chunk | None:
    deco = g.pick(scope, "deco")
    if deco is None:
        return None
    g.serial += 1
    name = f"f{g.serial}"
    lines = g.body(scope, g.serial)
    text = "\n    ".join([f"@{deco}\ndef {name}(a=1):", *lines])
    return Chunk(text, {name: "func"})


def make_app(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("app")
    text = (
        f"class App{name}:\n    def __init__(self):\n        self.routes = []\n\n"
        f"    def get(self, path):\n        def keep(fn):\n"
        f"            self.routes.append((path, fn))\n            return fn\n"
        f"        return keep"
    )
    return Chunk(text, {f"App{name}": "appcls"})


def make_app_object(g: Generator, scope: dict[str, str]) -> Chunk | None:
    cls = g.pick(scope, "appcls")
    if cls is None:
        return None
    name = g.name("a")
    return Chunk(f"{name} = {cls}()", {name: "app"})


def make_route(g: Generator, scope: dict[str, str]) -> Chunk | None:
    app = g.pick(scope, "app")
    if app is None:
        return None
    g.serial += 1
    name = f"f{g.serial}"
    lines = g.body(scope, g.serial)
    text = f"@{app}.get('/{g.number()}')\ndef {name}():"
    return Chunk("\n    ".join([text, *lines]), {name: "func"})


def make_class(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("C")
    base = g.pick(scope, "cls")
    head = f"class {name}({base}):" if base else f"class {name}:"
    lines = [f"limit = {g.plain(scope)}", ""]
    if g.random.random() < 0.3:
        lines += ["def __init__(self):", f"    self.own = {g.plain(scope)}", ""]
    lines += ["def method(self):", f"    return [self.limit, {g.plain(scope)}]"]
    text = "\n    ".join([head, *lines]).replace("    \n", "\n")
    return Chunk(text, {name: "cls"})


def make_dataclass(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("C")
    text = (
        f"@__import__('dataclasses').dataclass\nclass {name}:\n"
        f"    limit: int = {g.whole(scope)}\n\n    def method(self):\n"
        f"        return [self.limit, {g.number()}]"
    )
    return Chunk(text, {name: "cls"})


def make_enum(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("E")
    text = (
        f"class {name}(__import__('enum').Enum):\n    A = {g.whole(scope)}\n"
        f"    B = 'b{g.number()}'"
    )
    return Chunk(text, {name: "enum"})


def make_enum_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    kind = g.pick(scope, "enum")
    if kind is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = {{{kind}.A: {kind}.B.value}}", {name: "any"})


def make_instance(g: Generator, scope: dict[str, str]) -> Chunk | None:
    cls = g.pick(scope, "cls")
    if cls is None:
        return None
    name = g.name("i")
    return Chunk(f"{name} = {cls}()", {name: "inst"})


def make_subclasses(g: Generator, scope: dict[str, str]) -> Chunk | None:
    base = g.pick(scope, "cls")
    if base is None:
        return None
    name = g.name("l")
    text = f"{name} = [c.limit for c in {base}.__subclasses__()]"
    return Chunk(text, {name: "list"})


def make_record(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("r")
    text = (
        f"@__import__('functools').cache\ndef {name}():\n"
        f"    return __import__('collections').namedtuple('R', 'a b')"
        f"({g.whole(scope)}, {g.whole(scope)})"
    )
    return Chunk(text, {name: "record"})


def make_record_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    record = g.pick(scope, "record")
    if record is None:
        return None
    name = g.name("x")
    return Chunk(f"{name} = {record}().{g.random.choice('ab')}", {name: "int"})


def make_attribute(g: Generator, scope: dict[str, str]) -> Chunk | None:
    owner = g.pick(scope, "inst", "cls")
    if owner is None:
        return None
    return Chunk(f"{owner}.{g.random.choice(['extra', 'limit'])} = {g.plain(scope)}")


def make_condition(g: Generator, scope: dict[str, str]) -> Chunk:
    name, other = g.name("x"), g.name("x")
    text = (
        f"if {g.whole(scope)} > {g.number()}:\n    {name} = {g.number()}\n"
        f"else:\n    {name} = {g.number()}\n    {other} = {g.number()}"
    )
    return Chunk(text, {name: "int"})


def make_try(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    wrong = g.random.choice(["nosuch", f"x{g.serial + 3}", "len", g.whole(scope)])
    text = f"try:\n    {name} = {wrong}\nexcept NameError:\n    {name} = {g.number()}"
    return Chunk(text, {name: "any"})


def make_missing_module(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("o")
    missing = g.random.choice(["opt1", "opt2", "pkg.opt3"])
    text = (
        f"try:\n    import {missing} as {name}\nexcept ImportError:\n    {name} = None"
    )
    return Chunk(text)


def make_temporary(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    return Chunk(
        f"t = {{'k': {g.whole(scope)}}}\n{name} = t['k']\ndel t", {name: "int"}
    )


def make_rebinding(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "int")
    if name is None:
        return None
    return Chunk(f"{name} = {name} + {g.number()}", {name: "int"})


def make_augmented(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "int")
    return Chunk(f"{name} += {g.number()}", {name: "int"}) if name else None


def make_delete(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "int", "tuple")
    return Chunk(f"del {name}", {name: "deleted"}) if name else None


def make_loop(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("l")
    text = f"{name} = []\nfor i in range({g.number()}):\n    {name}.append(i)"
    return Chunk(text, {name: "list"})


def make_comprehension(g: Generator, scope: dict[str, str]) -> Chunk:
    name, func = g.name("l"), g.pick(scope, "func")
    item = f"{func}()" if func else g.plain(scope)
    return Chunk(f"{name} = [{item} for _ in range(2)]", {name: "list"})


def make_global_writer(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "int")
    if name is None:
        return None
    func = g.name("w")
    text = f"def {func}():\n    global {name}\n    {name} = {g.number()}\n{func}()"
    return Chunk(text)


def make_namespace_read(g: Generator, scope: dict[str, str]) -> Chunk:
    name, module = g.name("v"), g.pick(scope, "module")
    read = f"vars({module})" if module else "globals()"
    text = f"{name} = [k for k in {read} if k[:1] == 'x']"
    return Chunk(text, {name: "any"})


def make_module_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    module = g.pick(scope, "module")
    there = g.find(module or "")
    names = [n for n, k in there.scope().items() if k in PLAIN] if there else []
    if not names:
        return None
    name = g.name("p")
    text = f"{name} = ({module}.{g.random.choice(names)}, 1)"
    return Chunk(text, {name: "tuple"})


def make_module_store(g: Generator, scope: dict[str, str]) -> Chunk | None:
    module = g.pick(scope, "module")
    if module is None:
        return None
    return Chunk(f"{module}.put = {g.plain(scope)}")


def make_closure(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("h")
    text = (
        f"def {name}(n):\n    def inner():\n        return [n, {g.plain(scope)}]\n"
        f"    return inner\n{name}s = [{name}({g.whole(scope)}), {name}(7)]"
    )
    return Chunk(text, {f"{name}s": "list"})


def make_data_read(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("v")
    file = g.random.choice(["data.txt", "more.txt"])
    text = f"with open('{file}') as file:\n    {name} = file.read()"
    return Chunk(text, {name: "str"})


def make_bare_string(g: Generator, scope: dict[str, str]) -> Chunk:
    return Chunk(f"'a bare string {g.number()}'")


MAKERS: list[Callable[[Generator, dict[str, str]], Chunk | None]] = [
    value for key, value in list(globals().items()) if key.startswith("make_")
]


# The ones that need a name of some kind are tried in vain more often.
MAKERS += 2 * [make_list_shape, make_dict_shape, make_module_read, make_attribute]
MAKERS += 3 * [make_call, make_decorated, make_route, make_app_object, make_instance]
MAKERS += 3 * [make_enum_read, make_method_read, make_route]
MAKERS += 3 * [make_record_read, make_subclasses]


# Edits: change the generator's program; False where there is nothing to change.


def edit_constant(g: Generator) -> bool:
    found = g.place(lambda t: re.search(r"\b\d\b", t))
    if found is None:
        return False
    module, i = found
    chunk = module.chunks[i]
    spots = list(re.finditer(r"\b\d\b", chunk.text))
    spot = g.random.choice(spots)
    chunk.text = chunk.text[: spot.start()] + g.number() + chunk.text[spot.end() :]
    return True


def edit_body(g: Generator) -> bool:
    found = g.place(lambda t: re.search(r"^def f\d+|^def get_", t, re.M))
    if found is None:
        return False
    module, i = found
    chunk = module.chunks[i]
    lines = chunk.text.split("\n")
    head = next(n for n, line in enumerate(lines) if line.startswith("def "))
    match = re.match(r"def f(\d+)", lines[head])
    serial = int(match[1]) if match else 0
    body = g.body(module.scope(i), serial)
    chunk.text = "\n    ".join(["\n".join(lines[: head + 1]), *body])
    return True


def edit_signature(g: Generator) -> bool:
    found = g.place(lambda t: re.search(r"^def f\d+\(", t, re.M))
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    new = f"(b={g.number()}):"
    chunk.text = re.sub(r"\([^)]*(\([^)]*\))*[^)]*\):", new, chunk.text, count=1)
    return True


def edit_add(g: Generator) -> bool:
    module = g.some()
    at = g.random.randint(0, len(module.chunks))
    g.add(module, g.statement(module, at), at)
    return True


def edit_append(g: Generator) -> bool:
    module = g.some()
    g.add(module, g.statement(module))
    return True


def edit_remove(g: Generator) -> bool:
    found = g.place(lambda t: True)
    if found is None:
        return False
    del found[0].chunks[found[1]]
    return True


def edit_remove_unused(g: Generator) -> bool:
    """A statement whose names nobody else names: the program stays whole."""
    text = "\n".join(c.text for m in g.modules for c in m.chunks)

    def unused(chunk: Chunk) -> bool:
        names = [n for n in chunk.binds if n.isidentifier()]
        used = sum(len(re.findall(rf"\b{n}\b", text)) for n in names)
        own = sum(len(re.findall(rf"\b{n}\b", chunk.text)) for n in names)
        return used == own

    found = [(m, c) for m in g.modules for c in m.chunks if unused(c)]
    if not found:
        return False
    module, chunk = g.random.choice(found)
    module.chunks.remove(chunk)
    return True


def edit_swap(g: Generator) -> bool:
    module = g.some()
    if len(module.chunks) < 2:
        return False
    i = g.random.randrange(len(module.chunks) - 1)
    module.chunks[i : i + 2] = module.chunks[i : i + 2][::-1]
    return True


def edit_move(g: Generator) -> bool:
    module = g.some()
    chunk = module.chunks.pop(g.random.randrange(len(module.chunks)))
    module.chunks.insert(g.random.randint(0, len(module.chunks)), chunk)
    return True


def edit_duplicate(g: Generator) -> bool:
    module = g.some()
    chunk = copy.deepcopy(g.random.choice(module.chunks))
    module.chunks.insert(g.random.randint(0, len(module.chunks)), chunk)
    return True


def edit_replace(g: Generator) -> bool:
    """Another statement that binds the same name."""
    found = g.place(lambda t: re.match(r"[xpld]\d+ = ", t))
    if found is None:
        return False
    module, i = found
    name = module.chunks[i].text.split(" = ")[0]
    scope = module.scope(i)
    value = g.random.choice([g.plain(scope), f"[{g.plain(scope)}]", g.whole(scope)])
    kind = {"x": "int", "p": "tuple", "l": "list", "d": "dict"}[name[0]]
    module.chunks[i] = Chunk(f"{name} = {value}", {name: kind}, "replaced")
    return True


def edit_rename(g: Generator) -> bool:
    """A name everywhere, or in one module only (then its importers fail)."""
    known = [(m, n) for m in g.modules for c in m.chunks for n in c.binds if n != "pkg"]
    known = [(m, n) for m, n in known if n.isidentifier() and not g.find(n)]
    if not known:
        return False
    module, old = g.random.choice(known)
    new = g.name(re.match(r"[A-Za-z_]+", old)[0])  # type: ignore[index]
    where = g.modules if g.random.random() < 0.8 else [module]
    for m in where:
        for chunk in m.chunks:
            chunk.text = re.sub(rf"\b{old}\b", new, chunk.text)
            if old in chunk.binds:
                chunk.binds[new] = chunk.binds.pop(old)
    return True


def edit_import(g: Generator) -> bool:
    """One more import, anywhere; sometimes a circular one."""
    into, other = g.some(), g.some()
    if into is other or other.name in ("pkg", "main"):
        return False
    at = g.random.randint(0, len(into.chunks))
    g.add(into, g.importing(other.name, into), at)
    return True


def edit_new_module(g: Generator) -> bool:
    name = g.name("n")
    into = g.some()
    g.module(name, 3)
    g.modules.insert(0, g.modules.pop())
    g.add(into, g.importing(name, into), g.random.randint(0, len(into.chunks)))
    return True


def edit_optional_module(g: Generator) -> bool:
    """A module that some statement tries to import appears, or goes."""
    name = g.random.choice(["opt1", "opt2"])
    there = g.find(name)
    if there:
        g.modules.remove(there)
        return True
    if not g.place(lambda t: f"import {name} " in t):
        return False
    g.modules.insert(0, Source(name))
    g.add(g.modules[0], Chunk(f"{g.name('x')} = {g.number()}", {}, "constant"))
    return True


def edit_delete_module(g: Generator) -> bool:
    """With its imports (most often) or without."""
    found = [m for m in g.modules if m.name not in ("main", "pkg")]
    if len(found) < 2:
        return False
    gone = g.random.choice(found)
    g.modules.remove(gone)
    if g.random.random() < 0.8:
        for module in g.modules:
            module.chunks = [
                c
                for c in module.chunks
                if not re.search(rf"(import|from) {re.escape(gone.name)}\b", c.text)
            ]
    return True


def edit_comment(g: Generator) -> bool:
    module = g.some()
    at = g.random.randint(0, len(module.chunks))
    module.chunks.insert(at, Chunk(f"\n# a comment {g.number()}", {}, "comment"))
    return True


def edit_inner_comment(g: Generator) -> bool:
    found = g.place(lambda t: re.search(r":\n    ", t) and "'''" not in t)
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    chunk.text = chunk.text.replace(":\n    ", ":\n    # inside\n\n    ", 1)
    return True


def edit_docstring(g: Generator) -> bool:
    module = g.some()
    text = f'"""A docstring {g.number()}."""'
    if module.chunks[0].text.startswith('"""'):
        if g.random.random() < 0.3:
            del module.chunks[0]
        else:
            module.chunks[0].text = text
    else:
        module.chunks.insert(0, Chunk(text, {}, "docstring"))
    return True


def edit_future(g: Generator) -> bool:
    module = g.some()
    text = "from __future__ import annotations"
    held = [c for c in module.chunks if c.text == text]
    if held:
        module.chunks.remove(held[0])
        return True
    at = 1 if module.chunks[0].text.startswith('"""') else 0
    module.chunks.insert(at, Chunk(text, {}, "future"))
    return True


def edit_syntax_error(g: Generator) -> bool:
    module = g.some()
    wrong = g.random.choice(["x = = 1", "def f(:", "  y = 1", "x = (", "return"])
    at = g.random.randint(0, len(module.chunks))
    module.chunks.insert(at, Chunk(wrong, {}, "syntax error"))
    g.broken = True
    return True


def edit_exception(g: Generator) -> bool:
    module = g.some()
    wrong = g.random.choice(["1 / 0", "nosuch", "import nosuch", "raise OSError('x')"])
    at = g.random.randint(0, len(module.chunks))
    module.chunks.insert(at, Chunk(wrong, {}, "exception"))
    g.broken = True
    return True


def edit_undo(g: Generator) -> bool:
    if not g.history:
        return False
    g.modules, g.data = copy.deepcopy(g.history[-1])
    return True


def edit_back_to_the_start(g: Generator) -> bool:
    if len(g.history) < 3:
        return False
    g.modules, g.data = copy.deepcopy(g.history[0])
    return True


def edit_data_file(g: Generator) -> bool:
    name = g.random.choice(list(g.data))
    g.data[name] = g.number()
    return True


def edit_two_at_once(g: Generator) -> bool:
    return edit_constant(g) and g.random.choice([edit_body, edit_add, edit_swap])(g)


def edit_nothing(g: Generator) -> bool:
    return True


EDITS: list[Callable[[Generator], bool]] = [
    value for key, value in list(globals().items()) if key.startswith("edit_")
]
EDITS += 2 * [edit_constant, edit_optional_module, edit_move, edit_swap]
EDITS += [edit_constant, edit_body, edit_add, edit_remove_unused]
