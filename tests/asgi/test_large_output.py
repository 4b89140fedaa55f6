"""What is large is written from the application's own object, which is held until then
and not a moment longer, whatever becomes of the client."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from .harness import serve, until
from .test_tls import FILES
from .test_tls import connect as connect_tls
from .websocket_client import accept, connect

LARGE = 300_000
NEVER_READ = 64_000_000  # more than the kernel takes for a client


def new_body(size: int = LARGE) -> bytes:
    return bytes(range(256)) * (size // 256) + b"." * (size % 256)


def sends(*pieces: bytes) -> Any:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, piece in enumerate(pieces, 1):
            more = number < len(pieces)
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return app


def references_to(data: object) -> Callable[[], int]:
    """Counts them, always from the same frame: callers hold some too."""
    return lambda: sys.getrefcount(data)


def until_let_go(count: Callable[[], int], before: int) -> None:
    until(lambda: count() == before, "the release of the object")


@pytest.mark.parametrize("tls", [False, True])
def test_a_large_body_is_held_until_it_is_written(loop: str, tls: bool) -> None:
    body = new_body()
    with serve(sends(body), loop, **({"tls": FILES} if tls else {})) as served:
        count = references_to(body)
        before = count()
        with connect_tls(served) if tls else served.connect() as client:
            for _ in range(3):
                assert client.get().body == body
            until_let_go(count, before)


def test_large_and_small_chunks_in_turn(loop: str) -> None:
    pieces = [new_body(), b"small", new_body(LARGE + 1), b"", new_body(), b"end"]
    with serve(sends(*pieces), loop) as served, served.connect() as client:
        for _ in range(2):
            response = client.get()
            assert response.header("transfer-encoding") == "chunked"
            assert response.body == b"".join(pieces)


def test_the_last_piece_is_large(loop: str) -> None:
    body = new_body()
    with serve(sends(b"begin", body), loop) as served:
        with served.connect() as client:
            assert client.get().body == b"begin" + body
        with served.connect() as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert client.response().body == b"begin" + body


def test_a_head_request_holds_nothing(loop: str) -> None:
    body = new_body()
    with serve(sends(body), loop) as served, served.connect() as client:
        count = references_to(body)
        before = count()
        client.send(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.response(head=True).header("content-length") == str(LARGE)
        until_let_go(count, before)


def test_a_client_that_leaves_in_mid_body_lets_go_of_it(loop: str) -> None:
    body = new_body(NEVER_READ)
    with serve(sends(body), loop) as served:
        count = references_to(body)
        before = count()
        with served.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            assert client.socket.recv(1000)
            assert count() == before + 1
        until_let_go(count, before)


def test_a_server_that_ends_lets_go_of_what_nobody_read(loop: str) -> None:
    body = new_body(NEVER_READ)
    with serve(sends(body), loop) as served:
        count = references_to(body)
        before = count()
        client = served.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.socket.recv(1000)
    del served.server  # and with it the letters that nobody took
    assert count() == before
    client.socket.close()


def test_large_messages(loop: str) -> None:
    data, text = new_body(), "é" * LARGE

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await accept(receive, send)
        await send({"type": "websocket.send", "bytes": data})
        await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.send", "bytes": bytearray(data)})
        await receive()

    with serve(app, loop) as served:
        counts = [references_to(data), references_to(text)]
        before = [count() for count in counts]
        with connect(served) as client:
            assert client.message() == data
            assert client.message() == text
            assert client.message() == data
            until_let_go(counts[1], before[1])
        until_let_go(counts[0], before[0])
