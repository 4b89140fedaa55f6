"""A gigabyte each way, and what clients and the system do wrong.

The server is a process of its own here: its memory and its descriptors are measured
and limited.
"""

from __future__ import annotations

import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from .harness import DEADLINE, Client, until
from .websocket_client import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame, handshake

GIGABYTE = 1 << 30
SLACK = 8 << 20  # what streaming may cost above an idle server
SERVER = """
import asyncio, resource, socket, sys
from hmr_serve import _asgi

limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
piece = bytes(65536)

async def app(scope, receive, send):
    path = scope["path"]
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send(message | {"type": "websocket.send"})
        return
    if path == "/never":
        await asyncio.sleep(3600)
    if path == "/block":
        import time
        time.sleep(float(scope["query_string"]))
    size = 0
    if path == "/up":
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if path == "/down":
        for _ in range(int(scope["query_string"]) // len(piece)):
            await send(
                {"type": "http.response.body", "body": piece, "more_body": True}
            )
    await send({"type": "http.response.body", "body": b"%d" % size})

async def main():
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        server = _asgi.Server(
            [listener.fileno()],
            loop=asyncio.get_running_loop(),
            on_error=lambda message, exc: print(message, exc, flush=True),
        )
        server.app = app
        server.start()
        print(listener.getsockname()[1], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Process:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.port = int(process.stdout.readline())

    def connect(self) -> Client:
        return Client(self.port)

    def resident(self, key: str = "VmRSS") -> int:
        """Bytes of memory; VmHWM is the most it ever had."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(key)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def start(limit: int = 0) -> Iterator[Process]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(limit)], stdout=subprocess.PIPE, text=True
    ) as popen:
        try:
            yield Process(popen)
        finally:
            popen.send_signal(signal.SIGKILL)


def upload(client: Client, size: int) -> None:
    piece = memoryview(bytes(1 << 20))
    for _ in range(size // len(piece)):
        client.socket.sendall(piece)


def drain(client: Client) -> int:
    """Read to the end; how many bytes came."""
    space = bytearray(1 << 20)
    size = len(client.buffer)
    while n := client.socket.recv_into(space):
        size += n
    return size


@pytest.mark.skipif(
    bool(os.environ.get("HMR_SANITIZER")), reason="a sanitizer's own memory counts"
)
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_gigabyte_streams_in_the_memory_of_an_idle_server(
    way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with start() as server, server.connect() as client:
        assert client.get().status == 200
        idle = server.resident()
        if way == "up":
            client.send(
                b"POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % GIGABYTE
            )
            upload(client, GIGABYTE)
            assert client.response().body == b"%d" % GIGABYTE
        else:
            client.send(b"GET /down?%d HTTP/1.0\r\nhost: x\r\n\r\n" % GIGABYTE)
            assert client.head().status == 200
            assert drain(client) == GIGABYTE + 1
        peak = server.resident("VmHWM")
        with capsys.disabled():
            print(
                f"\n1 GB {way}: idle {idle / 2**20:.1f} MB, "
                f"peak {(peak - idle) / 2**20:+.1f} MB"
            )
        assert peak <= idle + SLACK


@pytest.mark.skipif(
    bool(os.environ.get("HMR_SANITIZER")) or platform.libc_ver()[0] != "glibc",
    reason="it is about glibc's malloc",
)
def test_messages_that_come_and_go_take_no_new_pages() -> None:
    """64 KiB are 16 pages; a heap that is given back takes them anew each time."""

    def faults() -> int:
        text = Path(f"/proc/{server.process.pid}/stat").read_text()
        return int(text.rpartition(")")[2].split()[7])

    def echo(times: int) -> None:
        for _ in range(times):
            for client in clients:
                client.send(message)
            for client in clients:
                client.take(len(message) - 4)  # without the mask

    message = frame(BINARY, bytes(65536))
    with start() as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(16)]
        for client in clients:
            client.send(handshake())
            client.head()
        echo(10)
        before = faults()
        echo(20)
        assert faults() - before < 1000  # of 320 messages; 0 to 100 as it is


def test_two_thousand_connections_are_answered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("this machine allows fewer descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    with start(4096) as server:
        clients = [server.connect() for _ in range(2000)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        for client in clients:
            assert client.response().status == 200
            client.socket.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_it_goes_on_and_recovers() -> None:
    with start(60) as server:
        with server.connect() as first:
            assert first.get().status == 200
            clients = []
            for _ in range(100):  # more than it can have
                client = server.connect()
                client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                clients.append(client)
            assert first.get().status == 200
            before = Path(f"/proc/{server.process.pid}/stat").read_text().split()
            time.sleep(0.5)  # not to synchronise: the processor's time is measured
            after = Path(f"/proc/{server.process.pid}/stat").read_text().split()
            assert (
                int(after[13]) + int(after[14]) - int(before[13]) - int(before[14]) < 20
            )
            for client in clients:
                client.socket.close()
        until(lambda: server.descriptors() < 30)
        with server.connect() as client:
            assert client.get().status == 200


def test_clients_that_never_get_an_answer_do_not_matter() -> None:
    with start() as server:
        stuck = [server.connect() for _ in range(50)]
        for client in stuck:
            client.send(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
        with server.connect() as client:
            for _ in range(20):
                assert client.get().status == 200
        for client in stuck:
            client.reset()


def test_resets_in_the_middle_of_bodies_free_what_they_held() -> None:
    with start() as server:
        with server.connect() as client:
            assert client.get().status == 200
        before = server.descriptors()
        for at in range(60):
            client = server.connect()
            if at % 2:
                client.send(b"GET /down?%d HTTP/1.1\r\nhost: x\r\n\r\n" % GIGABYTE)
                client.socket.recv(1 + 997 * at)
            else:
                client.send(
                    b"POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
                    + bytes(1 + 9973 * at)
                )
            client.reset()
        until(lambda: server.descriptors() <= before)
        with server.connect() as client:
            assert client.get().status == 200


CONVERSATIONS = {
    "requests": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    b"POST /up HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nx-trailer: y\r\n\r\n"
    b"POST /up HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
    b"abc",
    "websocket": handshake("sec-websocket-extensions: permessage-deflate")
    + frame(TEXT, b"hello")
    + frame(BINARY, bytes(200), fin=False)
    + frame(PING, b"here?")
    + frame(CONTINUATION, bytes(10))
    + frame(CLOSE, b"\x03\xe8"),
}


@pytest.mark.parametrize("end", ["reset", "half-close", "close"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_connection_may_end_at_any_byte(name: str, end: str) -> None:
    script = CONVERSATIONS[name]
    with start() as server:
        with server.connect() as client:
            assert client.get().status == 200
        before = server.descriptors()
        for size in range(1, len(script) + 1):
            client = server.connect()
            client.send(script[:size])
            if size % 3 == 0:  # else it ends before there is an answer
                client.socket.settimeout(0.001)
                with suppress(TimeoutError, ConnectionError):
                    client.socket.recv(65536)
                client.socket.settimeout(DEADLINE)
            if end == "reset":
                client.reset()
            elif end == "close":
                client.socket.close()
            else:
                client.socket.shutdown(socket.SHUT_WR)
                with client, suppress(ConnectionError):
                    client.rest()  # it answers what is whole, and closes
        until(lambda: server.descriptors() <= before)
        with server.connect() as client:
            assert client.get().status == 200


def test_slow_heads_in_number_do_not_keep_others_waiting() -> None:
    with start() as server:
        slow = [server.connect() for _ in range(300)]
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                for client in slow:
                    client.socket.send(b"x")

        for client in slow:
            client.send(b"GET / HTTP/1.1\r\nx-slow: ")
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with server.connect() as client:
                for _ in range(50):
                    began = time.monotonic()
                    assert client.get().status == 200
                    assert time.monotonic() - began < DEADLINE / 2
        finally:
            stop.set()
            dripping.join()
        for client in slow:
            client.socket.close()
