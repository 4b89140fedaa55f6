"""Clients that measure: connections that each send bytes, wait for the answer to them,
and send them again.

One thread and epoll, so that they cost little beside the server. What an answer is
says a subclass of `Client`: WebSocket echoes (echo.py), bodies (bodies.py).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence


class Client:
    """One connection.

    Responsibilities: sends `sent` again and again, as the socket takes it, and counts
    the answers. A subclass says in `receive` when one is whole.
    """

    def __init__(self, port: int, sent: bytes) -> None:
        self.count = 0
        self.failed = False
        self._sent = sent
        self._rest = memoryview(b"")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def open(self) -> bool:
        """What comes before the first message; False if the server does not want to."""
        self.socket.setblocking(False)
        return True

    def send(self) -> bool:
        """Send the message or the rest of it; True when all is out."""
        self._rest = self._rest or memoryview(self._sent)
        try:
            self._rest = self._rest[self.socket.send(self._rest) :]
        except BlockingIOError:
            return False
        return not self._rest

    def receive(self) -> bool:
        """Read what came; True when the answer is whole, and then it is counted."""
        raise NotImplementedError


def load(clients: Sequence[Client], seconds: float) -> tuple[float, int]:
    """Answers per second, and how many connections failed."""
    try:
        for client in clients:
            if not client.open():
                return 0.0, len(clients)
        return _drive(clients, seconds), sum(client.failed for client in clients)
    finally:
        for client in clients:
            client.socket.close()


def _drive(clients: Sequence[Client], seconds: float) -> float:
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        _send(selector, client)
    began = time.perf_counter()
    end = began + seconds
    while time.perf_counter() < end:
        for key, events in selector.select(1.0):
            client = key.data
            if events & selectors.EVENT_WRITE:
                _send(selector, client)
            if events & selectors.EVENT_READ and client.receive():
                _send(selector, client)
            if client.failed:
                selector.unregister(client.socket)
    rate = sum(client.count for client in clients) / (time.perf_counter() - began)
    selector.close()
    return rate


def _send(selector: selectors.BaseSelector, client: Client) -> None:
    key = selector.get_key(client.socket)
    wanted = selectors.EVENT_READ
    if not client.send():
        wanted |= selectors.EVENT_WRITE
    if key.events != wanted:
        selector.modify(client.socket, wanted, client)
