from __future__ import annotations

from ..kinds import Priority
from .base import Schema, Stamped
from .items import ItemOut
from .users import UserOut


class LineOut(Schema):
    item: ItemOut
    count: int = 1


class OrderIn(Schema):
    items: list[int]
    priority: Priority = Priority.low


class OrderOut(Stamped):
    id: int
    user: UserOut
    lines: list[LineOut]
    total: str
    replaces: OrderOut | None = None
