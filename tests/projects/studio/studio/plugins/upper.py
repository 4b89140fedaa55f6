from ._base import Plugin

NAME = "upper"


class Upper(Plugin):
    def apply(self, text: str) -> str:
        return text.upper()
