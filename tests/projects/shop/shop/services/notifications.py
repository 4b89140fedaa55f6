from collections.abc import Iterator
from contextlib import contextmanager

from ..constants import GREETINGS
from ..events import on
from ..models import User


class Channel:
    prefix = ">"

    def write(self, user: User, text: str) -> str:
        return f"{self.prefix} {GREETINGS[user.address.country]} {user.name}: {text}"


class Mail(Channel):
    prefix = "mail"


class Chat(Channel):
    prefix = "chat"

    def write(self, user: User, text: str) -> str:
        return super().write(user, text.lower())


CHANNELS = [Mail(), Chat()]


@contextmanager
def only(kind: type[Channel]) -> Iterator[list[Channel]]:
    yield [c for c in CHANNELS if isinstance(c, kind)]


@on("order.read")
def by_mail(user: User, text: str) -> list[str]:
    with only(Mail) as channels:
        return [c.write(user, text) for c in channels]


@on("order.read", "order.made")
def by_chat(user: User, text: str) -> str:
    return CHANNELS[-1].write(user, text)
