"""warnings: filters, the last one first."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from . import Adapter


class Filters(Adapter):
    library = "warnings"
    ordered = True

    def __init__(self) -> None:
        self.filters: list[Any] = []
        self.seen: dict[Hashable, Any] = {}

    def look(self) -> dict[Hashable, Any]:
        if warnings.filters != self.filters:
            self.filters = list(warnings.filters)
            self.seen = dict.fromkeys(reversed(self.filters), True)
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        if place not in warnings.filters:
            warnings.filters.insert(0, place)
        _changed()

    def remove(self, place: Any) -> None:
        if place in warnings.filters:
            warnings.filters.remove(place)
        _changed()

    def arrange(self, places: Sequence[Any]) -> None:
        own = [item for item in warnings.filters if item not in places]
        warnings.filters[:] = [*reversed(places), *own]
        _changed()

    def doubt(self, place: Any, before: Any, after: Any) -> str | None:
        if after and warnings.filters[0] != place and place in warnings.filters[-1:]:
            return "a filter of warnings was put behind the others"
        return None


def _changed() -> None:
    """Make the module look at its filters again."""
    held = getattr(warnings, "_filters_mutated_lock_held", None)
    if held is None:  # until 3.13
        warnings._filters_mutated()
        return
    with warnings._lock:
        held()


adapter = Filters()
