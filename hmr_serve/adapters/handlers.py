"""signal: handlers."""

from __future__ import annotations

import _signal
import signal
from collections.abc import Hashable
from typing import Any

from . import Stamped

FIXED = {signal.SIGKILL, signal.SIGSTOP}
# The C functions: signal.getsignal() makes an enum member of each answer.
NUMBERS = [int(number) for number in signal.Signals if number not in FIXED]


class Handlers(Stamped):
    library = "signal"

    def stamp(self) -> list[Any]:
        return [*map(_signal.getsignal, NUMBERS)]

    def places(self, stamp: list[Any]) -> dict[Hashable, Any]:
        return dict(zip(NUMBERS, stamp, strict=True))

    def put(self, place: Any, value: Any) -> None:
        _signal.signal(place, value)

    def remove(self, place: Any) -> None:
        raise AssertionError("each signal has a handler")


adapter = Handlers()
