"""pydantic-settings and python-dotenv: files that they look for and do not find.

`get_settings()` behind a cache, asked by a request, sees whether there is a .env, and
remembers the answer. Of what requests do, the engine sees which files they open: so one
that is not there is tried to be opened.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from . import Adapter


class Looked(Adapter):
    """Objects of a class whose __init__ looks for the files that an attribute names."""

    blind = True

    def __init__(self, library: str, name: str, attribute: str) -> None:
        self.library = library
        self._name, self._attribute = name, attribute

    def types(self) -> tuple[type, ...]:
        owner = getattr(importlib.import_module(self.library), self._name)
        begin, attribute = owner.__init__, self._attribute

        @functools.wraps(begin)
        def looking(this: Any, /, *args: Any, **kwargs: Any) -> None:
            begin(this, *args, **kwargs)
            for path in paths(getattr(this, attribute, None)):
                if not os.path.exists(path):
                    try_to_open(path)

        owner.__init__ = looking
        return ()


def paths(value: Any) -> Iterator[str]:
    """A path, several, or none."""
    if isinstance(value, (str, os.PathLike)):
        if path := os.fspath(value):
            yield os.path.expanduser(path)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from paths(each)


def try_to_open(path: str) -> None:
    with suppress(OSError), open(path, "rb"):
        pass


adapters = (
    Looked("pydantic_settings", "DotEnvSettingsSource", "env_file"),
    Looked("dotenv.main", "DotEnv", "dotenv_path"),
)
