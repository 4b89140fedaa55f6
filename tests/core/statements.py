"""Statements of random programs: values, functions, calls, shapes, conditions.

A maker takes the generator and the names in scope with their kinds, and gives a chunk,
or None where a name that it needs is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunks import PLAIN, Chunk

if TYPE_CHECKING:
    from .generator import Generator


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
        f"{name}['{key}'], ({name}['z'], *_) = {value}, [1, 2]",
    ]
    return Chunk(g.random.choice(forms if g.wide else forms[:-1]))


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
    value = g.random.choice(["1", "2", g.plain(scope)])
    return Chunk(f"{module}.put = {value}")


def make_module_store_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    module = g.pick(scope, "module")
    if module is None:
        return None
    name = g.name("v")
    return Chunk(f"{name} = getattr({module}, 'put', None)", {name: "any"})


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


def make_match(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    text = (
        f"match {g.whole(scope)}:\n    case {g.number()} | 3:\n        {name} = 1\n"
        f"    case _:\n        {name} = {g.number()}"
    )
    return Chunk(text, {name: "int"})


def make_walrus(g: Generator, scope: dict[str, str]) -> Chunk:
    name, inner = g.name("x"), g.name("x")
    text = f"{name} = ({inner} := {g.whole(scope)}) + 1"
    return Chunk(text, {name: "int", inner: "int"})


def make_while(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("x")
    loop = f"while {name} > {g.number()}:\n    {name} -= 10 - 8"  # edits: never 0
    text = f"{name} = {g.whole(scope)}\n{loop}"
    return Chunk(text, {name: "int"})


def make_unpacking(g: Generator, scope: dict[str, str]) -> Chunk:
    name, rest = g.name("x"), g.name("l")
    text = f"{name}, *{rest} = [{g.whole(scope)}, {g.plain(scope)}, 2]"
    return Chunk(text, {name: "int", rest: "list"})


def make_chained(g: Generator, scope: dict[str, str]) -> Chunk:
    name, same = g.name("l"), g.name("l")
    text = f"{name} = {same} = [{g.plain(scope)}]"
    return Chunk(text, {name: "list", same: "list"})


def make_delete_attribute(g: Generator, scope: dict[str, str]) -> Chunk | None:
    owner = g.pick(scope, "inst", "cls")
    if owner is None:
        return None
    return Chunk(f"if 'extra' in vars({owner}):\n    del {owner}.extra")


def make_set(g: Generator, scope: dict[str, str]) -> Chunk:
    name = g.name("e")
    text = f"{name} = {{{g.whole(scope)}, 3}}\n{name} |= {{{g.number()}}}"
    return Chunk(text, {name: "any"})


def make_holder(g: Generator, scope: dict[str, str]) -> Chunk | None:
    """A container that holds what others shape."""
    held = g.pick(scope, "list", "dict", "inst")
    if held is None:
        return None
    name = g.name("v")
    form = g.random.choice(["[{}, 1]", "{{'held': {}}}", "({}, 2)"])
    return Chunk(f"{name} = {form.format(held)}", {name: "any"})


def make_conditional_binding(g: Generator, scope: dict[str, str]) -> Chunk:
    """Binds a name or not; a later statement asks whether it did."""
    name, seen = g.name("y"), g.name("x")
    text = f"if {g.whole(scope)} > {g.number()}:\n    {name} = {g.number()}"
    binds = {seen: "int", name: "maybe"}
    return Chunk(f"{text}\n{seen} = int('{name}' in globals())", binds)


def make_guarded_delete(g: Generator, scope: dict[str, str]) -> Chunk | None:
    name = g.pick(scope, "maybe")
    if name is None:
        return None
    return Chunk(f"try:\n    del {name}\nexcept NameError:\n    pass")


def make_path_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    """An attribute of an object, and no more of it."""
    owner = g.pick(scope, "inst", "cls")
    if owner is None:
        return None
    name = g.name("p")
    return Chunk(f"{name} = ({owner}.limit, 2)", {name: "tuple"})


def make_second_binding(g: Generator, scope: dict[str, str]) -> Chunk | None:
    """Replaces an object that nobody may need again, until this is edited."""
    name = g.pick(scope, "list", "dict")
    if name is None:
        return None
    value = f"[{g.plain(scope)}]" if scope[name] == "list" else "{'b': 2}"
    return Chunk(f"{name} = {value}", {name: scope[name]})


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
    return Chunk(text, {name: "cached"})


def make_record_read(g: Generator, scope: dict[str, str]) -> Chunk | None:
    record = g.pick(scope, "cached")
    if record is None:
        return None
    name = g.name("x")
    return Chunk(f"{name} = {record}().{g.random.choice('ab')}", {name: "int"})
