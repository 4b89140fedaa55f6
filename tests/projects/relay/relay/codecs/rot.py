import relay.codecs as registry

from . import base

SHIFT = 1


@registry.codec
class Rot(base.Codec):
    name = "rot"
    alphabet = "abcdefghij"

    def encode(self, text):
        letters = self.alphabet
        shifted = letters[SHIFT:] + letters[:SHIFT]
        return text.translate(str.maketrans(letters, shifted))
