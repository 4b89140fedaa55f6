from dataclasses import dataclass

from .base import Entity


@dataclass
class Address:
    city: str = "Wien"
    country: str = "at"


class User(Entity):
    def __init__(self, id: int, name: str, admin: bool = False) -> None:
        super().__init__(id)
        self.name = name
        self.admin = admin
        self.address = Address()


ANONYMOUS = User(0, "nobody")
