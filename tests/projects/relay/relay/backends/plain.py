from .shared import sent


def send(message):
    return sent("plain", message)
