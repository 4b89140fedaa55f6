"""A WebSocket client that measures: connections that each send a message, wait for
its echo, and send it again.

One thread and epoll, frames made beforehand and compared as bytes, so that it costs
little beside the server.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
BINARY = 0x82
MASKED = 0x80


def frames(size: int) -> tuple[bytes, bytes]:
    """A message as the client sends it (masked) and as the server sends it back."""
    payload = os.urandom(size)
    mask = os.urandom(4)
    pad = int.from_bytes((mask * (size // 4 + 1))[:size])
    masked = (int.from_bytes(payload) ^ pad).to_bytes(size)
    return _header(size, MASKED) + mask + masked, _header(size, 0) + payload


def _header(size: int, masked: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", BINARY, masked | size)
    if size < 65536:
        return struct.pack("!BBH", BINARY, masked | 126, size)
    return struct.pack("!BBQ", BINARY, masked | 127, size)


class Echo:
    """One connection."""

    def __init__(self, port: int, sent: bytes, expected: bytes) -> None:
        self.count = 0
        self.failed = False
        self._sent, self._expected = sent, expected
        self._got = bytearray()
        self._rest = memoryview(b"")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def open(self) -> bool:
        """Shake hands; False if the server does not want to."""
        self.socket.sendall(HANDSHAKE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.socket.recv(1)
            if not data:
                return False
            head += data
        self.socket.setblocking(False)
        return head.startswith(b"HTTP/1.1 101 ")

    def send(self) -> bool:
        """Send the message or the rest of it; True when all is out."""
        self._rest = self._rest or memoryview(self._sent)
        try:
            self._rest = self._rest[self.socket.send(self._rest) :]
        except BlockingIOError:
            return False
        return not self._rest

    def receive(self) -> bool:
        """Read what came; True when the whole echo is there."""
        data = self.socket.recv(262144)
        if not self._got and data == self._expected:
            self.count += 1
            return True
        self._got += data
        if not data or len(self._got) > len(self._expected):
            self.failed = True
            return False
        if len(self._got) < len(self._expected):
            return False
        self.failed = self._got != self._expected
        self._got.clear()
        self.count += not self.failed
        return not self.failed


def load(port: int, connections: int, seconds: float, size: int) -> tuple[float, int]:
    """Messages echoed per second, and how many connections failed."""
    sent, expected = frames(size)
    echoes = [Echo(port, sent, expected) for _ in range(connections)]
    try:
        for echo in echoes:
            if not echo.open():
                return 0.0, connections
        return _drive(echoes, seconds), sum(echo.failed for echo in echoes)
    finally:
        for echo in echoes:
            echo.socket.close()


def _drive(echoes: list[Echo], seconds: float) -> float:
    selector = selectors.DefaultSelector()
    for echo in echoes:
        selector.register(echo.socket, selectors.EVENT_READ, echo)
        _send(selector, echo)
    began = time.perf_counter()
    end = began + seconds
    while time.perf_counter() < end:
        for key, events in selector.select(1.0):
            echo = key.data
            if events & selectors.EVENT_WRITE:
                _send(selector, echo)
            if events & selectors.EVENT_READ and echo.receive():
                _send(selector, echo)
            if echo.failed:
                selector.unregister(echo.socket)
    rate = sum(echo.count for echo in echoes) / (time.perf_counter() - began)
    selector.close()
    return rate


def _send(selector: selectors.BaseSelector, echo: Echo) -> None:
    key = selector.get_key(echo.socket)
    wanted = selectors.EVENT_READ
    if not echo.send():
        wanted |= selectors.EVENT_WRITE
    if key.events != wanted:
        selector.modify(echo.socket, wanted, echo)
