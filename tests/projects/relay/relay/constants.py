"""All that `from .constants import *` brings."""

__all__ = ["LIMIT", "MODES", "VERSION", "limit_of"]

VERSION = "3.1"
LIMIT = 8
MODES = ["plain", "loud"]
HIDDEN = "not in __all__"
_private = 1


def limit_of(mode, extra=0):
    return LIMIT * (MODES.index(mode) + 1) + extra
