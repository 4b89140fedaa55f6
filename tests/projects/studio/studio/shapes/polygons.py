from .base import Shape


class Rectangle(Shape):
    sides = 4

    def area(self) -> float:
        width, height = self.sizes
        return width * height


class Square(Rectangle):
    def __init__(self, side: float) -> None:
        super().__init__(side, side)

    def describe(self) -> str:
        return "square " + super().describe()


PAPER = Rectangle(21.0, 29.7)
