from .base import Shape
from .polygons import Rectangle, Square
from .round import Circle, Ellipse
from .solid import SOLIDS

__all__ = ["SOLIDS", "Circle", "Ellipse", "Rectangle", "Shape", "Square"]
