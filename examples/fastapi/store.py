"""The data: a dict where a real shop has a database."""

from schemas import Item, User

ITEMS = {
    1: Item(id=1, name="apple", price=0.4),
    2: Item(id=2, name="bread", price=2.5),
    3: Item(id=3, name="cheese", price=4.2),
}
USERS = {
    "ada": User(name="Ada", email="ada@example.com"),
    "alan": User(name="Alan", email="alan@example.com"),
}
