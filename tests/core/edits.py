"""Edits of random programs: each changes the generator's modules and files, and is
False where there is nothing to change."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from .chunks import Chunk, Source
from .importing import importing

if TYPE_CHECKING:
    from .generator import Generator


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
    g.add(into, importing(g, other.name, into), at)
    return True


def edit_new_module(g: Generator) -> bool:
    name = g.name("n")
    into = g.some()
    g.module(name, 3)
    g.modules.insert(0, g.modules.pop())
    g.add(into, importing(g, name, into), g.random.randint(0, len(into.chunks)))
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


def relative(target: Source, module: Source, text: str) -> object:
    """Does the text import the target from the module's own package?"""
    package, _, sub = target.name.rpartition(".")
    return (
        package
        and (module.name == package or module.name.startswith(package + "."))
        and re.search(rf"from \.({sub} import| import {sub})\b", text)
    )


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
                and not relative(gone, module, c.text)
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


def edit_several(g: Generator) -> bool:
    """As a checkout or a formatter does."""
    kinds = [edit_constant, edit_body, edit_add, edit_swap, edit_comment, edit_rename]
    kinds += [edit_remove_unused, edit_signature, edit_new_module, edit_import]
    return sum(g.random.choice(kinds)(g) for _ in range(4)) > 1


def movable(g: Generator) -> list[Source]:
    return [m for m in g.modules if m.name not in ("main", "pkg")]


def edit_module_to_package(g: Generator) -> bool:
    """m.py becomes m/__init__.py, or comes back."""
    found = movable(g)
    if not found:
        return False
    module = g.random.choice(found)
    module.package = not module.package
    return True


def edit_package_beside(g: Generator) -> bool:
    """m/__init__.py appears beside m.py, and is found first; or it goes."""
    beside = [n for n in g.data if n.endswith("/__init__.py")]
    if beside:
        del g.data[g.random.choice(beside)]
        return True
    found = [m for m in movable(g) if not m.package]
    if not found:
        return False
    module = g.random.choice(found)
    text = "\n".join(chunk.text for chunk in module.chunks)
    g.data[module.file[:-3] + "/__init__.py"] = f"{text}\nx0 = {g.number()}"
    return True


def edit_rename_module(g: Generator) -> bool:
    """The file and most often everything that imports it."""
    found = [m for m in movable(g) if not m.name.startswith("opt")]
    if not found:
        return False
    module = g.random.choice(found)
    package, _, sub = module.name.rpartition(".")
    new = g.name("n")
    dotted = f"{package}.{new}" if package else new
    if g.random.random() < 0.8:
        for m in g.modules:
            for chunk in m.chunks:
                chunk.text = re.sub(
                    rf"(?<![\w.]){re.escape(module.name)}\b", dotted, chunk.text
                )
                if package:
                    chunk.text = re.sub(
                        rf"(from \.|import ){sub}\b", rf"\g<1>{new}", chunk.text
                    )
                for old in (module.name, sub):
                    if chunk.binds.get(old) == "module":
                        chunk.binds[dotted if old == module.name else new] = "module"
    module.name = dotted
    return True


def edit_init_of_a_namespace(g: Generator) -> bool:
    """space/__init__.py, or plug/__init__.py, comes or goes."""
    name = g.random.choice(["space/__init__.py", "plug/__init__.py"])
    if g.data.pop(name, None) is None:
        if name.startswith("space") and not any("space." in m.name for m in g.modules):
            return False
        g.data[name] = f"here = {g.number()}"
    return True


def edit_plugin(g: Generator) -> bool:
    """A file in the folder that is listed comes, changes or goes."""
    name = f"plug/p{g.random.randint(1, 3)}.py"
    if name in g.data and g.random.random() < 0.5:
        del g.data[name]
    else:
        g.data[name] = f"X = {g.number()}"
    return True


def edit_move_to_another_module(g: Generator) -> bool:
    """A definition moves; who used it imports it, most often."""
    found = [
        (m, c)
        for m in movable(g)
        for c in m.chunks
        if c.binds and re.match(r"(def|class|x\d+ = \d)", c.text)
    ]
    into = g.some()
    if not found:
        return False
    module, chunk = g.random.choice(found)
    if module is into or into.name in ("main", "pkg"):
        return False
    at = module.chunks.index(chunk)
    module.chunks.remove(chunk)
    into.chunks.append(chunk)
    if g.random.random() < 0.8:
        names = ", ".join(chunk.binds)
        text = f"from {into.name} import {names}"
        module.chunks.insert(at, Chunk(text, dict(chunk.binds), "from import"))
    return True


def edit_member(g: Generator) -> bool:
    """A method or a constant of a class comes or goes."""
    found = g.place(lambda t: re.search(r"^class C\d+.*:\n", t, re.M))
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    gone = re.sub(r"\n    extra\d+ = \d$", "", chunk.text)
    if gone != chunk.text and g.random.random() < 0.5:
        chunk.text = gone
    elif g.random.random() < 0.5:
        chunk.text += f"\n    extra{g.number()} = {g.number()}"
    else:
        name = g.name("extra")
        chunk.text += f"\n\n    def {name}(self):\n        return {g.number()}"
    return True


def edit_decorator(g: Generator) -> bool:
    """A decorator comes or goes."""
    found = [
        (chunk, m.scope(i))
        for m in g.modules
        for i, chunk in enumerate(m.chunks)
        if re.match(r"(@w\d+\n)?def f\d+\(", chunk.text)
    ]
    found = [(c, s) for c, s in found if c.text[0] == "@" or g.pick(s, "deco")]
    if not found:
        return False
    chunk, scope = g.random.choice(found)
    if chunk.text.startswith("@"):
        chunk.text = chunk.text.split("\n", 1)[1]
    else:
        chunk.text = f"@{g.pick(scope, 'deco')}\n{chunk.text}"
    return True


def edit_layout(g: Generator) -> bool:
    """Lines break elsewhere: no other meaning."""
    found = g.place(lambda t: re.search(r"= [\[(].*, .*[\])]$", t) and "\n" not in t)
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    chunk.text = chunk.text.replace(", ", ",\n    ", 1)
    return True


def edit_function_docstring(g: Generator) -> bool:
    found = g.place(lambda t: re.match(r"def \w+\(.*\):\n    ", t))
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    head, _, rest = chunk.text.partition("\n")
    rest = re.sub(r'^    """.*"""\n', "", rest)
    chunk.text = f'{head}\n    """Says {g.number()}."""\n{rest}'
    return True


def edit_annotation(g: Generator) -> bool:
    found = g.place(lambda t: re.match(r"x\d+(: \w+)? = ", t))
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    kind = g.random.choice(["", ": int", ": float", ": 'int'"])
    chunk.text = re.sub(r"^(x\d+)(: \w+)? = ", rf"\1{kind} = ", chunk.text)
    return True


def edit_nothing(g: Generator) -> bool:
    return True


def edit_computed(g: Generator) -> bool:
    """A property begins to keep its value, or no longer does."""
    kept = "@functools.cached_property"
    found = g.place(lambda t: kept in t or "@property" in t)
    if found is None:
        return False
    chunk = found[0].chunks[found[1]]
    if kept in chunk.text:
        chunk.text = chunk.text.replace(kept, "@property")
    elif "__slots__" not in chunk.text:
        chunk.text = chunk.text.replace(
            "@property", "@__import__('functools').cached_property"
        )
    return True
