from ..config import settings, words
from ._base import Plugin

NAME = "words"
KNOWN = frozenset(words)


class Words(Plugin):
    def apply(self, text: str) -> str:
        kept = [w for w in text.split() if w in KNOWN]
        return ",".join(kept[: settings.limit])
