"""Entities; each is in the registry by its kind."""

from .base import KINDS, Entity
from .items import Item
from .orders import Line, Order
from .users import User

__all__ = ["KINDS", "Entity", "Item", "Line", "Order", "User"]
