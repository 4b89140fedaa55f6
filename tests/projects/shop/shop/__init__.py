"""A shop: what a FastAPI project of some size looks like."""

from .constants import VERSION

__all__ = ["VERSION"]
