from .base import Repository
from .items import items
from .orders import orders
from .users import users

ALL: dict[str, Repository] = {r.model.kind: r for r in (items, orders, users)}
