from decimal import Decimal

from pydantic import Field, computed_field, field_validator

from ..kinds import Color, ItemId, Name
from .base import Schema, Stamped


class Tag(Schema):
    name: Name
    weight: int = 1


class ItemIn(Schema):
    name: Name
    color: Color = Color.red
    price: Decimal = Field(Decimal("1.50"), gt=0)
    tags: list[Tag] = []

    @field_validator("name")
    @classmethod
    def lowered(cls, value: str) -> str:
        return value.lower()


class ItemOut(ItemIn, Stamped):
    id: ItemId

    @computed_field
    @property
    def label(self) -> str:
        return f"{self.color.value} {self.name}"
