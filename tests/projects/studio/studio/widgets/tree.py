"""Nested structures that are made at import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Node(NamedTuple):
    name: str
    children: tuple[Node, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[str]:
        yield "  " * depth + self.name
        for child in self.children:
            yield from child.walk(depth + 1)


def node(name: str, *children: Node) -> Node:
    return Node(name, children)


TREE = node("page", node("head", node("title")), node("body", node("form")))
LINES = [*TREE.walk()]
