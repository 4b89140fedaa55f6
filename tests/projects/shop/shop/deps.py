"""What handlers depend on."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Header, Query

from .errors import Forbidden
from .models import User
from .repositories import orders, users
from .services import OrderService
from .settings import Settings, get_settings

Config = Annotated[Settings, Depends(get_settings)]


class Paging:
    def __init__(
        self,
        config: Config,
        start: int = 0,
        limit: Annotated[int | None, Query(ge=1)] = None,
    ) -> None:
        self.start = start
        self.limit = limit or config.limits.page

    def cut(self, values: list) -> list:
        return values[self.start : self.start + self.limit]


def current_user(x_user: Annotated[int, Header()] = 1) -> User:
    return users.get(x_user)


def admin(user: Annotated[User, Depends(current_user)]) -> User:
    if not user.admin:
        raise Forbidden(f"{user.name} is no admin")
    return user


def order_service() -> Iterator[OrderService]:
    service = OrderService(orders)
    yield service
    service.rule = "none"


CurrentUser = Annotated[User, Depends(current_user)]
Service = Annotated[OrderService, Depends(order_service)]
