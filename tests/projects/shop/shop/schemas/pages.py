from typing import Generic, TypeVar

from .base import Schema

T = TypeVar("T")


class Page(Schema, Generic[T]):
    items: list[T]
    total: int
    start: int = 0

    @property
    def more(self) -> bool:
        return self.start + len(self.items) < self.total
