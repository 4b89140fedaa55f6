from ..kinds import Color
from ..models import Item
from ..models.items import Gift
from ..money import money
from .base import Repository


class Items(Repository[Item]):
    model = Item

    def search(self, text: str) -> list[Item]:
        return [item for item in self if text in item.name]

    def cheapest(self) -> Item:
        return min(self, key=lambda item: item.price)


items = Items([Item.red(1, "chair", "20"), Item.red(2, "table")])
items.add(Item(3, "lamp", money("7.25"), Color.blue))
items.add(Gift(4, "card", money("0"), Color.green))
for number, name in enumerate(("cup", "bowl"), 5):
    items.add(Item.red(number, name))
