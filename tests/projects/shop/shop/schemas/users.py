from ..kinds import Country, Name
from .base import Stamped, Schema


class Address(Schema):
    city: str = "Wien"
    country: Country = "at"


class UserOut(Stamped):
    id: int
    name: Name
    address: Address = Address()
    admin: bool = False
