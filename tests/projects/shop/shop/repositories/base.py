from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from ..errors import NotFound
from ..models import Entity


T = TypeVar("T", bound=Entity)


class Repository(ABC, Generic[T]):
    model: type[T]

    def __init__(self, content: Iterable[T] = ()) -> None:
        self._content = {each.id: each for each in content}

    def __iter__(self) -> Iterator[T]:
        return iter(self._content.values())

    def __len__(self) -> int:
        return len(self._content)

    def get(self, key: int) -> T:
        try:
            return self._content[key]
        except KeyError:
            raise NotFound.of(self.model.kind, key) from None

    def add(self, entity: T) -> T:
        self._content[entity.id] = entity
        return entity

    @abstractmethod
    def search(self, text: str) -> list[T]: ...
