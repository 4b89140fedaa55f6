from __future__ import annotations

from typing import Any, ClassVar

KINDS: dict[str, type[Entity]] = {}


class Entity:
    kind: ClassVar[str] = "entity"
    plural: ClassVar[str] = "entities"

    def __init_subclass__(cls, kind: str = "", **named: Any) -> None:
        super().__init_subclass__(**named)
        cls.kind = kind or cls.__name__.lower()
        cls.plural = cls.kind + "s"
        KINDS[cls.kind] = cls

    def __init__(self, id: int) -> None:
        self.id = id
        self.version = 1

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id}>"
