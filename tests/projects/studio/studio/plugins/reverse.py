from ._base import Plugin

NAME = "reverse"


class Reverse(Plugin):
    def apply(self, text: str) -> str:
        return text[::-1]
