"""Statements of random programs: imports of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunks import PLAIN, Chunk, Source

if TYPE_CHECKING:
    from .generator import Generator

Scope = dict[str, str]


def importing(g: Generator, name: str, into: Source) -> Chunk:
    """An import of another module in one of the forms."""
    there = g.find(name)
    public = there.scope() if there else {}
    names = [n for n in public if not n.startswith("_")]
    forms = ["import", "import as", "by name"]
    if names:
        forms += 3 * ["from import"] + ["from import as", "star import"]
        forms += ["guarded import", "type checking import"]
    package, _, sub = name.rpartition(".")
    if package:
        forms += ["from package"]
        if into.name.startswith(package + "."):
            forms += 2 * ["relative module"] + (2 * ["relative"] if names else [])
    form = g.random.choice(forms)
    if form == "import":
        binds = {name: "module"} if not package else {}
        return Chunk(f"import {name}", binds, form)
    if form in ("import as", "by name"):
        alias = g.name("k")
        text = f"import {name} as {alias}"
        if form == "by name":
            text = f"{alias} = __import__('importlib').import_module('{name}')"
        return Chunk(text, {alias: "module"}, form)
    if form == "from package":
        return Chunk(f"from {package} import {sub}", {sub: "module"}, form)
    if form == "relative module":
        return Chunk(f"from . import {sub}", {sub: "module"}, form)
    if form == "star import":
        shown = {n: public[n] for n in names}
        return Chunk(f"from {name} import *", shown, form)
    chosen = g.random.sample(names, min(len(names), g.random.randint(1, 3)))
    if form == "from import as":
        alias = g.name("n")
        text = f"from {name} import {chosen[0]} as {alias}"
        return Chunk(text, {alias: public[chosen[0]]}, form)
    source = f".{sub}" if form == "relative" else name
    text = f"from {source} import {', '.join(chosen)}"
    if form == "guarded import":
        text = f"try:\n    {text}\nexcept ImportError:\n    {chosen[0]} = None"
        return Chunk(text, {}, form)
    if form == "type checking import":
        text = f"import typing\nif typing.TYPE_CHECKING:\n    {text}"
        return Chunk(text, {}, form)
    return Chunk(text, {n: public[n] for n in chosen}, form)


def other(g: Generator, *kinds: str) -> tuple[str, str] | None:
    """A module below the ones that import a lot, and a name of one of the kinds."""
    found = [
        (m.name, n)
        for m in g.modules
        for n, kind in m.scope().items()
        if kind in kinds and m.name not in ("main", "pkg") and n.isidentifier()
    ]
    return g.random.choice(found) if found else None


def make_lazy_import(g: Generator, scope: Scope) -> Chunk | None:
    """Inside of a function that requests call."""
    place = other(g, "list", "any", *PLAIN)
    if place is None:
        return None
    g.serial += 1
    module, name = place
    text = g.random.choice(
        [
            f"    from {module} import {name}\n    return [{name}]",
            f"    import {module} as m\n    return [m.{name}]",
        ]
    )
    return Chunk(f"def get_{g.serial}():\n{text}")


def make_import_in_a_thread(g: Generator, scope: Scope) -> Chunk | None:
    place = other(g, *PLAIN)
    if place is None:
        return None
    g.serial += 1
    module, name = place
    text = (
        f"def get_{g.serial}():\n    import threading\n    out = []\n\n"
        f"    def work():\n        from {module} import {name}\n"
        f"        out.append({name})\n\n"
        f"    thread = threading.Thread(target=work)\n    thread.start()\n"
        f"    thread.join()\n    return out"
    )
    return Chunk(text)


def make_conditional_import(g: Generator, scope: Scope) -> Chunk | None:
    place = other(g, *PLAIN)
    if place is None:
        return None
    name = g.name("v")
    module, there = place
    text = (
        f"{name} = 0\nif {g.whole(scope)} > {g.number()}:\n"
        f"    from {module} import {there} as {name}"
    )
    return Chunk(text, {name: "any"})


def make_import_in_a_loop(g: Generator, scope: Scope) -> Chunk | None:
    place = other(g, *PLAIN)
    if place is None:
        return None
    text = f"for name in ('{place[0]}', 'json'):\n    __import__(name)"
    return Chunk(text)


def make_main_guard(g: Generator, scope: Scope) -> Chunk:
    return Chunk(f"if __name__ == '__main__':\n    {g.name('x')} = {g.number()}")


def make_module_getattr(g: Generator, scope: Scope) -> Chunk:
    text = (
        "def __getattr__(name):\n    if name.startswith('dyn'):\n"
        f"        return [name, {g.plain(scope)}]\n    raise AttributeError(name)"
    )
    return Chunk(text, {"__getattr__": "hook"})


def make_dynamic_read(g: Generator, scope: Scope) -> Chunk | None:
    hooked = [m.name for m in g.modules if "__getattr__" in m.scope()]
    if not hooked:
        return None
    module, name = g.random.choice(hooked), g.name("v")
    if module in ("main", "pkg"):
        return None
    attribute = f"dyn{g.number()}"
    text = g.random.choice(
        [
            f"from {module} import {attribute} as {name}",
            f"import {module}\n{name} = {module}.{attribute}",
        ]
    )
    return Chunk(text, {name: "any"})


def make_all(g: Generator, scope: Scope) -> Chunk | None:
    names = [n for n in scope if n.isidentifier() and n[0] != "_"]
    if not names:
        return None
    chosen = g.random.sample(names, min(len(names), g.random.randint(1, 4)))
    return Chunk(f"__all__ = {chosen!r}")


def make_missing_module(g: Generator, scope: Scope) -> Chunk:
    name = g.name("o")
    missing = g.random.choice(["opt1", "opt2", "pkg.opt3"])
    text = (
        f"try:\n    import {missing} as {name}\nexcept ImportError:\n    {name} = None"
    )
    return Chunk(text)


def make_plugin_listing(g: Generator, scope: Scope) -> Chunk:
    name = g.name("v")
    form = g.random.choice(
        [
            "sorted(__import__('os').listdir('plug'))",
            "sorted(p.name for p in __import__('pathlib').Path('plug').iterdir())",
            "sorted(m.name for m in __import__('pkgutil').iter_modules(['plug']))",
        ]
    )
    return Chunk(f"{name} = {form}", {name: "any"})


def make_plugin_loop(g: Generator, scope: Scope) -> Chunk:
    name = g.name("v")
    text = (
        f"import importlib, pkgutil\n{name} = [\n"
        f"    importlib.import_module('plug.' + found.name).X\n"
        f"    for found in pkgutil.iter_modules(['plug'])\n]"
    )
    return Chunk(text, {name: "any"})
