from . import codec
from .base import Codec


@codec
class Plain(Codec):
    name = "plain"
