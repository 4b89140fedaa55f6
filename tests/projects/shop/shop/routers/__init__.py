"""The routers, in the order in which they are included."""

from . import admin, health, items, orders, users

ROUTERS = [items.router, orders.router, users.router, admin.router, health.router]
