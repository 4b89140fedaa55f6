"""Enumerations."""

from enum import Enum, Flag, StrEnum, auto, unique


class State(StrEnum):
    draft = auto()
    shown = auto()
    gone = auto()

    @property
    def final(self) -> bool:
        return self is State.gone

    @classmethod
    def first(cls) -> "State":
        return next(iter(cls))


class Right(Flag):
    read = auto()
    write = auto()
    both = read | write


@unique
class Planet(Enum):
    earth = (5.97, 6.37)
    mars = (0.64, 3.39)

    def __init__(self, mass: float, radius: float) -> None:
        self.mass = mass
        self.radius = radius

    def gravity(self) -> float:
        return round(self.mass / self.radius**2, 4)


NEXT = {State.draft: State.shown, State.shown: State.gone}
EVERYONE = Right.read
