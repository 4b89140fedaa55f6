"""Statements of random programs: what applications keep in objects.
Attributes that are worked out when they are first asked for, objects that stand for
others, registries, containers of classes, values of libraries, lazy imports.

Names that they need come from the module itself or from another one (`found`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunks import Chunk
from .definitions import cls, function

if TYPE_CHECKING:
    from .generator import Generator

Scope = dict[str, str]


def found(g: Generator, scope: Scope, *kinds: str) -> tuple[str, str, Scope] | None:
    """A name of one of the kinds: (the import that it takes, or "", the name, what the
    import binds). From a module above this one, or from this one."""
    there = [
        (module, name, kind)
        for module in g.above()
        for name, kind in module.scope().items()
        if kind in kinds and name.isidentifier()
    ]
    name = g.pick(scope, *kinds)
    if there and (name is None or g.random.random() < 0.4):
        module, name, kind = g.random.choice(there)
        return f"from {module.name} import {name}\n", name, {name: kind}
    return ("", name, {}) if name else None


def using(g: Generator, scope: Scope, kinds: str, *forms: str) -> Chunk | None:
    """A statement of one of the forms ({}: a name of one of the kinds); those that bind
    begin with `v = `."""
    got = found(g, scope, *kinds.split(", "))
    if got is None:
        return None
    before, name, binds = got
    text = g.random.choice(forms).replace("{}", name)
    text = text.replace("PLAIN", g.plain(scope)).replace("NUMBER", g.number())
    if text.startswith("v = "):
        value = g.name("v")
        text, binds = value + text[1:], {**binds, value: "any"}
    return Chunk(before + text, binds)


def with_object(g: Generator, chunk: Chunk, kind: str, arguments: str = "") -> Chunk:
    """The class chunk and an object of the class."""
    name = g.name("o")
    (made,) = chunk.binds
    chunk.text += f"\n{name} = {made}({arguments})"
    chunk.binds[name] = kind
    return chunk


# What is worked out when it is asked for


def make_cached_property(g: Generator, scope: Scope) -> Chunk:
    made = cls(
        g,
        "import functools\nclass {C}:",
        f"limit = {g.plain(scope)}",
        "",
        "@functools.cached_property",
        "def total(self):",
        f"    return [self.limit, {g.plain(scope)}]",
        kind="lazy class",
    )
    return with_object(g, made, "lazy")


def make_memoizing_property(g: Generator, scope: Scope) -> Chunk:
    ask, keep = g.random.choice(
        [
            ("self._total is None", ["_total = None"]),
            (
                "self._total is None",
                ["def __init__(self):", "    self._total = None", ""],
            ),
            ("not hasattr(self, '_total')", ["__slots__ = ['_total']"]),
            ("'_total' not in vars(self)", []),
        ]
    )
    made = cls(
        g,
        "class {C}:",
        *keep,
        "@property",
        "def total(self):",
        f"    if {ask}:",
        f"        self._total = [{g.plain(scope)}, {g.number()}]",
        "    return self._total",
        kind="lazy class",
    )
    return with_object(g, made, "lazy")


def make_lazy_object(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "lazy class")
    if got is None:
        return None
    before, made, binds = got
    name = g.name("o")
    return Chunk(f"{before}{name} = {made}()", {**binds, name: "lazy"})


def make_lazy_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g, scope, "lazy", "v = {}.total", "v = ({}.total, {}.total)", "{}.total"
    )


# Objects that stand for others


def make_settings(g: Generator, scope: Scope) -> Chunk:
    made = cls(
        g,
        "class {C}:",
        "def __init__(self, **values):",
        "    self.__dict__['values'] = values",
        "",
        "def __getattr__(self, name):",
        "    try:",
        "        return self.values[name]",
        "    except KeyError:",
        "        raise AttributeError(name) from None",
        kind="settings class",
    )
    values = f"A={g.plain(scope)}, B={g.plain(scope)}, FLAG={g.whole(scope)} > 4"
    return with_object(g, made, "settings", values)


def make_lazy_settings(g: Generator, scope: Scope) -> Chunk:
    """As Django's: set up by the first attribute that is asked for."""
    made = cls(
        g,
        "import types\nclass {C}:",
        "wrapped = None",
        "",
        "def __getattr__(self, name):",
        "    if self.wrapped is None:",
        "        self.wrapped = types.SimpleNamespace(",
        f"            A={g.plain(scope)}, B={g.number()}, FLAG={g.whole(scope)} > 4",
        "        )",
        "    return getattr(self.wrapped, name)",
        kind="settings class",
    )
    return with_object(g, made, "settings")


def make_proxy(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "settings", "inst")
    if got is None:
        return None
    before, target, binds = got
    made = cls(
        g,
        "class {C}:",
        "def __init__(self, target):",
        "    self._target = target",
        "",
        "def __getattr__(self, name):",
        "    return getattr(self._target, name)",
        kind="proxy class",
    )
    made.text, made.binds = before + made.text, {**made.binds}
    kind = "settings" if {**scope, **binds}[target] == "settings" else "inst"
    made = with_object(g, made, kind, target)
    made.binds.update(binds)
    return made


def make_settings_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "settings",
        "v = {}.A",
        "v = ({}.B, {}.FLAG)",
        "v = getattr({}, 'extra', None)",
        "v = [getattr({}, k) for k in ('A', 'B')]",
    )


def make_settings_change(g: Generator, scope: Scope) -> Chunk | None:
    return using(g, scope, "settings", "{}.extra = PLAIN", "{}.A = PLAIN")


def make_flag_definition(g: Generator, scope: Scope) -> Chunk | None:
    """`if settings.DEBUG:` around definitions."""
    got = found(g, scope, "settings")
    if got is None:
        return None
    before, name, binds = got
    chunk = function(
        g,
        scope,
        f"if FLAG.FLAG:\n    def {{f}}():\n        return {{v}}\nelse:\n"
        f"    def {{f}}(a=1):\n        return [{g.plain(scope)}]",
    )
    chunk.text = before + chunk.text.replace("FLAG.FLAG", f"{name}.FLAG")
    return Chunk(chunk.text, {**binds, **chunk.binds})


# Registries, containers of classes


def make_registry(g: Generator, scope: Scope) -> Chunk:
    made = cls(
        g,
        "class {C}:",
        "def __init__(self):",
        "    self.items = {}",
        "",
        "def register(self, name):",
        "    def keep(fn):",
        "        self.items[name] = fn",
        "        return fn",
        "    return keep",
        "",
        "def names(self):",
        f"    return [{g.plain(scope)}, *self.items]",
        kind="registry class",
    )
    return with_object(g, made, "registry")


def make_class_registry(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}:",
        "items = {}",
        "",
        "@classmethod",
        "def register(cls, name):",
        "    def keep(fn):",
        "        cls.items[name] = fn",
        "        return fn",
        "    return keep",
        "",
        "@classmethod",
        "def names(cls):",
        f"    return [{g.plain(scope)}, *cls.items]",
        kind="registry",
    )


def make_registered(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "registry")
    if got is None:
        return None
    before, name, binds = got
    head = f"{before}@{name}.register('{g.number()}')\n"
    if g.random.random() < 0.2:
        made = cls(g, head + "class {C}:", f"limit = {g.plain(scope)}", kind="thing")
    else:
        made = function(g, scope, head + "def {f}():\n    return {v}")
    return Chunk(made.text, {**binds, **made.binds})


def make_registry_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "registry",
        "v = {}.names()",
        "v = [(k, thing.__name__) for k, thing in {}.items.items()]",
        "v = len({}.items)",
        "v = [thing() for thing in {}.items.values() if not isinstance(thing, type)]",
    )


def make_class_container(g: Generator, scope: Scope) -> Chunk:
    return cls(
        g,
        "class {C}:",
        f"held = [{g.plain(scope)}]",
        f"named = {{'a': {g.plain(scope)}}}",
        "",
        "@classmethod",
        "def all(cls):",
        "    return [*cls.held, *cls.named.values()]",
        kind="container",
    )


def make_container_fill(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "container",
        "{}.held.append(PLAIN)",
        "{}.named['NUMBER'] = PLAIN",
        "{}.held += [PLAIN]",
        "{}.named.update(b=PLAIN)",
        "class Sub{}({}):\n    pass\nSub{}.held.append(PLAIN)",
    )


def make_container_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "container",
        "v = {}.all()",
        "v = [*{}.held]",
        "v = {}.named.get('a')",
        "v = ({}.held, 1)",
    )


# Values of libraries


def make_path(g: Generator, scope: Scope) -> Chunk:
    name = g.name("b")
    form = g.random.choice(
        [
            "Path(__file__).parent",
            "Path(__file__).resolve().parent.parent",
            f"Path('a') / str({g.plain(scope)})",
        ]
    )
    return Chunk(f"from pathlib import Path\n{name} = {form}", {name: "path"})


def make_path_below(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "path")
    if got is None:
        return None
    before, path, binds = got
    name = g.name("b")
    text = f"{before}{name} = {path} / 'plug' / '{g.number()}'"
    return Chunk(text, {**binds, name: "path"})


def make_path_use(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "path",
        "v = str({})",
        "v = ({}.name, {}.parts[-1:], {}.suffix)",
        "v = {{}: NUMBER}",
        "v = [({} / 'data.txt').exists(), NUMBER]",
        "v = sorted(p.name for p in ({} / 'plug').glob('*'))",
        "v = hash({}) == hash({}.parent / {}.name)",
    )


def make_value(g: Generator, scope: Scope) -> Chunk:
    name = g.name("q")
    day = f"datetime.date(2020, 1, 1) + datetime.timedelta({g.whole(scope)})"
    form = g.random.choice(
        [
            f"import datetime\n{name} = {day}",
            f"import datetime\n{name} = datetime.timedelta({g.whole(scope)})",
            f"import decimal\n{name} = decimal.Decimal({g.whole(scope)})",
            f"import fractions\n{name} = fractions.Fraction({g.whole(scope)}, 7)",
            f"import uuid\n{name} = uuid.UUID(int={g.number()})",
            f"{name} = int | None",
            f"import typing\n{name} = typing.Optional[list[str]]",
        ]
    )
    return Chunk(form, {name: "value"})


def make_value_use(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "value",
        "v = {{}: NUMBER}",
        "v = [str({}), hash({}) == hash({})]",
        "v = {} == {}, NUMBER",
        "v = __import__('functools').cache(repr)({})",
    )


# Attributes of functions; enums as keys


def make_function_attribute(g: Generator, scope: Scope) -> Chunk | None:
    return using(g, scope, "func", "{}.label = PLAIN", "{}.label = [PLAIN, NUMBER]")


def make_function_attribute_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(g, scope, "func", "v = getattr({}, 'label', None)")


def make_enum_table(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "enum")
    if got is None:
        return None
    before, kind, binds = got
    name = g.name("d")
    text = f"{name} = {{{kind}.A: {g.plain(scope)}, {kind}.B: {g.number()}}}"
    return Chunk(before + text, {**binds, name: "table", f"{kind}.of": "table of"})


def make_enum_table_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "table",
        "v = [(key.name, value) for key, value in {}.items()]",
        "v = {}[next(iter({}))]",
        "v = [{}[key] for key in type(next(iter({})))]",
    )


# Lazy imports of lazy imports


def make_lazy_function(g: Generator, scope: Scope) -> Chunk | None:
    """Imports from a module above when it is called."""
    there = [(m.name, n) for m in g.above() for n, k in m.scope().items() if k in LAZY]
    if not there:
        return None
    module, name = g.random.choice(there)
    func = g.name("z")
    text = g.random.choice(
        [
            f"    from {module} import {name}\n    return [{name}, {g.number()}]",
            f"    import {module} as m\n    return [m.{name}, {g.number()}]",
        ]
    )
    return Chunk(f"def {func}():\n{text}", {func: "lazy function"})


LAZY = ("int", "str", "tuple", "float", "any", "list")


def make_lazy_chain(g: Generator, scope: Scope) -> Chunk | None:
    """A function that imports one that imports."""
    there = [
        (m.name, n)
        for m in g.above()
        for n, k in m.scope().items()
        if k == "lazy function"
    ]
    if not there:
        return None
    module, name = g.random.choice(there)
    func = g.name("z")
    body = f":\n    from {module} import {name}\n    return [*{name}(), {g.number()}]"
    if g.random.random() < 0.4:
        return Chunk(f"def get_{func[1:]}(){body}")
    return Chunk(f"def {func}(){body}", {func: "lazy function"})


def make_lazy_call(g: Generator, scope: Scope) -> Chunk | None:
    return using(g, scope, "lazy function", "v = {}()", "v = [{}() for _ in range(2)]")
