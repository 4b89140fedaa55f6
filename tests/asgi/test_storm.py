"""Everything at once: broken, slow and vanishing clients, failing handlers, saves.

Nothing is checked of the single answers; afterwards nothing may be left: no connection,
no request, and the server still answers.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .harness import DEADLINE, Served, respond, serve, until

SECONDS = 3.0
CLIENTS = 6
RESET = b"\x01\0\0\0\0\0\0\0"  # SO_LINGER: on, 0 seconds
POST = b"POST /%s HTTP/1.1\r\nhost: x\r\n"
SEEDS = [
    b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    POST % b"p" + b"content-length: 100000\r\n\r\n" + b"b" * 100_000,
    POST % b"c" + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    POST % b"" + b"expect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Waits, reads, fails, streams, ends early: as chance has it."""
    if scope["path"] == "/check":
        await respond(send, b"fine")
        return
    chance = random.random()
    if chance < 0.1:
        await asyncio.sleep(random.random() * 0.01)
    if chance < 0.05:
        raise ValueError("as planned")
    if chance < 0.5:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(random.randint(0, 3)):
        piece = b"x" * random.randint(0, 200_000)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if random.random() < 0.2:
            await asyncio.sleep(0)
    if random.random() < 0.05:
        return
    await send({"type": "http.response.body", "body": b"end"})
    if random.random() < 0.1:
        await receive()


def misbehave(port: int, chance: random.Random) -> None:
    """One connection: requests, maybe damaged, in pieces; then some kind of end."""
    data = bytearray(
        b"".join(chance.choice(SEEDS) for _ in range(chance.randint(1, 6)))
    )
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    with socket.create_connection(("127.0.0.1", port), 2) as client:
        client.settimeout(0.5)
        at = 0
        while at < len(data) and chance.random() > 0.1:
            size = chance.choice([1, 7, 100, 5_000, 70_000, 1_000_000])
            client.sendall(data[at : at + size])
            at += size
            if chance.random() < 0.3:
                with suppress(TimeoutError):
                    client.recv(chance.choice([10, 100_000]))
        end = chance.random()
        if end < 0.3:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif end < 0.5:
            client.shutdown(socket.SHUT_WR)
        if end > 0.4:
            client.settimeout(0.05)
            with suppress(TimeoutError):
                while client.recv(100_000):
                    pass


def run_clients(port: int, seed: float, stop: threading.Event) -> None:
    chance = random.Random(seed)
    while not stop.is_set():
        with suppress(OSError):
            misbehave(port, chance)


def check_nothing_is_left(served: Served) -> None:
    for what in ("connections", "in_flight"):
        until(lambda w=what: served.stats()[w] == 0, f"the end of all {what}")
    with served.connect() as client:
        assert client.get("/check").body == b"fine"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_leaves_nothing_behind(tmp_path: Path, loop: str, seed: int) -> None:
    path = Path(os.path.realpath(tmp_path)) / "main.py"

    def on_change(serial: int, paths: list[str]) -> None:
        if random.random() < 0.5:
            served.server.release(serial)
        else:
            served.loop.call_later(0.003, served.server.release, serial)

    random.seed(seed)
    stop = threading.Event()
    with serve(app, loop, on_change=on_change, keep_alive=0.2) as served:
        served.call(lambda: served.server.watch([str(path)], [str(path.parent)]))
        clients = [
            threading.Thread(target=run_clients, args=(served.port, seed + i, stop))
            for i in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            path.write_text(str(time.monotonic()))
            stop.wait(random.random() * 0.02)
        stop.set()
        for client in clients:
            client.join(DEADLINE)
        assert served.stats()["requests"] > 50
        assert served.stats()["changes"] > 10
        check_nothing_is_left(served)
