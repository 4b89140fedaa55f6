"""Threads that a statement started: nobody can withdraw one. It has to have ended
(`on_dispose`) before its statement runs again; else only a new process can apply the
edit."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from ..workers import is_of_pool
from . import Adapter, CannotWithdraw

END_WAIT = 0.1  # seconds: what it ran may have been ended just now


class Threads(Adapter):
    library = "threading"
    lasting = True

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.seen: dict[Hashable, Any] = {}

    def look(self) -> dict[Hashable, Any]:
        """All but those of pools, which end their own."""
        if (threads := threading.enumerate()) != self.threads:
            self.threads = threads
            self.seen = {each: True for each in threads if not is_of_pool(each)}
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        raise CannotWithdraw(f"{place.name} has ended")

    def remove(self, place: Any) -> None:
        place.join(END_WAIT)
        if place.is_alive():
            raise CannotWithdraw(
                f"{place.name} is running; on_dispose() can end it before an edit"
            )


adapter = Threads()
