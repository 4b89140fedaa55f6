from ..constants import LIMIT

__all__ = ["join", "shorten"]
DOTS = ".."


def shorten(text, limit=LIMIT):
    return text if len(text) <= limit else text[: limit - len(DOTS)] + DOTS


def join(*parts, glue=" "):
    return glue.join(map(str, parts))
