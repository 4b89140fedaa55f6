"""Which files count: --reload-include and --reload-exclude, with .gitignore's patterns.

A file counts if the application imported or read it. An exclude takes files out; an
include puts files in (and back in): the last pattern that matches decides, includes
after excludes. Patterns are relative to the current folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

# Never searched for files that are included.
SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages"}


class Rules:
    """The patterns of one server. Paths are absolute and real."""

    def __init__(self, includes: Iterable[str], excludes: Iterable[str]) -> None:
        self._base = os.path.realpath(os.curdir)
        self._includes = [(text, self._pattern(text)) for text in includes]
        self._excludes = [(text, self._pattern(text)) for text in excludes]

    def __bool__(self) -> bool:
        return bool(self._includes or self._excludes)

    @property
    def has_includes(self) -> bool:
        return bool(self._includes)

    def included_by(self, path: str) -> str | None:
        """The pattern of --reload-include that matches."""
        return self._last_match(path, self._includes)

    def excluded_by(self, path: str) -> str | None:
        """The pattern of --reload-exclude that takes this path out."""
        if self.included_by(path) is not None:
            return None
        return self._last_match(path, self._excludes)

    def find_included(self, roots: Iterable[str]) -> tuple[set[str], set[str]]:
        """(the files below `roots` that an include names, the folders searched)."""
        files: set[str] = set()
        folders: set[str] = set()
        for root in roots:
            for folder, names in _walk(root):
                folders.add(folder)
                paths = (os.path.join(folder, name) for name in names)
                files.update(filter(self.included_by, paths))
        return files, folders

    def _last_match(
        self, path: str, patterns: list[tuple[str, re.Pattern[str]]]
    ) -> str | None:
        found = None
        relative = os.path.relpath(path, self._base)
        for text, pattern in patterns:
            if pattern.match(relative):
                found = None if text.startswith("!") else text
        return found

    def _pattern(self, text: str) -> re.Pattern[str]:
        glob = text.removeprefix("!")
        if os.path.isabs(glob) and os.path.exists(glob):
            # uvicorn takes folders; in .gitignore this would be below the base.
            relative = os.path.relpath(os.path.realpath(glob), self._base)
            return re.compile(re.escape(relative) + r"(/.*)?\Z", re.DOTALL)
        return re.compile(translate(glob), re.DOTALL)


def translate(glob: str) -> str:
    """A pattern of .gitignore as a regular expression for a relative path. What
    matches a folder matches all that is in it."""
    only_folders = glob.endswith("/")
    glob = glob.rstrip("/")
    anchored = "/" in glob
    parts = glob.lstrip("/").removeprefix("./").split("/")
    pattern = "" if anchored else "(?:.*/)?"
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if part == "**":
            pattern += ".*" if last else "(?:.*/)?"
        else:
            pattern += "".join(_translate_part(part)) + ("" if last else "/")
    return pattern + (r"/.*\Z" if only_folders else r"(?:/.*)?\Z")


def _translate_part(part: str) -> Iterator[str]:
    at = 0
    while at < len(part):
        char = part[at]
        closing = part.find("]", at + 2)
        if char == "*":
            yield "[^/]*"
        elif char == "?":
            yield "[^/]"
        elif char == "[" and closing != -1:
            inner = part[at + 1 : closing].replace("\\", "\\\\")
            yield f"[^/{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
            at = closing
        elif char == "\\" and at + 1 < len(part):
            at += 1
            yield re.escape(part[at])
        else:
            yield re.escape(char)
        at += 1


def _walk(root: str) -> Iterator[tuple[str, list[str]]]:
    """(folder, names of its files), without folders that hold no sources."""
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED_FOLDERS
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        yield os.path.realpath(folder), names
