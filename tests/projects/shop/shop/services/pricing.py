"""Prices: rules by name, and what a thing costs by its type."""

from collections.abc import Callable
from decimal import Decimal
from functools import singledispatch, wraps

from ..models import Item, Line, Order
from ..models.items import Gift
from ..money import FREE, Money, with_vat

Rule = Callable[[Money], Money]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    def decorate(function: Rule) -> Rule:
        @wraps(function)
        def checked(price: Money) -> Money:
            return max(function(price), FREE)

        RULES[name] = checked
        return checked

    return decorate


@rule("sale")
def half(price: Money) -> Money:
    return price.times(Decimal("0.5"))


@rule("loyal")
def ten_less(price: Money) -> Money:
    return price.times(Decimal("0.9"))


@rule("none")
def same(price: Money) -> Money:
    return price


@singledispatch
def cost(thing: object) -> Money:
    raise TypeError(type(thing).__name__)


@cost.register
def _(thing: Item) -> Money:
    return with_vat(thing.money)


@cost.register
def _(thing: Gift) -> Money:
    return FREE


@cost.register
def _(thing: Line) -> Money:
    return cost(thing.item).times(thing.count)


@cost.register
def _(thing: Order) -> Money:
    return sum((cost(line) for line in thing.lines), FREE)
