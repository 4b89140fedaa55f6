"""Submodules that register themselves when they are imported."""

CODECS = {}
ORDER = []


def codec(cls):
    CODECS[cls.name] = cls()
    ORDER.append(cls.name)
    return cls


from . import plain  # noqa: E402
from . import reverse  # noqa: E402
from .rot import Rot  # noqa: E402

default = CODECS["plain"]
