"""Half of a cycle: messages know their envelopes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import envelopes

if TYPE_CHECKING:
    from .envelopes import Envelope

SEPARATOR = ":"


@dataclass
class Message:
    kind: str
    text: str = ""
    tags: list[str] = field(default_factory=list)

    def wrapped(self) -> Envelope:
        return envelopes.wrap(self)

    def __str__(self) -> str:
        return f"{self.kind}{SEPARATOR}{self.text}"


def decode_message(text: str) -> Message:
    kind, _, rest = text.partition(SEPARATOR)
    return Message(kind, rest)
