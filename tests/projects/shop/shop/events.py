"""Who wants to hear of what."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Listener = Callable[..., Any]
listeners: defaultdict[str, list[Listener]] = defaultdict(list)


def on(name: str, *more: str) -> Callable[[Listener], Listener]:
    def register(listener: Listener) -> Listener:
        for each in (name, *more):
            listeners[each].append(listener)
        return listener

    return register


def emit(name: str, **values: Any) -> list[Any]:
    return [listener(**values) for listener in listeners[name]]
