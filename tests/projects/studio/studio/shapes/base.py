import math
from abc import ABC, abstractmethod

PRECISION = 2


class Shape(ABC):
    sides = 0

    def __init__(self, *sizes: float) -> None:
        self.sizes = sizes

    @abstractmethod
    def area(self) -> float: ...

    @property
    def rounded(self) -> float:
        return round(self.area(), PRECISION)

    @staticmethod
    def unit() -> str:
        return "cm2"

    def describe(self) -> str:
        name = type(self).__name__.lower()
        return f"{name} with {self.sides} sides: {self.rounded} {self.unit()}"


TAU = math.tau
