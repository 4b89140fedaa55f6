"""Small answers that the application's thread writes to the socket itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .harness import hello, respond, serve, until
from .test_tls import FILES, connect


def test_a_small_answer_does_not_wait_for_the_other_thread(loop: str) -> None:
    with serve(hello, loop) as served, served.connect() as client:

        def answered_directly() -> bool:
            assert client.get().body == b"hello"
            return served.stats()["direct"] > 0

        until(answered_directly)  # when that thread sleeps, as it does between requests
        for _ in range(100):
            assert client.get().body == b"hello"


def test_encrypted_and_large_answers_are_the_other_threads() -> None:
    async def large(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"x" * 20_000)

    with serve(hello, tls=FILES) as served, connect(served) as client:
        for _ in range(20):
            assert client.get().body == b"hello"
        assert served.stats()["direct"] == 0
    with serve(large) as served, served.connect() as client:
        for _ in range(20):
            assert client.get().body == b"x" * 20_000
        assert served.stats()["direct"] == 0


@pytest.mark.parametrize("size", [1, 3_000, 100_000])
def test_pieces_stay_in_order_whoever_writes_them(loop: str, size: int) -> None:
    """Large pieces fill the kernel's buffer, which the small ones wait behind."""
    pieces = [
        bytes([65 + n % 26]) * (size if n % 3 == 0 else n % 7 + 1) for n in range(120)
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n, piece in enumerate(pieces):
            message = {"type": "http.response.body", "body": piece, "more_body": True}
            await send(message)
            if n % 5 == 0:
                await asyncio.sleep(0.001)  # the other thread goes to sleep
        await send({"type": "http.response.body"})

    with serve(app, loop) as served, served.connect() as client:
        for _ in range(5):
            assert client.get().body == b"".join(pieces)
        assert served.stats()["direct"] > 0
        assert served.errors == []
