"""Descriptors that know their name."""

from typing import Any


class Field:
    default: Any = None

    def __init__(self, *, default: Any = None, help: str = "") -> None:
        self.default = default if default is not None else self.default
        self.help = help

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.slot = f"_{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return instance.__dict__.get(self.slot, self.default)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.slot] = self.clean(value)

    def clean(self, value: Any) -> Any:
        return value


class Text(Field):
    default = ""

    def clean(self, value: Any) -> str:
        return str(value).strip()


class Number(Field):
    default = 0

    def clean(self, value: Any) -> int:
        return int(value) + self.default
