"""decimal: what getcontext() says."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from . import Stamped

NAMES = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


class Decimals(Stamped):
    library = "decimal"

    def types(self) -> tuple[type, ...]:
        from decimal import getcontext

        self.getcontext = getcontext
        return ()  # a Context that a statement makes is the statement's

    def stamp(self) -> str:
        return str(self.getcontext())

    def places(self, stamp: str) -> dict[Hashable, Any]:
        context = self.getcontext()
        found: dict[Hashable, Any] = {name: getattr(context, name) for name in NAMES}
        return found | dict(context.traps)

    def put(self, place: Any, value: Any) -> None:
        context = self.getcontext()
        if isinstance(place, str):
            setattr(context, place, value)
        else:
            context.traps[place] = value

    def remove(self, place: Any) -> None:
        raise AssertionError("each setting has a value")


adapter = Decimals()
