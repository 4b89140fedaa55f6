from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import emit
from ..schemas import LineOut, OrderOut
from . import pricing

if TYPE_CHECKING:
    from ..models import Order
    from ..repositories.orders import Orders


class OrderService:
    rule = "loyal"

    def __init__(self, orders: Orders) -> None:
        self.orders = orders

    def total(self, order: Order) -> str:
        return str(pricing.RULES[self.rule](pricing.cost(order)))

    def show(self, order: Order) -> OrderOut:
        lines = [LineOut.model_validate(l, from_attributes=True) for l in order.lines]
        return OrderOut(
            id=order.id,
            user=order.user,
            lines=lines,
            total=self.total(order),
        )

    def read(self, key: int) -> tuple[OrderOut, list[object]]:
        order = self.orders.get(key)
        told = emit("order.read", user=order.user, text=f"Order {key} Read")
        return self.show(order), told
