from relay.codecs import codec
from relay.codecs.base import Codec as _Codec


@codec
class Reverse(_Codec):
    name = "reverse"

    def encode(self, text):
        return text[::-1] + "."
