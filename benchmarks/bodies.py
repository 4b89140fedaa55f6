"""HTTP clients for large bodies, in the request or in the answer. wrk reads 8 KiB at a
time, which would be most of the work."""

from __future__ import annotations

import re

from benchmarks import drive

MEGABYTE = 1 << 20
DOWN = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
UP = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n" % MEGABYTE
) + b"x" * MEGABYTE
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_buffer = bytearray(MEGABYTE)


class Bodies(drive.Client):
    """Counts a 200 whose body has `size` bytes; of the body it looks at the length."""

    def __init__(self, port: int, sent: bytes, size: int) -> None:
        super().__init__(port, sent)
        self._size = size
        self._head = b""
        self._left = 0  # bytes of the body that are still to come

    def receive(self) -> bool:
        got = self.socket.recv_into(_buffer)
        if self._left == 0:
            self._head += _buffer[:got]
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if end:
                self._begin(head, len(rest))
        else:
            self._left -= got
        self.failed = self.failed or got == 0 or self._left < 0
        if self.failed or self._head or self._left:
            return False
        self.count += 1
        return True

    def _begin(self, head: bytes, got: int) -> None:
        """A head is complete, and so many bytes of its body are there."""
        length = _LENGTH.search(head)
        right = length is not None and int(length[1]) == self._size
        self.failed = not right or not head.startswith(b"HTTP/1.1 200 ")
        self._head = b""
        self._left = self._size - got


def load(
    port: int, connections: int, seconds: float, sent: bytes, size: int
) -> tuple[float, int]:
    """Answers per second, and how many connections failed."""
    return drive.load([Bodies(port, sent, size) for _ in range(connections)], seconds)
