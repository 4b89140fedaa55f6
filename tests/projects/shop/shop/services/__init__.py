from . import notifications, pricing, stock
from .orders import OrderService

__all__ = ["OrderService", "notifications", "pricing", "stock"]
