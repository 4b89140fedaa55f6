"""locale: setlocale()."""

from __future__ import annotations

import _locale  # the C function: locale.setlocale() takes aliases apart
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

    def __init__(self) -> None:
        self.all = ""
        self.seen: dict[Hashable, Any] = {}

    def look(self) -> dict[Hashable, Any]:
        if (now := _locale.setlocale(_locale.LC_ALL)) != self.all:
            self.all = now
            self.seen = {each: locale.setlocale(each) for each in CATEGORIES}
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        locale.setlocale(place, value)

    def remove(self, place: Any) -> None:
        raise AssertionError("each category has a locale")


adapter = Locales()
