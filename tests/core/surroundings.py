"""Statements of random programs: the environment, libraries that are stored into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunks import Chunk

if TYPE_CHECKING:
    from .generator import Generator

Scope = dict[str, str]
VARIABLES = ("HMR_A", "HMR_B", "HMR_C")


def make_environ_write(g: Generator, scope: Scope) -> Chunk:
    key, value = g.random.choice(VARIABLES), f"str({g.plain(scope)})"
    forms = [
        f"__import__('os').environ['{key}'] = {value}",
        f"__import__('os').environ.setdefault('{key}', {value})",
        f"__import__('os').environ.pop('{key}', None)",
        f"__import__('os').environ.update({key}={value})",
        f"__import__('os').putenv('{key}', {value})",
    ]
    return Chunk(g.random.choice(forms[:-1]))


def make_environ_read(g: Generator, scope: Scope) -> Chunk:
    name, key = g.name("v"), g.random.choice(VARIABLES)
    forms = [
        f"__import__('os').environ.get('{key}')",
        f"__import__('os').getenv('{key}', 'none')",
        f"'{key}' in __import__('os').environ",
        "[k for k in __import__('os').environ if k.startswith('HMR_')]",
    ]
    return Chunk(f"{name} = {g.random.choice(forms)}", {name: "any"})


def make_library_store(g: Generator, scope: Scope) -> Chunk:
    value = g.plain(scope)
    forms = [
        f"import json\njson.hmr_{g.random.choice('ab')} = {value}",
        f"import json\njson.JSONEncoder.hmr_{g.random.choice('ab')} = {value}",
        f"setattr(__import__('json'), 'hmr_a', {value})",
        f"import logging\nlog = logging.getLogger('hmr')\nlog.level = {g.whole(scope)}",
    ]
    return Chunk(g.random.choice(forms))


def make_library_read(g: Generator, scope: Scope) -> Chunk:
    name = g.name("v")
    forms = [
        "import json\n{} = getattr(json, 'hmr_a', None)",
        "import json\n{} = getattr(json, 'hmr_b', 0)",
        "import json\n{} = getattr(json.JSONEncoder, 'hmr_a', 0)",
        "{} = __import__('logging').getLogger('hmr').level",
        "import json\n{} = [k for k in vars(json) if k[:4] == 'hmr_']",
    ]
    form = g.random.choice(forms if g.wide else forms[:-1])
    return Chunk(form.format(name), {name: "any"})


def make_path_entry(g: Generator, scope: Scope) -> Chunk:
    forms = [
        "import sys\nsys.path.append('/nowhere/{}')",
        "import sys\nsys.path.insert(1, '/nowhere/{}')",
        "import sys\nsys.path += ['/nowhere/{}']",
    ]
    return Chunk(g.random.choice(forms).format(g.number()))
