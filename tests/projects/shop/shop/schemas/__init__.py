"""All schemas under one name."""

from .base import Schema, Stamped
from .items import ItemIn, ItemOut, Tag
from .orders import LineOut, OrderIn, OrderOut
from .pages import Page
from .users import Address, UserOut

__all__ = [
    "Address",
    "ItemIn",
    "ItemOut",
    "LineOut",
    "OrderIn",
    "OrderOut",
    "Page",
    "Schema",
    "Stamped",
    "Tag",
    "UserOut",
]
