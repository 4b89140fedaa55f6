"""A registry that is filled from several modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Registry:
    """Names to things, in the order of registration."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.entries: dict[str, Any] = {}
        self.order: list[str] = []

    def __call__(self, name: str, **options: Any) -> Callable[[Any], Any]:
        def register(thing: Any) -> Any:
            self.entries[name] = (thing, options)
            self.order.append(name)
            return thing

        return register

    def __getitem__(self, name: str) -> Any:
        return self.entries[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def options(self, name: str) -> dict[str, Any]:
        return self.entries[name][1]


filters = Registry("filters")
commands = Registry("commands")
views = Registry("views")
