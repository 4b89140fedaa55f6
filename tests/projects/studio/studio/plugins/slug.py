import re

from ._base import PRIORITY, Plugin

NAME = "slug"
_SPACES = re.compile(r"\s+")


class Slug(Plugin):
    priority = PRIORITY - 5
    glue = "-"

    def apply(self, text: str) -> str:
        return _SPACES.sub(self.glue, text.lower())


class Snake(Slug):
    glue = "_"
