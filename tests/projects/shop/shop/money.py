"""Amounts of money."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import total_ordering

from .constants import CURRENCY, VAT


@total_ordering
@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str = field(default=CURRENCY)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + other.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < other.amount

    def times(self, factor: int | Decimal) -> Money:
        return Money(self.amount * factor, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"


def with_vat(price: Money, rate: Decimal = VAT) -> Money:
    return price.times(1 + rate)


def money(text: str) -> Money:
    return Money(Decimal(text))


FREE = money("0")
