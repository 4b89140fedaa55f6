"""Re-exports, some of them made when they are asked for."""

from importlib import import_module

from . import constants as C
from .constants import *
from .messages import Message, decode_message as decode
from .util import text as text_tools

__version__ = C.VERSION
_LAZY = {"shout": ".lazy", "whisper": ".lazy", "Tracer": ".trace"}


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"relay has no {name}")


def __dir__():
    return sorted([*globals(), *_LAZY])


def routes():
    from .handlers import table

    return dict(table)
