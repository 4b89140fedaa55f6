from ..models import Line, Order
from .base import Repository
from .items import items
from .users import ann, bob


class Orders(Repository[Order]):
    model = Order

    def search(self, text: str) -> list[Order]:
        return [order for order in self if text in order.user.name]


orders = Orders()
orders.add(Order(1, ann, [Line(items.get(1)), Line(items.get(3), 2)]))
orders.add(Order(2, bob, [Line(items.cheapest(), 10)]))
