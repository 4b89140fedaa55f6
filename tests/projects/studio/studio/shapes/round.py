from .base import TAU, Shape


class Ellipse(Shape):
    def area(self) -> float:
        a, b = self.sizes
        return TAU / 2 * a * b


class Circle(Ellipse):
    def __init__(self, radius: float = 1.5) -> None:
        super().__init__(radius, radius)


unit_circle = Circle(1)
