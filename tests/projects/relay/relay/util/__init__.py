from .numbers import clamp, scaled
from .text import *

__all__ = [*text.__all__, "clamp", "scaled"]
