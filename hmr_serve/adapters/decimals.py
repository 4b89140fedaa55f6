"""decimal: what getcontext() says."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from . import Adapter

NAMES = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


class Decimals(Adapter):
    library = "decimal"

    def __init__(self) -> None:
        self.text = ""
        self.seen: dict[Hashable, Any] = {}

    def types(self) -> tuple[type, ...]:
        from decimal import getcontext

        self.getcontext = getcontext
        return ()  # a Context that a statement makes is the statement's

    def look(self) -> dict[Hashable, Any]:
        context = self.getcontext()
        if (text := str(context)) != self.text:
            self.text = text
            self.seen = {name: getattr(context, name) for name in NAMES}
            self.seen |= dict(context.traps)
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        context = self.getcontext()
        if isinstance(place, str):
            setattr(context, place, value)
        else:
            context.traps[place] = value

    def remove(self, place: Any) -> None:
        raise AssertionError("each setting has a value")


adapter = Decimals()
