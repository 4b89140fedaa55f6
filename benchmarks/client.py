"""The measuring clients: one keep-alive connection, a prober, and hammers.

Everything is judged afterwards from what was noted: an answer carries the time its
request *started* and the version it showed; a save carries the time its file was
closed. An answer is stale when its request started after a save was complete and it
shows an older version. `perf_counter` everywhere: one clock for saves and requests.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

GONE = -1  # the version of a 404: the route is not (or no longer) there
RETRY_PAUSE = 0.001  # after a refused or broken connection
_VERSION = re.compile(rb'"version":\s*(-?\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Broken(OSError):
    """The connection ended, or what came is no answer."""


@dataclass(slots=True)
class Answer:
    started: float
    ended: float
    status: int
    body: bytes

    @property
    def version(self) -> int | None:
        """The version it shows, GONE for a 404, None for any other failure."""
        if self.status == 404:
            return GONE
        found = _VERSION.search(self.body) if self.status == 200 else None
        return int(found[1]) if found else None


class Connection:
    """One HTTP/1.1 keep-alive connection on a plain socket, opened when needed."""

    def __init__(self, port: int, timeout: float = 10.0) -> None:
        self.port = port
        self.timeout = timeout
        self._socket: socket.socket | None = None
        self._buffer = b""

    def get(self, path: str) -> Answer:
        """Send one request and read its answer. Raises OSError, and is closed then."""
        started = time.perf_counter()
        try:
            self._open().sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
            status, body = self._read()
        except OSError:
            self.close()
            raise
        return Answer(started, time.perf_counter(), status, body)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""

    def _open(self) -> socket.socket:
        if self._socket is None:
            address = ("127.0.0.1", self.port)
            self._socket = socket.create_connection(address, timeout=self.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _read(self) -> tuple[int, bytes]:
        head = self._take_until(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 ") or (
            length is None and head[9:12] != b"204"
        ):
            raise Broken(f"no answer with a length: {head[:80]!r}")
        body = self._take(int(length[1]) if length else 0)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return int(head[9:12]), body

    def _take_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            self._fill()
        return self._take(end + len(mark))

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _fill(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise Broken("the server closed the connection")
        self._buffer += data


@dataclass
class Probe:
    """What the requests after one save saw."""

    fresh: float | None = None  # seconds from the save to the first fresh answer
    first: float | None = None  # seconds the first request took, if it was fresh
    failed: int = 0
    stale: int = 0


def probe(
    connection: Connection, saved: float, path: str, version: int, deadline: float
) -> Probe:
    """Request `path` back to back until it shows `version`, saved at `saved`."""
    seen = Probe()
    while time.perf_counter() - saved < deadline:
        try:
            answer = connection.get(path)
        except OSError:
            seen.failed += 1
            time.sleep(RETRY_PAUSE)
            continue
        if answer.version is None:
            seen.failed += 1
        elif answer.version < version:
            seen.stale += 1
        else:
            seen.fresh = answer.ended - saved
            if not seen.failed and not seen.stale:
                seen.first = answer.ended - answer.started
            return seen
    return seen


class Seen(NamedTuple):
    """An answer, as a hammer notes it."""

    started: float
    ended: float
    version: int | None


class Save(NamedTuple):
    began: float
    closed: float
    version: int


@dataclass
class Journal:
    """The answers of one hammer and the saves made meanwhile, by time."""

    answers: list[Seen] = field(default_factory=list)
    saves: list[Save] = field(default_factory=list)
    failures: int = 0

    def stale(self) -> int:
        return count_stale(self.answers, self.saves)

    def failed(self) -> int:
        return self.failures + sum(answer.version is None for answer in self.answers)


def count_stale(answers: Iterable[Seen], saves: Sequence[Save]) -> int:
    """How many answers show less than the last save before their request started.

    A 404 counts only if it ended before the next save began: that one takes the old
    path away, also for requests that are under way."""
    times = [save.closed for save in saves]
    stale = 0
    for answer in answers:
        after = bisect_left(times, answer.started)
        if answer.version is None or after == 0:
            continue
        if answer.version == GONE and after < len(saves):
            stale += answer.ended < saves[after].began
        else:
            stale += answer.version < saves[after - 1].version
    return stale


class Hammer(threading.Thread):
    """Requests without pause on one keep-alive connection, in a thread.

    `target` returns the path to request now. It is asked *after* the start was noted: a
    save publishes its path before its time, so a request that started after the save
    never asks for the old path.
    """

    def __init__(self, port: int, target: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self.journal = Journal()
        self._connection = Connection(port)
        self._target = target
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.is_set():
            started = time.perf_counter()
            try:
                answer = self._connection.get(self._target())
            except OSError:
                self.journal.failures += 1
                time.sleep(RETRY_PAUSE)
            else:
                seen = Seen(started, answer.ended, answer.version)
                self.journal.answers.append(seen)
        self._connection.close()

    def end(self) -> Journal:
        self._ending.set()
        self.join()
        return self.journal
