"""A WebSocket client that speaks frames, right and wrong ones, and small applications.

Frames are written as RFC 6455, section 5.2, draws them; nothing is checked on the way
out, everything on the way in.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from .harness import Client, Response

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 4, 2, 1
# The example of RFC 6455, section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def handshake(
    *headers: str,
    path: str = "/",
    key: str | None = KEY,
    version: str | None = "13",
    upgrade: str = "websocket",
    connection: str = "Upgrade",
    method: str = "GET",
    http: str = "1.1",
) -> bytes:
    lines = [f"{method} {path} HTTP/{http}", "host: test"]
    lines += [f"upgrade: {upgrade}", f"connection: {connection}"]
    if key is not None:
        lines.append(f"sec-websocket-key: {key}")
    if version is not None:
        lines.append(f"sec-websocket-version: {version}")
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
) -> bytes:
    size = len(payload)
    masked = 0x80 if mask is not None else 0
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 65536:
        head += bytes([masked | 126]) + struct.pack("!H", size)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", size)
    if mask is None:
        return head + payload
    pad = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + mask + number.to_bytes(size, "big")


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Frame:
    def __init__(self, opcode: int, payload: bytes, fin: bool, rsv: int) -> None:
        self.opcode = opcode
        self.payload = payload
        self.fin = fin
        self.rsv = rsv

    @property
    def code(self) -> int:
        assert self.opcode == CLOSE, self.opcode
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else 1005

    @property
    def reason(self) -> str:
        return self.payload[2:].decode()


class WebSocketClient(Client):
    """One connection; `open` makes it a WebSocket."""

    def shake(self, *headers: str, **settings: Any) -> Response:
        self.send(handshake(*headers, **settings))
        return self.response_to_handshake()

    def response_to_handshake(self) -> Response:
        response = self.head()
        if response.status != 101:
            response.body = self.take(int(response.header("content-length") or 0))
        return response

    def open(self, *headers: str, **settings: Any) -> Response:
        response = self.shake(*headers, **settings)
        assert response.status == 101, response.status
        return response

    def frame(self) -> Frame:
        first, second = self.take(2)
        assert not second & 0x80, "RFC 6455 5.1: a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.take(2))
            assert size > 125, "5.2: the shortest form of a length"
        elif size == 127:
            (size,) = struct.unpack("!Q", self.take(8))
            assert size > 65535, "5.2: the shortest form of a length"
        return Frame(first & 15, self.take(size), bool(first & 0x80), first >> 4 & 7)

    def message(self) -> str | bytes:
        got = self.frame()
        assert got.fin
        assert got.rsv == 0
        assert got.opcode in (TEXT, BINARY), got.opcode
        return got.payload.decode() if got.opcode == TEXT else got.payload

    def echo(self, data: str | bytes) -> None:
        """Send a message and expect it back."""
        if isinstance(data, str):
            self.send(frame(TEXT, data.encode()))
        else:
            self.send(frame(BINARY, data))
        assert self.message() == data

    def fails(self, code: int) -> Frame:
        """The server closes with that code, then the connection (7.1.7)."""
        got = self.frame()
        assert (got.opcode, got.code) == (CLOSE, code)
        assert self.closed()
        return got


def connect(served: Any, *headers: str, **settings: Any) -> WebSocketClient:
    """An open WebSocket; use it as a context manager."""
    client = WebSocketClient(served.port)
    client.open(*headers, **settings)
    return client


async def accept(receive: Any, send: Any, **answer: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", **answer})


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class Recorder:
    """An application that accepts and writes down what it receives."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.messages: list[dict[str, Any]] = []
        self.ended = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        await accept(receive, send)
        while not self.ended:
            message = await receive()
            self.messages.append(message)
            self.ended = message["type"] == "websocket.disconnect"


def once(step: Callable[..., Any]) -> Callable[..., Any]:
    """An application that accepts, calls step(receive, send), and returns."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await step(receive, send)

    return app


def random_text(size: int) -> bytes:
    return os.urandom(size).hex()[:size].encode()
