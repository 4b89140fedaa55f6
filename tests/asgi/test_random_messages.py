"""Random sequences of messages to send(): whatever an application does, what clients
see is HTTP, and the next request is answered.

HMR_FUZZ_SECONDS says for how long (`./dev fuzz`); else a fixed number of sequences,
always the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from pathlib import Path
from typing import Any

from .harness import Client, respond, serve

SEQUENCES = 400
HERE = str(Path(__file__))

HEADERS: list[list[Any]] = [
    [],
    [(b"content-length", b"5")],
    [(b"content-length", b"0")],
    [(b"content-length", b"x")],
    [(b"content-length", b"5"), (b"content-length", b"5")],
    [(b"transfer-encoding", b"chunked")],
    [(b"transfer-encoding", b"gzip")],
    [(b"connection", b"close")],
    [(b"connection", b"keep-alive"), (b"X-A", b"b")],
    [(b"x", b"a\r\nb: c")],
    [(b"x y", b"z")],
    [("x", "y")],
    [(b"x",)],
    [b"xy"],
    [3],
]
BODIES: list[Any] = [b"", b"a", b"hello", b"x" * 70_000, bytearray(b"hello"), "text", 3]


def message(chance: random.Random) -> Any:
    kind = chance.choice(
        ["start"] * 4 + ["body"] * 8 + ["pathsend", "trailers", "debug", "nonsense"]
    )
    if kind == "nonsense":
        return chance.choice(
            [None, 3, {}, {"type": 3}, {"type": "x"}, {"type": "websocket.accept"}, []]
        )
    made: dict[str, Any] = {"type": f"http.response.{kind}"}
    if kind == "start":
        made["status"] = chance.choice([200, 200, 200, 204, 304, 404, 103, 0, "200"])
        made["headers"] = chance.choice(HEADERS)
        made["trailers"] = chance.random() < 0.2
    elif kind == "body":
        made["body"] = chance.choice(BODIES)
        made["more_body"] = chance.random() < 0.6
    elif kind == "pathsend":
        made["path"] = chance.choice([HERE, "/nowhere", "/tmp", None, 3])
    elif kind == "trailers":
        made["headers"] = chance.choice(HEADERS)
        made["more_trailers"] = chance.random() < 0.3
    for key in list(made):
        if chance.random() < 0.03:
            del made[key]
    return made


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] == "/next":
        await respond(send, b"next")
        return
    chance = random.Random(scope["path"])
    for _ in range(chance.randrange(8)):
        action = chance.random()
        if action < 0.1:
            await asyncio.sleep(0)
        elif action < 0.15:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(receive(), 0.01)
        elif action < 0.18:
            raise chance.choice([ValueError, OSError, asyncio.CancelledError])("random")
        swallow = chance.random() < 0.5
        try:
            await send(message(chance))
        except Exception:
            if not swallow:
                raise
    if chance.random() < 0.1:
        raise SystemError("at the end")


def check(client: Client, method: str, path: str, version: str) -> None:
    """One exchange: a whole response, or the connection ends."""
    client.send(f"{method} {path} HTTP/{version}\r\nhost: x\r\n\r\n".encode())
    try:
        response = client.response(head=method == "HEAD")
    except (AssertionError, ConnectionError) as exc:
        # Cut in mid-response: nothing else may follow.
        assert "the connection ended" in str(exc) or "bytes expected" in str(exc), exc
        assert client.closed() or not client.buffer.startswith(b"HTTP/"), exc
        return
    assert 200 <= response.status <= 500
    if response.header("connection") == "close" or version == "1.0":
        assert client.closed()
    else:
        try:
            client.send(b"GET /next HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.response().body == b"next"
        except (AssertionError, ConnectionError):
            # What was missing (trailers, or a body that nobody sees) cut it.
            assert client.closed()


def test_whatever_is_sent_clients_see_http() -> None:
    seconds = float(os.environ.get("HMR_FUZZ_SECONDS", 0))
    salt = str(random.randrange(1 << 30)) if seconds else "fixed"
    end = time.monotonic() + seconds
    n = 0
    with serve(app) as served:
        while time.monotonic() < end or n < SEQUENCES:
            chance = random.Random(f"{salt}{n}")
            method = chance.choice(["GET", "GET", "HEAD", "POST"])
            version = chance.choice(["1.1", "1.1", "1.0"])
            path = f"/{salt}/{n}"
            try:
                with served.connect() as client:
                    check(client, method, path, version)
            except BaseException:
                print(f"{method} {path} HTTP/{version}")
                raise
            n += 1
        with served.connect() as client:
            assert client.get("/next").body == b"next"
    print(f"{n} sequences")
