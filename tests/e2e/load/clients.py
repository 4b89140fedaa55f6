"""The clients of the load test: raw asyncio protocols, so that the server gets the
processors.

Everything is judged from what was noted: when a request started, and which version its
answer showed.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .program import Kind

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb"\d+")
SHOWN = 20  # troubles that are kept
RESTARTING = (1012).to_bytes(2)  # the code of a WebSocket that a restart closes


@dataclass
class Record:
    """What the clients saw."""

    requests: int = 0
    messages: int = 0  # answers on WebSockets
    lines: int = 0  # of streams
    failed: int = 0
    reset: int = 0
    stale: int = 0
    returned: int = 0  # sockets and streams, after a restart
    slowest: float = 0.0  # seconds, of an answer
    troubles: list[str] = field(default_factory=list)

    def trouble(self, kind: str, text: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.troubles) < SHOWN:
            self.troubles.append(f"{kind}: {text}")

    @property
    def good(self) -> bool:
        return not (self.failed or self.reset or self.stale)


class _Peer(asyncio.Protocol):
    """A connection that the server is not to end before we do."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.transport: Any
        self.buffer = bytearray()
        self.open = False
        self.leaving = False  # asks nothing more
        self.waiting = False  # for an answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if not self.leaving:
            self.record.trouble("reset", f"{type(self).__name__} {exc}")

    def leave(self) -> None:
        self.leaving = True
        self.transport.close()


class Requests(_Peer):
    """Requests one after the other on a keep-alive connection, each `pause` seconds
    after the answer to the one before; the kinds in turn, beginning with `turn`.
    `once`: only one."""

    def __init__(
        self,
        record: Record,
        kinds: list[Kind],
        turn: int,
        pause: float,
        once: bool = False,
    ) -> None:
        super().__init__(record)
        self._once = once
        self._kinds, self._turn, self._pause = kinds, turn, pause
        self._kind = kinds[0]
        self._started = 0.0
        self._wanted = 0  # the version when the request started

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._ask()

    def _ask(self) -> None:
        if not self.open or self.leaving:
            return
        self._kind = kind = self._kinds[self._turn % len(self._kinds)]
        self._turn += 1
        self._wanted = kind.version
        path = kind.path.format(kind.version)
        self._started = time.perf_counter()
        self.waiting = True
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self.buffer, 0, end + 2)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.buffer) < whole:
            return
        head, body = bytes(self.buffer[:end]), bytes(self.buffer[end + 4 : whole])
        del self.buffer[:whole]
        self.waiting = False
        self._judge(head, body)
        if self._once:
            self.leave()
        elif self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._ask)
        else:
            self._ask()

    def _judge(self, head: bytes, body: bytes) -> None:
        record, kind = self.record, self._kind
        record.requests += 1
        record.slowest = max(record.slowest, time.perf_counter() - self._started)
        if head[9:12] == b"404" and kind.moves and kind.version > self._wanted:
            return  # a save that began meanwhile took the path away
        at = body.find(kind.before.encode())
        number = _NUMBER.search(body, at + len(kind.before)) if at >= 0 else None
        if head[9:12] != b"200" or number is None:
            text = f"{kind.name}: {head[:60]!r} {body[:100]!r}"
            record.trouble("failed", text)
            return
        kind.shown = max(kind.shown, int(number[0]))
        if int(number[0]) < self._wanted:
            text = f"{kind.name}: {number[0].decode()}, saved was {self._wanted}"
            record.trouble("stale", text)


class _Spoken(_Peer):
    """After its head, pieces that show the version of one kind. `returns`: a restart
    may end it, in the way that says so."""

    request = ""

    def __init__(self, record: Record, returns: bool = False) -> None:
        super().__init__(record)
        self._headed = False
        self._returns = returns
        self.sent_away = False  # told to come back
        self.gone = asyncio.Event()
        self.version = -1  # the last that was heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(f"{self.request}\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self._headed:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if self.buffer[9:12] not in (b"200", b"101"):
                self.record.trouble("failed", bytes(self.buffer[:80]).decode())
            del self.buffer[: end + 4]
            self._headed = True
            self.begun()
        self.pieces()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._returns and self.sent_away and exc is None and not self.leaving:
            self.open = self.waiting = False
            self.record.returned += 1
        else:
            super().connection_lost(exc)
        self.gone.set()

    def begun(self) -> None:
        pass

    def pieces(self) -> None:
        raise NotImplementedError

    def heard(self, text: bytes) -> None:
        number = _NUMBER.search(text)
        if number is None:
            self.record.trouble("failed", f"{type(self).__name__}: {text[:100]!r}")
            return
        if int(number[0]) < self.version:
            self.record.trouble("stale", f"{type(self).__name__} went back: {text!r}")
        self.version = int(number[0])


class Stream(_Spoken):
    """A response that does not end."""

    request = "GET /stream HTTP/1.1"

    def begun(self) -> None:
        self.sent_away = self._returns  # it has no other way to say so than to end

    def pieces(self) -> None:
        while (end := self.buffer.find(b"\r\n")) >= 0:
            size = int(self.buffer[:end], 16)
            whole = end + 2 + size + 2
            if len(self.buffer) < whole:
                return
            self.heard(bytes(self.buffer[end + 2 : whole - 2]))
            self.record.lines += 1
            del self.buffer[:whole]


class Socket(_Spoken):
    """A WebSocket that asks again and again."""

    request = (
        "GET /socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + base64.b64encode(os.urandom(16)).decode()
    )
    PAUSE = 0.5  # seconds between an answer and the next question
    QUESTION = b"\x81\x81\0\0\0\0?"  # masked with zeros

    def begun(self) -> None:
        self._ask()

    def _ask(self) -> None:
        if self.open and not self.leaving:
            self.waiting = True
            self.transport.write(self.QUESTION)

    def pieces(self) -> None:
        while len(self.buffer) >= 2:
            opcode, size = self.buffer[0] & 15, self.buffer[1]
            if opcode == 8 and self.buffer[2:4] == RESTARTING:
                self.sent_away = True
                self.transport.close()
                return
            if size > 125 or opcode not in (1, 9):
                frame = bytes(self.buffer[:80])
                self.record.trouble("failed", f"unexpected frame: {frame!r}")
                self.transport.abort()
                return
            if len(self.buffer) < 2 + size:
                return
            payload = bytes(self.buffer[2 : 2 + size])
            del self.buffer[: 2 + size]
            if opcode == 9:
                pong = bytes((0x8A, 0x80 | size, 0, 0, 0, 0))
                self.transport.write(pong + payload)
                continue
            self.waiting = False
            self.heard(payload)
            self.record.messages += 1
            asyncio.get_running_loop().call_later(self.PAUSE, self._ask)


async def connect(port: int, make: Callable[[], _Peer]) -> _Peer:
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(make, "127.0.0.1", port)
    return peer
