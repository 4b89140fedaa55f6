"""locale: setlocale()."""

from __future__ import annotations

import locale
from collections.abc import Hashable
from typing import Any

from . import Adapter

NAMES = (
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_MESSAGES",
)
CATEGORIES = [getattr(locale, name) for name in NAMES if hasattr(locale, name)]


class Locales(Adapter):
    library = "locale"

    def look(self) -> dict[Hashable, Any]:
        return {category: locale.setlocale(category) for category in CATEGORIES}

    def put(self, place: Any, value: Any) -> None:
        locale.setlocale(place, value)

    def remove(self, place: Any) -> None:
        raise AssertionError("each category has a locale")


adapter = Locales()
