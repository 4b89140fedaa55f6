from ._base import Plugin

NAME = "title"


class Title(Plugin):
    def apply(self, text: str) -> str:
        return text.title()
