"""Backpressure both ways, stopping, and what the server costs when nothing happens."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from .harness import DEADLINE, Client, hello, respond, serve, until


def resident() -> int:
    """Bytes of memory of this process."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


# -- backpressure


def test_an_upload_that_nobody_reads_does_not_fill_memory(loop: str) -> None:
    """The client is stopped by the kernel's buffers, then the whole body arrives."""
    total = 64 * 1024 * 1024

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size = 0
        await gate.wait()
        more = True
        while more:
            message = await receive()
            size += len(message["body"])
            largest[0] = max(largest[0], len(message["body"]))
            more = message["more_body"]
        await respond(send, b"%d" % size)

    largest = [0]
    sent = [0]
    with serve(app, loop) as served, served.connect() as client:
        gate = served.call(asyncio.Event)
        before = resident()

        def upload() -> None:
            client.send(
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % total
            )
            piece = b"x" * 65536
            while sent[0] < total:
                client.send(piece)
                sent[0] += len(piece)

        sender = threading.Thread(target=upload)
        sender.start()
        stalled(lambda: sent[0])
        assert sent[0] < total / 2
        assert resident() - before < 8 * 1024 * 1024
        served.call(gate.set)
        assert client.response().body == b"%d" % total
        sender.join(DEADLINE)
        assert largest[0] <= 256 * 1024


def test_a_download_that_nobody_reads_does_not_fill_memory(loop: str) -> None:
    """send() waits, so that the application stops producing."""
    piece = b"x" * 65536
    n = 1000

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/again":
            await respond(send, b"again")
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(n):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            produced[0] += 1
        await send({"type": "http.response.body"})

    produced = [0]
    with serve(app, loop) as served, served.connect() as client:
        before = resident()
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        stalled(lambda: produced[0])
        assert produced[0] < n / 2
        assert resident() - before < 8 * 1024 * 1024
        client.head()
        for _ in range(n):
            assert client.chunk() == piece
        assert client.chunk() == b""
        assert client.get("/again").body == b"again"


def test_a_client_that_leaves_in_mid_download_frees_the_handler(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await asyncio.wait_for(endless(send), DEADLINE)) is None:
            if ended:
                return

    async def endless(send: Any) -> None:
        await send(
            {"type": "http.response.body", "body": b"x" * 65536, "more_body": True}
        )
        produced[0] += 1

    ended: list[int] = []
    produced = [0]
    with serve(app, loop) as served:
        client = served.connect()
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        stalled(lambda: produced[0])
        stuck = produced[0]
        client.reset()
        until(lambda: produced[0] > stuck, "send() after the client left")
        ended.append(1)
        until(lambda: served.stats()["in_flight"] == 0)
        assert served.errors == []


def stalled(progress: Any) -> None:
    """Wait until something that moves does not move for a while."""
    last, since = progress(), time.monotonic()
    end = since + DEADLINE
    while time.monotonic() < end:
        now = progress()
        if now != last or now == 0:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 0.3:
            return
        time.sleep(0.01)
    raise AssertionError("it never stops")


def test_a_thousand_connections_at_once() -> None:
    with serve(hello) as served:
        clients = [served.connect() for _ in range(1000)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        for client in clients:
            assert client.response().body == b"hello"
        assert served.stats()["connections"] == 1000
        for client in clients:
            client.socket.close()
        until(lambda: served.stats()["connections"] == 0)


# -- stopping


def test_stop_waits_for_running_requests_and_closes_idle_ones(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            started.append(1)
            await gate.wait()
        await respond(send, b"done")

    started: list[int] = []
    with (
        serve(app, loop) as served,
        served.connect() as idle,
        served.connect() as busy,
        served.connect() as fresh,
    ):
        gate = served.call(asyncio.Event)
        idle.get()
        busy.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: started)
        until(lambda: served.stats()["connections"] == 3)
        stopping = served.call(lambda: asyncio.ensure_future(served.server.stop(5.0)))
        assert idle.closed()
        assert fresh.closed()
        # The listener is still open, and nobody accepts: a restart would.
        late = socket.create_connection(("127.0.0.1", served.port), DEADLINE)
        assert not stopping.done()
        served.call(gate.set)
        response = busy.response()
        assert response.body == b"done"
        assert response.header("connection") == "close"
        assert busy.closed()
        until(stopping.done)
        late.close()
        assert served.stats()["connections"] == 0


def test_stop_cancels_what_outlasts_the_grace(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(scope["path"])
            raise

    cancelled: list[str] = []
    with (
        serve(app, loop) as served,
        served.connect() as plain,
        served.connect() as stream,
    ):
        plain.send(b"GET /plain HTTP/1.1\r\nhost: x\r\n\r\n")
        stream.send(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        stream.head()
        until(lambda: served.stats()["in_flight"] == 2)
        began = time.monotonic()
        served.wait(lambda: served.server.stop(0.1))
        assert 0.09 < time.monotonic() - began < 2
        assert sorted(cancelled) == ["/plain", "/stream"]
        assert plain.response().status == 503
        assert stream.closed()
        assert served.errors == []


def test_stop_ends_although_a_handler_ignores_its_cancellation() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not over:
            try:
                await asyncio.sleep(60 if not over else 0)
            except asyncio.CancelledError:
                ignored.append(1)

    over: list[int] = []
    ignored: list[int] = []
    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: served.stats()["in_flight"] == 1)
        served.wait(lambda: served.server.stop(0.05))
        assert ignored
        assert client.closed()
        over.append(1)

        def cancel() -> None:
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task() and "app" in repr(task):
                    task.cancel()

        served.call(cancel)
        until(lambda: served.stats()["in_flight"] == 0)


def test_stop_cuts_a_client_that_does_not_read() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"x" * 50_000_000)

    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        client.head()
        began = time.monotonic()
        served.wait(lambda: served.server.stop(0.1))
        assert time.monotonic() - began < 3


def test_abort_ends_everything_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(1)

    ended: list[int] = []
    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: served.stats()["in_flight"] == 1)
        served.call(served.server.abort)
        assert client.closed()
        until(lambda: ended)
        served.call(served.server.abort)  # again: nothing happens
        served.wait(lambda: served.server.stop(1.0))


def test_a_server_that_was_never_started_can_be_stopped_or_dropped() -> None:
    from hmr_serve import _asgi

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            loop = asyncio.get_running_loop()
            server = _asgi.Server([listener.fileno()], loop=loop)
            with pytest.raises(RuntimeError, match="app"):
                server.start()
            await server.stop(1.0)
            for _ in range(100):
                _asgi.Server([listener.fileno()], loop=loop)

    asyncio.run(main())


def test_a_running_server_can_be_dropped() -> None:
    from hmr_serve import _asgi

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = _asgi.Server([listener.fileno()], loop=asyncio.get_running_loop())
            server.app = hello
            server.start()

    asyncio.run(main())


def test_a_forked_child_of_the_application_harms_nobody() -> None:
    """It has a copy of the server, but not its thread."""
    code = """
import asyncio, os, socket, sys, time
from hmr_serve import _asgi
async def app(scope, receive, send): pass
async def main():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _asgi.Server([listener.fileno()], loop=asyncio.get_running_loop())
        server.app = app
        server.start()
        pid = os.fork()
        if pid == 0:
            server.abort()
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        began = time.monotonic()
        await server.stop(5)
        assert time.monotonic() - began < 2
asyncio.run(main())
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (result.stdout, result.returncode) == ("7\n", 0), result.stderr


def test_wrong_arguments_are_refused() -> None:
    from hmr_serve import _asgi

    loop = asyncio.new_event_loop()
    with pytest.raises(TypeError, match="loop"):
        _asgi.Server([])  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        _asgi.Server(["x"], loop=loop)  # type: ignore[list-item]
    with pytest.raises(OSError, match="listen"):
        _asgi.Server([99999], loop=loop)
    loop.close()


def test_descriptors_and_threads_are_given_back() -> None:
    def count() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    def round_trip() -> None:
        with serve(hello) as served, served.connect() as client:
            client.get()

    round_trip()
    gc.collect()
    before = count()
    for _ in range(10):
        round_trip()
    gc.collect()
    until(lambda: count() == before, f"{before} descriptors and threads")


def test_signals_reach_the_main_thread() -> None:
    code = """
import asyncio, signal, socket, threading
from hmr_serve import _asgi
async def app(scope, receive, send): pass
async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = _asgi.Server([listener.fileno()], loop=asyncio.get_running_loop())
    server.app = app
    server.start()
    done = asyncio.Event()
    signal.signal(signal.SIGTERM, lambda *args: (print("handled"), done.set()))
    print("up", flush=True)
    while not done.is_set():
        await asyncio.sleep(0.01)
    await server.stop(1.0)
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "handled\n"
        assert process.wait(DEADLINE) == 0


# -- idle


def test_an_idle_server_does_not_wake(tmp_path: Path) -> None:
    """With a connection open that has not asked yet, and with files watched."""
    path = os.path.realpath(tmp_path)

    def release(serial: int, paths: list[str]) -> None:
        served.server.release(serial)

    with serve(hello, on_change=release, keep_alive=0.05) as served:
        served.call(lambda: served.server.watch([f"{path}/x.py"], [path]))
        with served.connect() as client:
            assert client.get().status == 200
            assert client.closed()
        with served.connect():
            until(lambda: served.stats()["connections"] == 1)
            before = served.stats()["wakeups"]
            time.sleep(1.0)  # not to synchronise: the time that is measured
            assert served.stats()["wakeups"] - before <= 1


def test_the_loop_blocked_does_not_stop_the_network() -> None:
    """Requests are accepted, read and queued while Python is busy."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/block":
            blocked.set()
            assert gate.wait(DEADLINE)
        await respond(send, b"done")

    blocked, gate = threading.Event(), threading.Event()
    with serve(app) as served, served.connect() as first:
        first.send(b"GET /block HTTP/1.1\r\nhost: x\r\n\r\n")
        assert blocked.wait(DEADLINE)
        others = [Client(served.port) for _ in range(20)]
        for client in others:
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        gate.set()
        for client in [first, *others]:
            assert client.response().body == b"done"
            client.socket.close()


def test_a_finished_answer_leaves_before_the_next_handler_blocks() -> None:
    """Two requests in one batch: the first one's client does not wait for both."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, scope["path"].encode())
        if scope["path"] == "/hold":
            blocked.set()
            assert gate.wait(DEADLINE)

    blocked, gate = threading.Event(), threading.Event()
    with serve(app) as served, served.connect() as first, served.connect() as second:
        first.socket.settimeout(DEADLINE / 2)
        hold = threading.Event()
        served.loop.call_soon_threadsafe(hold.wait, DEADLINE)
        requests = served.server.stats()["requests"]
        first.send(b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: served.server.stats()["requests"] == requests + 1)
        second.send(b"GET /hold HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: served.server.stats()["requests"] == requests + 2)
        hold.set()  # now both are taken in one batch
        assert blocked.wait(DEADLINE)
        assert first.response().body == b"/first"
        assert second.response().body == b"/hold"
        gate.set()


def test_a_large_body_comes_in_pieces_that_are_not_large(loop: str) -> None:
    sizes: list[list[int]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)  # for all that the server reads ahead
        seen, more = [], True
        sizes.append(seen)
        body = b""
        while more:
            message = await receive()
            seen.append(len(message["body"]))
            body += message["body"]
            more = message["more_body"]
        await respond(send, body)

    body = bytes(range(256)) * 2000
    with serve(app, loop) as served, served.connect() as client:
        for sent in (body, body[:70_000], b"x", b""):
            client.send(
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(sent)
                + sent
            )
            assert client.response().body == sent
    assert all(max(seen) <= 65536 for seen in sizes)
    assert sizes[2:] == [[1], [0]]
