from typing import NamedTuple

from ..money import FREE, Money
from .base import Entity
from .items import Item
from .users import User


class Line(NamedTuple):
    item: Item
    count: int = 1

    @property
    def total(self) -> Money:
        return self.item.money.times(self.count)


class Order(Entity, kind="purchase"):
    __slots__ = ("lines", "user")

    def __init__(self, id: int, user: User, lines: list[Line]) -> None:
        super().__init__(id)
        self.user = user
        self.lines = lines

    @property
    def sum(self) -> Money:
        return sum((line.total for line in self.lines), FREE)
