"""signal: handlers."""

from __future__ import annotations

import _signal
import signal
from collections.abc import Hashable
from typing import Any

from . import Adapter

FIXED = {signal.SIGKILL, signal.SIGSTOP}
# The C functions: signal.getsignal() makes an enum member of each answer.
NUMBERS = [int(number) for number in signal.Signals if number not in FIXED]


class Handlers(Adapter):
    library = "signal"

    def __init__(self) -> None:
        self.handlers: list[Any] = []
        self.seen: dict[Hashable, Any] = {}

    def look(self) -> dict[Hashable, Any]:
        if (handlers := [*map(_signal.getsignal, NUMBERS)]) != self.handlers:
            self.handlers = handlers
            self.seen = dict(zip(NUMBERS, handlers, strict=True))
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        _signal.signal(place, value)

    def remove(self, place: Any) -> None:
        raise AssertionError("each signal has a handler")


adapter = Handlers()
