"""WebSocket clients that send a message, wait for its echo, and send it again: frames
are made beforehand and compared as bytes."""

from __future__ import annotations

import os
import struct

from benchmarks import drive

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


class Echo(drive.Client):
    def __init__(self, port: int, sent: bytes, expected: bytes) -> None:
        super().__init__(port, sent)
        self._expected = expected
        self._got = bytearray()

    def open(self) -> bool:
        """Shake hands."""
        self.socket.sendall(HANDSHAKE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.socket.recv(1)
            if not data:
                return False
            head += data
        return super().open() and head.startswith(b"HTTP/1.1 101 ")

    def receive(self) -> bool:
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
    return drive.load([Echo(port, sent, expected) for _ in range(connections)], seconds)
