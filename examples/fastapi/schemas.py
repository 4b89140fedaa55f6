"""What goes over the wire."""

from pydantic import BaseModel, Field


class Item(BaseModel):
    id: int
    name: str
    price: float = Field(gt=0)


class NewItem(BaseModel):
    name: str = Field(min_length=1)
    price: float = Field(gt=0)


class User(BaseModel):
    name: str
    email: str
