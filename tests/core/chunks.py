"""Pieces of a random program: statements as text, modules as lists of them."""

from __future__ import annotations

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
    package: bool = False

    @property
    def file(self) -> str:
        end = "/__init__.py" if self.package else ".py"
        return self.name.replace(".", "/") + end

    def scope(self, until: int | None = None) -> dict[str, str]:
        known: dict[str, str] = {}
        for chunk in self.chunks[:until]:
            known.update(chunk.binds)
        return known
