"""locale: setlocale()."""

from __future__ import annotations

import _locale  # the C function: locale.setlocale() takes aliases apart
import locale
from collections.abc import Hashable
from typing import Any

from . import Stamped

NAMES = (
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_MESSAGES",
)
CATEGORIES = [getattr(locale, name) for name in NAMES if hasattr(locale, name)]


class Locales(Stamped):
    library = "locale"

    def stamp(self) -> str:
        return _locale.setlocale(_locale.LC_ALL)

    def places(self, stamp: str) -> dict[Hashable, Any]:
        return {category: locale.setlocale(category) for category in CATEGORIES}

    def put(self, place: Any, value: Any) -> None:
        locale.setlocale(place, value)

    def remove(self, place: Any) -> None:
        raise AssertionError("each category has a locale")


adapter = Locales()
