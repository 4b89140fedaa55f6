"""Statements of random programs: definitions of every kind.

Classes of kind "cls" can be subclassed and made without arguments, and have a method;
so have those of kind "record", which take no other attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunks import Chunk

if TYPE_CHECKING:
    from .generator import Generator

Scope = dict[str, str]


def function(g: Generator, scope: Scope, text: str) -> Chunk:
    """A chunk that defines f<n>; {f} is its name, {n} the number, {v} a list."""
    g.serial += 1
    shown = g.body(scope, g.serial)[-1].strip()
    value = shown.removeprefix("return ") if shown.startswith("return [") else "[]"
    name = f"f{g.serial}"
    filled = text.replace("{f}", name).replace("{n}", str(g.serial))
    return Chunk(filled.replace("{v}", value), {name: "func"})


def make_async_function(g: Generator, scope: Scope) -> Chunk:
    return function(
        g,
        scope,
        "async def c{n}():\n    return {v}\n"
        "def {f}():\n    try:\n        c{n}().send(None)\n"
        "    except StopIteration as stop:\n        return stop.value",
    )


def make_generator_function(g: Generator, scope: Scope) -> Chunk:
    return function(
        g,
        scope,
        "def g{n}():\n    yield 1\n    yield from {v}\n"
        "def {f}():\n    return [*g{n}()]",
    )


def make_lambda(g: Generator, scope: Scope) -> Chunk:
    return function(g, scope, "{f} = lambda a=1: {v}")


def make_cached_function(g: Generator, scope: Scope) -> Chunk:
    return function(
        g, scope, "@__import__('functools').cache\ndef {f}():\n    return {v}"
    )


def make_context_manager(g: Generator, scope: Scope) -> Chunk:
    return function(
        g,
        scope,
        "@__import__('contextlib').contextmanager\ndef c{n}():\n    yield {v}\n"
        "def {f}():\n    with c{n}() as value:\n        return value",
    )


def make_generic_function(g: Generator, scope: Scope) -> Chunk:
    return function(
        g, scope, "def {f}[T](a: T = 1, *b: list[T]) -> list[T]:\n    return {v}"
    )


def make_overloaded_function(g: Generator, scope: Scope) -> Chunk:
    return function(
        g,
        scope,
        "import typing\n@typing.overload\ndef {f}(a: int) -> int: ...\n"
        "@typing.overload\ndef {f}(a: str = '') -> str: ...\n"
        "def {f}(a=1):\n    return {v}",
    )


def make_partial(g: Generator, scope: Scope) -> Chunk | None:
    func = g.pick(scope, "func")
    if func is None:
        return None
    g.serial += 1
    name = f"f{g.serial}"
    text = f"{name} = __import__('functools').partial({func})"
    return Chunk(text, {name: "func"})


def make_wrapping(g: Generator, scope: Scope) -> Chunk | None:
    """functools.wraps: a library's decorator that leaves the function in place."""
    func = g.pick(scope, "func")
    if func is None:
        return None
    g.serial += 1
    name = f"f{g.serial}"
    text = (
        f"@__import__('functools').wraps({func})\n"
        f"def {name}(*a, **k):\n    return [{g.plain(scope)}, {func}(*a, **k)]"
    )
    return Chunk(text, {name: "func"})


def make_decorator_factory(g: Generator, scope: Scope) -> Chunk:
    name = g.name("w")
    text = (
        f"def {name}(label):\n    def mark(fn):\n"
        f"        fn.label = [label, {g.plain(scope)}]\n        return fn\n"
        f"    return mark"
    )
    return Chunk(text, {name: "factory"})


def make_factory_decorated(g: Generator, scope: Scope) -> Chunk | None:
    factory = g.pick(scope, "factory")
    if factory is None:
        return None
    chunk = function(g, scope, "def {f}():\n    return {v}")
    chunk.text = f"@{factory}({g.plain(scope)})\n{chunk.text}"
    return chunk


def make_dispatch(g: Generator, scope: Scope) -> Chunk:
    name = g.name("s")
    text = (
        f"@__import__('functools').singledispatch\n"
        f"def {name}(x):\n    return [{g.plain(scope)}]"
    )
    return Chunk(text, {name: "dispatch"})


def make_dispatch_member(g: Generator, scope: Scope) -> Chunk | None:
    dispatch = g.pick(scope, "dispatch")
    if dispatch is None:
        return None
    kind = g.random.choice(["int", "str", "list"])
    text = f"@{dispatch}.register\ndef _(x: {kind}):\n    return [{g.plain(scope)}, x]"
    return Chunk(text)


def make_dispatch_call(g: Generator, scope: Scope) -> Chunk | None:
    dispatch = g.pick(scope, "dispatch")
    if dispatch is None:
        return None
    name = g.name("v")
    text = f"{name} = [{dispatch}(1), {dispatch}('a'), {dispatch}(None)]"
    return Chunk(text, {name: "any"})


# Classes


def cls(g: Generator, head: str, *lines: str, kind: str = "cls") -> Chunk:
    """A class chunk from its head ({C}: the name) and the lines of its body."""
    name = g.name("C")
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    return Chunk(f"{head}\n{body}".replace("{C}", name), {name: kind})


def method(g: Generator, scope: Scope, value: str = "self.limit") -> list[str]:
    return ["", "def method(self):", f"    return [{value}, {g.plain(scope)}]"]


def limit(g: Generator, scope: Scope) -> str:
    return f"limit = {g.plain(scope)}"


def make_methods(g: Generator, scope: Scope) -> Chunk:
    base = g.pick(scope, "cls")
    return cls(
        g,
        f"class {{C}}({base or ''}):",
        f'"""A class {g.number()}."""',
        limit(g, scope),
        "",
        "@property",
        "def twice(self):",
        f"    return [self.limit, {g.plain(scope)}]",
        "",
        "@classmethod",
        "def made(cls):",
        "    return cls.limit",
        "",
        "@staticmethod",
        f"def fixed(a={g.plain(scope)}):",
        "    return a",
        *method(g, scope, "self.twice, self.made(), self.fixed()"),
    )


def make_slots(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}:",
        "__slots__ = ('limit',)",
        "",
        "def __init__(self):",
        f"    self.limit = {g.plain(scope)}",
        *method(g, scope),
        kind="record",
    )


def make_named_tuple(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}(__import__('typing').NamedTuple):",
        f"limit: int = {g.whole(scope)}",
        "other: str = ''",
        *method(g, scope),
        kind="record",
    )


def make_pydantic_model(g: Generator, scope: Scope) -> Chunk:
    nested = g.pick(scope, "model")
    return cls(
        g,
        "class {C}(__import__('pydantic').BaseModel):",
        f"limit: int = {g.whole(scope)}",
        "again: 'list[{C}]' = []",
        f"nested: {nested or 'int'} | None = None",
        *method(g, scope),
        kind="model",
    )


def make_generic_model(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}[T](__import__('pydantic').BaseModel):",
        f"limit: int = {g.whole(scope)}",
        "value: T | None = None",
        *method(g, scope),
        kind="model",
    )


def make_model_instance(g: Generator, scope: Scope) -> Chunk | None:
    model = g.pick(scope, "model", "record")
    if model is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = {model}().method()", {name: "any"})


def make_generic_class(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}[T]:",
        limit(g, scope),
        "held: list[T] = []",
        *method(g, scope),
    )


def make_type_alias(g: Generator, scope: Scope) -> Chunk:
    name = g.name("A")
    kind = g.pick(scope, "cls", "record", "model", "enum")
    return Chunk(f"type {name} = list[{kind or 'int'}]", {name: "alias"})


def make_alias_use(g: Generator, scope: Scope) -> Chunk | None:
    alias = g.pick(scope, "alias")
    if alias is None:
        return None
    chunk = function(g, scope, "def {f}(a: ALIAS = ()) -> ALIAS:\n    return {v}")
    chunk.text = chunk.text.replace("ALIAS", alias)
    return chunk


def make_protocol(g: Generator, scope: Scope) -> Chunk:
    name = g.name("P")
    member = g.random.choice(["method", "limit", "nosuch"])
    line = f"{member}: int" if member == "limit" else f"def {member}(self): ..."
    text = (
        f"@__import__('typing').runtime_checkable\n"
        f"class {name}(__import__('typing').Protocol):\n    {line}"
    )
    return Chunk(text, {name: "protocol"})


def make_protocol_check(g: Generator, scope: Scope) -> Chunk | None:
    protocol, instance = g.pick(scope, "protocol"), g.pick(scope, "inst")
    if protocol is None or instance is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = isinstance({instance}, {protocol})", {name: "any"})


def make_metaclass(g: Generator, scope: Scope) -> Chunk:
    name = g.name("M")
    text = (
        f"class {name}(type):\n    def __new__(meta, name, bases, space):\n"
        f"        space['by'] = [name, {g.plain(scope)}]\n"
        f"        return super().__new__(meta, name, bases, space)"
    )
    return Chunk(text, {name: "meta"})


def make_class_of_metaclass(g: Generator, scope: Scope) -> Chunk | None:
    meta = g.pick(scope, "meta")
    if meta is None:
        return None
    head = f"class {{C}}(metaclass={meta}):"
    return cls(g, head, limit(g, scope), *method(g, scope, "self.by"), kind="record")


def make_init_subclass(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}:",
        limit(g, scope),
        "subs = []",
        "",
        "def __init_subclass__(cls, **k):",
        "    super().__init_subclass__(**k)",
        f"    {{C}}.subs.append([cls.__name__, {g.plain(scope)}])",
        *method(g, scope, "self.subs"),
    )


def make_descriptor(g: Generator, scope: Scope) -> Chunk:
    name = g.name("D")
    text = (
        f"class {name}:\n    def __set_name__(self, owner, name):\n"
        f"        self.name = [owner.__name__, name]\n\n"
        f"    def __get__(self, one, kind=None):\n"
        f"        return [self.name, {g.plain(scope)}]"
    )
    return Chunk(text, {name: "descriptor"})


def make_class_with_descriptor(g: Generator, scope: Scope) -> Chunk | None:
    descriptor = g.pick(scope, "descriptor")
    if descriptor is None:
        return None
    line = f"field = {descriptor}()"
    return cls(g, "class {C}:", limit(g, scope), line, *method(g, scope, "self.field"))


def make_nested_class(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}:",
        limit(g, scope),
        "",
        "class Inner:",
        f"    own = {g.plain(scope)}",
        "",
        "    def show(self):",
        f"        return [self.own, {g.number()}]",
        *method(g, scope, "self.Inner().show()"),
    )


def make_exception_class(g: Generator, scope: Scope) -> Chunk:
    chunk = function(
        g,
        scope,
        "class Error{n}(Exception):\n    code = CODE\n"
        "def {f}():\n    try:\n        raise Error{n}({v})\n"
        "    except Error{n} as error:\n        return [error.code, *error.args]",
    )
    chunk.text = chunk.text.replace("CODE", g.plain(scope))
    return chunk
