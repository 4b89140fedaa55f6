"""Requests of every kind, again and again, hold no more memory."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from growth import check

from hmr_serve._asgi import Server

BODY = b"x" * 70_000


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    received = 0
    while True:
        event = await receive()
        received += len(event.get("body", b""))
        if not event.get("more_body"):
            break
    if scope["path"] == "/error":
        raise ValueError("on purpose")
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/stream":
        for _ in range(5):
            await send({"type": "http.response.body", "body": BODY, "more_body": True})
    await send({"type": "http.response.body", "body": str(received).encode()})


def exchange(port: int, data: bytes) -> bytes:
    """Send all, then read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(data)
        chunks = []
        while chunk := sock.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def requests(port: int) -> None:
    get = b"GET /%s HTTP/1.1\r\nhost: x\r\n%s\r\n"
    last = b"connection: close\r\n"
    pipelined = get % (b"a?q=1", b"") * 5 + get % (b"", last)
    assert exchange(port, pipelined).count(b"HTTP/1.1 200") == 6
    assert b"HTTP/1.1 500" in exchange(port, get % (b"error", last))
    assert len(exchange(port, get % (b"stream", last))) > 5 * len(BODY)
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    length = head + b"content-length: %d\r\n\r\n" % len(BODY)
    assert exchange(port, length + BODY).endswith(b"%d" % len(BODY))
    assert b" 400 " in exchange(port, b"nonsense\r\n\r\n")
    # A client that goes away in the middle of an answer.
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(get % (b"stream", b""))
        sock.recv(10)


async def serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    loop = asyncio.get_running_loop()
    errors: list[str] = []
    server = Server(
        [listener.fileno()],
        loop=loop,
        access_log=lambda *entry: None,
        on_error=lambda message, error: errors.append(message),
    )
    server.app = app
    server.state = {}
    server.start()

    async def until_idle() -> None:
        async with asyncio.timeout(30):
            while server.stats()["connections"] or server.stats()["in_flight"]:
                await asyncio.sleep(0.001)

    def work() -> None:
        requests(port)
        asyncio.run_coroutine_threadsafe(until_idle(), loop).result()
        assert len(errors) == 1
        errors.clear()

    def measure() -> None:
        check("requests", work, times=20, warm_up=60, limit=50)

    try:
        await loop.run_in_executor(None, measure)
    finally:
        await server.stop(1.0)
        listener.close()
    assert threading.active_count() <= 2  # the main thread and the executor's


asyncio.run(serve())
