"""Threads that a statement started: nobody can withdraw one. It has to have ended
(`on_dispose`) before its statement runs again; else only a new process can apply the
edit. That of a log queue's listener ends with its statement (started.py)."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from ..workers import is_of_pool
from . import CannotWithdraw, Stamped
from .started import listener_of

END_WAIT = 0.1  # seconds: what it ran may have been ended just now


class Threads(Stamped):
    library = "threading"
    lasting = True

    def stamp(self) -> list[threading.Thread]:
        return threading.enumerate()

    def places(self, stamp: list[threading.Thread]) -> dict[Hashable, Any]:
        """All but those that are ended otherwise."""
        return {
            thread: True
            for thread in stamp
            if not is_of_pool(thread) and not listener_of(thread)
        }

    def put(self, place: Any, value: Any) -> None:
        if isinstance(place, threading.Timer):
            return  # it ends by itself (those of slowapi's limits do at once)
        raise CannotWithdraw(f"{place.name} has ended")

    def remove(self, place: Any) -> None:
        place.join(END_WAIT)
        if place.is_alive():
            raise CannotWithdraw(
                f"{place.name} is running; on_dispose() can end it before an edit"
            )


adapter = Threads()
