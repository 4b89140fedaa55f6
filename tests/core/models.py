"""Statements of random programs: classes that describe data, as applications have them.
Dataclasses with factories, dependencies in annotations, generic repositories, pydantic
models that validate, compute and refer to others, settings from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .applications import found, using, with_object
from .chunks import Chunk
from .definitions import cls, function, method

if TYPE_CHECKING:
    from .generator import Generator

Scope = dict[str, str]


def make_dataclass_factory(g: Generator, scope: Scope) -> Chunk:
    got = found(g, scope, "data")
    before, base, binds = got or ("", "", {})
    options = g.random.choice(["", "(frozen=True)", "(order=True)", "(kw_only=True)"])
    if base:
        options = "(eq=False)" if "frozen" in options else ""
    func = g.pick(scope, "func")
    factory = g.random.choice(["list", f"lambda: [{g.plain(scope)}]", func or "dict"])
    made = cls(
        g,
        f"import dataclasses\n{before}@dataclasses.dataclass{options}\n"
        f"class {{C}}({base if not options or base == '' else ''}):",
        f"limit: int = {g.whole(scope)}",
        f"held: list = dataclasses.field(default_factory={factory})",
        *method(g, scope, "self.limit, self.held"),
        kind="data" if not options else "record",
    )
    return Chunk(made.text, {**binds, **made.binds})


def make_dataclass_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "data, record",
        "v = {}().method()",
        "v = [f.name for f in __import__('dataclasses').fields({})]"
        " if __import__('dataclasses').is_dataclass({}) else 0",
        "v = ({}().limit, NUMBER)",
    )


def make_marker(g: Generator, scope: Scope) -> Chunk:
    """What Depends is."""
    return cls(
        g,
        "class {C}:",
        "def __init__(self, call):",
        "    self.call = call",
        "",
        "def solve(self):",
        f"    return [self.call(), {g.plain(scope)}]",
        kind="marker",
    )


def make_dependency(g: Generator, scope: Scope) -> Chunk | None:
    marker, func = found(g, scope, "marker"), found(g, scope, "func")
    if marker is None or func is None:
        return None
    name = g.name("N")
    text = (
        f"import typing\n{marker[0]}{func[0]}"
        f"{name} = typing.Annotated[int, {marker[1]}({func[1]})]"
    )
    return Chunk(text, {**marker[2], **func[2], name: "dependency"})


def make_dependent(g: Generator, scope: Scope) -> Chunk | None:
    got = found(g, scope, "dependency")
    if got is None:
        return None
    before, name, binds = got
    made = function(g, scope, "def {f}(a: DEPENDS = 0):\n    return {v}")
    text = before + made.text.replace("DEPENDS", name)
    return Chunk(text, {**binds, **made.binds})


def make_dependency_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "dependency, func",
        "v = [m.solve() for m in getattr({}, '__metadata__', ())]",
        "v = [\n    m.solve()\n    for hint in __import__('typing').get_type_hints(\n"
        "        getattr({}, 'func', {}), include_extras=True\n    ).values()\n"
        "    for m in getattr(hint, '__metadata__', ())\n"
        "] if isinstance({}, type(lambda: 0)) else 0",
    )


def make_repository(g: Generator, scope: Scope) -> Chunk:
    """A generic base class, a protocol of it."""
    g.serial += 1
    bound = g.random.choice([f"typing.Generic[T{g.serial}]", f"Base{g.serial}"])
    protocol = ""
    if bound.startswith("Base"):
        protocol = (
            f"class Base{g.serial}(typing.Protocol[T{g.serial}]):\n"
            f"    def method(self) -> list: ...\n\n"
        )
    return cls(
        g,
        f"import typing\nT{g.serial} = typing.TypeVar('T{g.serial}')\n{protocol}"
        f"class {{C}}({bound if not protocol else bound + f'[T{g.serial}]'}):",
        f"limit = {g.plain(scope)}",
        "model: type | None = None",
        "",
        f"def __init__(self, key={g.plain(scope)}):",
        "    self.key = key",
        *method(g, scope, "self.limit, self.key, self.model"),
        kind="repository base",
    )


def make_repository_class(g: Generator, scope: Scope) -> Chunk | None:
    base = found(g, scope, "repository base")
    if base is None:
        return None
    model = found(g, scope, "model", "data", "enum") or ("", "int", {})
    argument = g.random.choice([f"[{model[1]}]", f"[{model[1]}]", ""])
    lines = [f"limit = {g.plain(scope)}", f"model = {model[1]}"]
    made = cls(
        g,
        f"{base[0]}{model[0]}class {{C}}({base[1]}{argument}):",
        *g.random.choice([lines, lines[1:], ["pass"]]),
        *g.random.choice([[], method(g, scope, "super().method()")]),
        kind="repository",
    )
    return Chunk(made.text, {**base[2], **model[2], **made.binds})


def make_repositories(g: Generator, scope: Scope) -> Chunk | None:
    """An object that makes each repository when it is first asked for."""
    got = found(g, scope, "repository")
    if got is None:
        return None
    before, repository, binds = got
    made = cls(
        g,
        f"import functools\n{before}class {{C}}:",
        "@functools.cached_property",
        f"def total(self) -> '{repository}':",
        f"    return {repository}({g.plain(scope)})",
        kind="repositories class",
    )
    made = with_object(g, made, "repositories")
    return Chunk(made.text, {**binds, **made.binds})


def make_repository_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g, scope, "repositories", "v = {}.total.method()", "v = {}.total.limit, NUMBER"
    )


# Pydantic


def make_validated_model(g: Generator, scope: Scope) -> Chunk:
    base = found(g, scope, "checked") or ("", "pydantic.BaseModel", {})
    made = cls(
        g,
        f"import pydantic\n{base[0]}class {{C}}({base[1]}):",
        f"limit: int = {g.whole(scope)}",
        "",
        *g.random.choice(
            [
                [
                    "@pydantic.model_validator(mode='after')",
                    "def check(self):",
                    f"    self.limit += {g.whole(scope)}",
                    "    return self",
                ],
                [
                    "@pydantic.field_validator('limit', mode='before')",
                    "@classmethod",
                    "def check(cls, value):",
                    f"    return int(value) + {g.whole(scope)}",
                ],
                [
                    "@pydantic.computed_field",
                    "@property",
                    "def computed(self) -> list:",
                    f"    return [self.limit, {g.plain(scope)}]",
                ],
            ]
        ),
        *method(g, scope),
        kind="checked",
    )
    return Chunk(made.text, {**base[2], **made.binds})


def make_model_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g,
        scope,
        "checked, model",
        "v = {}(limit=NUMBER).model_dump()",
        "v = [*{}.model_fields]",
        "v = {}.model_json_schema()['properties'].keys() >= {'limit'}",
        "v = {}.model_validate({'limit': 'NUMBER'}).limit",
        "v = __import__('pydantic').TypeAdapter(list[{}])"
        ".validate_python([{}])[0].method()",
    )


def make_model_list(g: Generator, scope: Scope) -> Chunk | None:
    """A model that holds others."""
    got = found(g, scope, "checked", "model")
    if got is None:
        return None
    before, other, binds = got
    made = cls(
        g,
        f"import pydantic\n{before}class {{C}}(pydantic.BaseModel):",
        f"items: list[{other}] = pydantic.Field(default_factory=list)",
        f"limit: int = {g.whole(scope)}",
        *method(g, scope, "[item.limit for item in self.items]"),
        kind="model",
    )
    return Chunk(made.text, {**binds, **made.binds})


def make_open_model(g: Generator, scope: Scope) -> Chunk:
    """Names a model that is not there yet."""
    name = g.name("O")
    text = (
        f"import pydantic\nclass {name}(pydantic.BaseModel):\n"
        f"    limit: int = {g.whole(scope)}\n"
        f"    other: 'Late{name} | None' = None\n\n"
        f"    def method(self):\n        return [self.limit, self.other]"
    )
    return Chunk(text, {name: "open"})


def make_model_rebuild(g: Generator, scope: Scope) -> Chunk | None:
    """The model that another one names, most often from another module."""
    got = found(g, scope, "open")
    if got is None:
        return None
    before, name, binds = got
    late = found(g, scope, "checked", "model")
    rebuild = f"{name}.model_rebuild()"
    if before or g.random.random() < 0.3:
        rebuild = f"{name}.model_rebuild(_types_namespace={{'Late{name}': Late{name}}})"
    if late:
        there = f"{late[0]}Late{name} = {late[1]}"
        binds = {**binds, **late[2]}
    else:
        there = (
            f"import pydantic\nclass Late{name}(pydantic.BaseModel):\n"
            f"    limit: int = {g.number()}"
        )
    text = f"{before}{there}\n{rebuild}"
    return Chunk(text, {**binds, name: "model", f"Late{name}": "late"})


def make_environment_model(g: Generator, scope: Scope) -> Chunk:
    made = cls(
        g,
        "import pydantic_settings\nclass {C}(pydantic_settings.BaseSettings):",
        "model_config = {'env_prefix': 'HMR_'}",
        f"a: str = str({g.plain(scope)})",
        f"limit: int = {g.whole(scope)}",
        *method(g, scope, "self.a"),
        kind="environment",
    )
    return with_object(g, made, "environment object")


def make_environment_model_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(
        g, scope, "environment", "v = {}().a", "v = {}().method()", "v = {}(limit=3).a"
    )


def make_environment_object_read(g: Generator, scope: Scope) -> Chunk | None:
    return using(g, scope, "environment object", "v = {}.a", "v = ({}.limit, NUMBER)")
