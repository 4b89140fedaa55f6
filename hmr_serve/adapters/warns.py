"""warnings: filters, the last one first."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from . import Stamped


class Filters(Stamped):
    library = "warnings"
    ordered = True

    def stamp(self) -> list[Any]:
        return list(warnings.filters)

    def places(self, stamp: list[Any]) -> dict[Hashable, Any]:
        return dict.fromkeys(reversed(stamp), True)

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
