"""Memory of many idle connections: each has had an answer and says nothing more."""

from __future__ import annotations

import argparse
import resource
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import interleave
from benchmarks.servers import Running, Server
from benchmarks.tables import table

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
AT_ONCE = 200  # connections that ask before the first answer is read
SPARE = 200  # descriptors besides the connections
PATIENCE = 10.0  # seconds; who has not answered all by then holds fewer


@dataclass(frozen=True)
class Held:
    """What one server needs for its connections."""

    before: int  # bytes resident without connections
    after: int
    open: int  # connections that were answered and are not closed
    seconds: float  # from the first connection to the last answer


def allow_descriptors(count: int) -> int:
    """Raise the limit, for the servers to come too; how many connections then fit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + SPARE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - SPARE


def resident(pid: int) -> int:
    """Bytes of a process in memory, and of what it started."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(x for x in status.splitlines() if x.startswith("VmRSS:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(own.split()[1]) * 1024 + sum(resident(int(child)) for child in children)


def hold(server: Running, count: int) -> Held:
    """Some servers accept no more than so many, or close the first ones meanwhile."""
    before = resident(server.pid)
    began = time.perf_counter()
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count and time.perf_counter() < began + PATIENCE:
            wanted = min(AT_ONCE, count - len(sockets))
            if not add_connections(server.port, sockets, wanted):
                break
        seconds = time.perf_counter() - began
        return Held(before, resident(server.pid), count_open(sockets), seconds)
    finally:
        for one in sockets:
            one.close()


def add_connections(port: int, sockets: list[socket.socket], count: int) -> bool:
    """Connections that have asked and been answered; False if one of them was not."""
    address = ("127.0.0.1", port)
    fresh = [socket.create_connection(address, PATIENCE / 2) for _ in range(count)]
    try:
        for one in fresh:
            one.sendall(REQUEST)
        while fresh:
            read_answer(fresh[0])
            sockets.append(fresh.pop(0))
    except OSError:
        return False
    finally:
        for one in fresh:
            one.close()
    return True


def read_answer(one: socket.socket) -> None:
    """Read up to the body of apps.plain's raw application. Raises OSError."""
    got = b""
    while not got.endswith(b"Hello, world!"):
        data = one.recv(65536)
        if not data:
            raise ConnectionResetError("closed instead of an answer")
        got += data


def count_open(sockets: Sequence[socket.socket]) -> int:
    """Those that are neither closed nor have anything to say."""
    poll = select.poll()
    for one in sockets:
        poll.register(one, select.POLLIN | select.POLLRDHUP)
    return len(sockets) - len(poll.poll(0))


def run(servers: Sequence[Server], folder: Path, options: argparse.Namespace) -> None:
    count = allow_descriptors(options.idle)
    print(f"\n== memory of {count:,} idle connections")

    def once(server: Running, warm: bool) -> Held:
        return hold(server, count if warm else AT_ONCE)

    report(interleave("plain:raw", servers, folder, 1, once))


def report(found: dict[str, list[Held]]) -> None:
    rows = [
        [
            name,
            f"{held.before / 1e6:.1f}",
            f"{held.after / 1e6:.1f}",
            f"{(held.after - held.before) / max(held.open, 1):,.0f}",
            f"{held.open:,}",
            f"{held.seconds:.1f}",
        ]
        for name, (held,) in found.items()
    ]
    header = ["", "MB before", "MB with", "bytes each", "held", "seconds"]
    print("\n" + table(header, rows))
