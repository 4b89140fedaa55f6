from .shared import sent as _sent

VOLUME = 3


def send(message):
    return _sent("loud" * VOLUME, message)
