"""Imported when somebody asks for it."""

MARK = "!"


def shout(text):
    return text.upper() + MARK


def whisper(text):
    from .util.text import shorten

    return shorten(text.lower())
