from __future__ import annotations

from decimal import Decimal

from ..kinds import Color
from ..money import Money, money
from .base import Entity


class Item(Entity):
    def __init__(self, id: int, name: str, price: Money, color: Color) -> None:
        super().__init__(id)
        self.name = name
        self.money = price
        self.color = color
        self.tags: list[object] = []

    @property
    def price(self) -> Decimal:
        return self.money.amount

    @classmethod
    def red(cls, id: int, name: str, price: str = "2.50") -> Item:
        return cls(id, name, money(price), Color.red)


class Gift(Item, kind="gift"):
    """An item that costs nothing."""

    @property
    def price(self) -> Decimal:
        return Decimal("0.01")
