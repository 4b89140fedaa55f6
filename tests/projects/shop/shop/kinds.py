"""Types that several modules share."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Annotated, Literal, NewType

from pydantic import StringConstraints

ItemId = NewType("ItemId", int)
Country = Literal["at", "ch", "de"]
Name = Annotated[str, StringConstraints(min_length=2, max_length=20)]


class Color(str, Enum):
    red = "red"
    green = "green"
    blue = "blue"


class Priority(IntEnum):
    low = 1
    high = 5

    @property
    def label(self) -> str:
        return f"{self.name}!"
