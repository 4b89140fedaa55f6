"""Connections: what is open when a save comes stays open, and nobody waits in vain."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

from . import apps
from .conftest import Serve
from .harness import Server, until


def test_a_keep_alive_connection_stays_open_across_edits(plain: Server) -> None:
    client = plain.client()
    assert client.get().text == "hello 1"
    port = client.local_port
    before = "hello"
    for number in range(20):
        plain.edit("words.py", before, f"hello{number}")
        assert client.get().text == f"hello{number} 1"
        before = f"hello{number}"
    assert client.local_port == port
    client.close()


def lines(connection: socket.socket) -> Iterator[bytes]:
    """What comes over a connection, line by line."""
    with connection.makefile("rb") as file:
        yield from file


def test_a_stream_survives_an_edit_and_sees_it(serve: Serve) -> None:
    server = serve(apps.slow_app())
    with server.connect() as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        stream = lines(connection)
        assert any(line == b"old\n" for line in stream)
        server.edit("words.py", "old", "new")
        assert server.get().text == "new new"
        assert any(line == b"new\n" for line in stream)
        server.write("end", "")
        assert any(line == b"bye\n" for line in stream)
    assert "ERROR" not in server.log


def test_a_request_in_flight_is_finished(serve: Serve) -> None:
    server = serve(apps.slow_app())
    client = server.client()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.get("/slow")))
    thread.start()
    server.until_noted("slow")
    server.edit("words.py", "old", "new")
    assert server.get().text == "new new"
    server.write("go", "")
    thread.join()
    # It began before the save; what it looks up afterwards is new.
    assert [(a.status, a.text) for a in answers] == [(200, "old new")]
    client.close()


def test_a_request_in_flight_finishes_on_the_old_app_object(shop: Server) -> None:
    handler = """

@app.get("/wait")
async def wait():
    import asyncio, os
    journal.note("waiting")
    while not os.path.exists("go"):
        await asyncio.sleep(0.005)
    return "done"
"""
    old = shop.read("main.py")
    shop.write("main.py", old + handler)
    client = shop.client()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.get("/wait")))
    thread.start()
    shop.until_noted("waiting")
    shop.write("main.py", old)
    assert shop.get("/wait").status == 404
    shop.write("go", "")
    thread.join()
    assert [(a.status, a.json) for a in answers] == [(200, "done")]
    client.close()


class Hammer(threading.Thread):
    """Requests in a row on one connection. `floor` is a number that every answer to a
    request sent from now on must reach."""

    def __init__(self, server: Server, floor: list[int]) -> None:
        super().__init__()
        self.count = 0
        self.failed: list[str] = []
        self.stale: list[str] = []
        self.ended = threading.Event()
        self._client = server.client()
        self._floor = floor

    def run(self) -> None:
        while not self.ended.is_set():
            floor = self._floor[0]
            try:
                answer = self._client.get()
            except OSError as exc:
                self.failed.append(repr(exc))
                return
            self.count += 1
            if answer.status != 200:
                self.failed.append(answer.text)
            elif int(answer.text.split()[1]) < floor:
                self.stale.append(f"{answer.text} < {floor}")
        self._client.close()


def test_eight_busy_clients_see_fifty_edits_without_a_failure_or_a_stale_answer(
    plain: Server,
) -> None:
    floor = [1]
    hammers = [Hammer(plain, floor) for _ in range(8)]
    for hammer in hammers:
        hammer.start()
    try:
        for number in range(2, 52):
            plain.write("limits.py", f"LIMIT = {number}\n")
            floor[0] = number
            assert plain.get().text == f"hello {number}"
            asked = [hammer.count for hammer in hammers]
            until(
                lambda asked=asked: all(
                    hammer.count > before or hammer.failed
                    for hammer, before in zip(hammers, asked, strict=True)
                ),
                "an answer to each client",
            )
    finally:
        for hammer in hammers:
            hammer.ended.set()
            hammer.join()
    assert [hammer.failed for hammer in hammers] == [[]] * 8
    assert [hammer.stale for hammer in hammers] == [[]] * 8
    assert len(plain.reloads(50)) == 50


def test_requests_wait_while_an_update_takes_its_time(serve: Serve) -> None:
    server = serve(apps.PLAIN)
    client = server.client()
    assert client.get().text == "hello 1"
    server.write("limits.py", "import time\n\ntime.sleep(0.5)\nLIMIT = 2\n")
    assert client.get().text == "hello 2"
    client.close()
