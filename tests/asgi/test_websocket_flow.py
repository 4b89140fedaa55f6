"""WebSockets over time: backpressure both ways, pings, the fence, the end. Sections are
of RFC 6455."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from .harness import DEADLINE, serve, until
from .test_fence import watching
from .test_limits import resident
from .websocket_client import (
    BINARY,
    PING,
    PONG,
    TEXT,
    Recorder,
    WebSocketClient,
    accept,
    close_frame,
    connect,
    echo,
    frame,
    handshake,
    once,
)

MIB = 1 << 20
# AddressSanitizer keeps what was freed for a while.
ROOM = (64 if os.environ.get("HMR_SANITIZER") else 16) * MIB


class Sender(threading.Thread):
    """Sends the same bytes again and again until all is out."""

    def __init__(self, client: WebSocketClient, data: bytes, times: int) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._client = client
        self._data = data
        self._times = times

    def run(self) -> None:
        for _ in range(self._times):
            self._client.send(self._data)
            self.sent += 1

    def stalls(self) -> int:
        """Wait until nothing goes out any more; how often the data went out."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 0.3:
            if self.sent != last:
                last, since = self.sent, time.monotonic()
            time.sleep(0.01)
        return last


# -- backpressure


def test_an_application_that_does_not_receive_stops_the_client(loop: str) -> None:
    """Then every message arrives."""
    times = 64
    total = []

    async def step(receive: Any, send: Any) -> None:
        await gate.wait()
        for _ in range(times):
            total.append(len((await receive())["bytes"]))

    with serve(once(step), loop) as served:
        gate = served.call(asyncio.Event)
        with connect(served) as client:
            before = resident()
            sender = Sender(client, frame(BINARY, bytes(MIB)), times)
            sender.start()
            assert sender.stalls() < 16  # what fits the kernel's buffers
            assert resident() - before < ROOM
            served.call(gate.set)
            sender.join(DEADLINE)
            assert client.frame().code == 1000
    assert total == [MIB] * times


def test_max_queue_small_messages_wait() -> None:
    received = []

    async def step(receive: Any, send: Any) -> None:
        await gate.wait()
        for _ in range(100_000):
            received.append((await receive())["text"])

    with serve(once(step), websocket={"max_queue": 4}) as served:
        gate = served.call(asyncio.Event)
        with connect(served) as client:
            before = resident()
            sender = Sender(client, frame(TEXT, b"x") * 1000, 100)
            sender.start()
            sender.join(0.5)
            assert resident() - before < 8 * MIB
            served.call(gate.set)
            sender.join(DEADLINE)
            assert client.frame().code == 1000
    assert len(received) == 100_000


def test_a_client_that_does_not_read_stops_the_application(loop: str) -> None:
    times = 64
    sent = [0]

    async def step(receive: Any, send: Any) -> None:
        for _ in range(times):
            await send({"type": "websocket.send", "bytes": bytes(MIB)})
            sent[0] += 1

    with serve(once(step), loop) as served, connect(served) as client:
        until(lambda: sent[0] > 0)
        time.sleep(0.2)
        assert sent[0] < 16
        for _ in range(times):
            assert client.message() == bytes(MIB)
        assert client.frame().code == 1000


def test_a_client_that_only_pings_fills_no_memory_5_5_3() -> None:
    """It does not read the pongs: only the latest ping need be answered."""
    with serve(echo) as served, connect(served) as client:
        before = resident()
        data = b"".join(frame(PING, b"%-125d" % n) for n in range(500))
        sender = Sender(client, data, 200)
        sender.start()
        sender.join(DEADLINE)
        assert not sender.is_alive()
        client.send(frame(PING, b"last"))
        assert resident() - before < ROOM
        count = 0
        while (got := client.frame()).payload != b"last":
            assert got.opcode == PONG
            count += 1
        assert count < 100_000
        client.echo("still good")


def test_a_client_that_sends_before_the_answer_is_stopped() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gate.wait()
        await accept(receive, send)
        for _ in range(64):
            assert len((await receive())["bytes"]) == MIB

    with serve(app) as served:
        gate = served.call(asyncio.Event)
        with WebSocketClient(served.port) as client:
            client.send(handshake())
            sender = Sender(client, frame(BINARY, bytes(MIB)), 64)
            sender.start()
            assert sender.stalls() < 16
            served.call(gate.set)
            assert client.response_to_handshake().status == 101
            sender.join(DEADLINE)
            assert client.frame().code == 1000
    assert served.errors == []


def test_a_close_gets_through_although_the_application_is_behind() -> None:
    """It closes with messages unread: the client's close frame is behind them."""

    async def step(receive: Any, send: Any) -> None:
        await gate.wait()

    with serve(once(step)) as served:
        gate = served.call(asyncio.Event)
        with connect(served) as client:
            sender = Sender(client, frame(BINARY, bytes(MIB)), 32)
            sender.start()
            sender.stalls()
            served.call(gate.set)
            assert client.frame().code == 1000
            sender.join(DEADLINE)
            assert not sender.is_alive()
            client.send(close_frame(1000))
            assert client.closed()


# -- pings


def test_an_idle_client_is_pinged_and_stays_5_5_2() -> None:
    settings = {"ping_interval": 0.05, "ping_timeout": DEADLINE}
    with serve(echo, websocket=settings) as served, connect(served) as client:
        for _ in range(10):
            got = client.frame()
            assert got.opcode == PING
            client.send(frame(PONG, got.payload))
        client.send(frame(TEXT, b"still here"))
        while (got := client.frame()).opcode == PING:
            client.send(frame(PONG, got.payload))  # it was on its way
        assert (got.opcode, got.payload) == (TEXT, b"still here")


def test_a_client_that_answers_no_ping_is_closed_with_1011() -> None:
    app = Recorder()
    settings = {"ping_interval": 0.05, "ping_timeout": 0.1}
    with serve(app, websocket=settings) as served, connect(served) as client:
        assert client.frame().opcode == PING
        got = client.frame()
        assert (got.code, got.reason) == (1011, "keepalive ping timeout")
        assert client.closed()
        until(lambda: app.ended)
    assert app.messages[0]["code"] == 1011


def test_a_client_that_cannot_be_reached_is_cut_off() -> None:
    """It neither reads nor answers: what is to be written to it never leaves."""
    ended = []

    async def step(receive: Any, send: Any) -> None:
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(MIB)})
        except OSError as exc:
            ended.append(exc)

    settings = {"ping_interval": 0.05, "ping_timeout": 0.1}
    with serve(once(step), websocket=settings) as served, connect(served):
        until(lambda: ended, "the end")


def test_whoever_sends_messages_needs_no_pong() -> None:
    settings = {"ping_interval": 0.05, "ping_timeout": 0.1}
    with serve(echo, websocket=settings) as served, connect(served) as client:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            client.send(frame(TEXT, b"busy"))
            while client.frame().opcode == PING:
                pass


def test_backpressure_is_no_missing_pong() -> None:
    """The client's pongs are behind messages that nobody has received."""

    async def step(receive: Any, send: Any) -> None:
        await gate.wait()
        for _ in range(64):
            assert (await receive())["type"] == "websocket.receive"

    settings = {"ping_interval": 0.05, "ping_timeout": 0.1}
    with serve(once(step), websocket=settings) as served:
        gate = served.call(asyncio.Event)
        with connect(served) as client:
            sender = Sender(client, frame(BINARY, bytes(MIB)), 64)
            sender.start()
            sender.stalls()
            served.call(gate.set)
            sender.join(DEADLINE)
            while (got := client.frame()).opcode == PING:
                pass
            assert got.code == 1000


@pytest.mark.parametrize("never", [0, None])
def test_pings_can_be_switched_off(never: float | None) -> None:
    settings = {"ping_interval": never}
    with serve(echo, websocket=settings) as served, connect(served) as client:
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.frame()


def test_an_idle_websocket_costs_no_wake_up() -> None:
    with serve(echo) as served, connect(served) as client:
        client.echo("hello")
        before = served.stats()["wakeups"]
        time.sleep(0.5)
        assert served.stats()["wakeups"] - before < 4  # those of stats() itself


# -- the end


@pytest.mark.parametrize("code", [1001, 1012])
def test_stop_closes_open_sockets_with_its_code_7_4_1(code: int, loop: str) -> None:
    app = Recorder()
    with serve(app, loop) as served, connect(served) as client:

        def answer() -> None:
            got.append(client.frame())
            client.send(close_frame(code))

        got: list[Any] = []
        thread = threading.Thread(target=answer)
        thread.start()
        began = time.monotonic()
        served.wait(lambda: served.server.stop(20.0, code))
        assert time.monotonic() - began < 5
        thread.join(DEADLINE)
        assert got[0].code == code
        assert client.closed()
    assert app.messages[-1] == {
        "type": "websocket.disconnect",
        "code": code,
        "reason": "",
    }


def test_stop_does_not_wait_for_clients_that_do_not_answer(loop: str) -> None:
    async def busy(receive: Any, send: Any) -> None:
        with pytest.raises(OSError):
            while True:
                await send({"type": "websocket.send", "bytes": bytes(MIB)})

    with serve(echo, loop) as served, connect(served), connect(served):
        began = time.monotonic()
        served.wait(lambda: served.server.stop(20.0))
        assert time.monotonic() - began < 5
    with serve(once(busy), loop) as served, connect(served):
        began = time.monotonic()
        served.wait(lambda: served.server.stop(20.0))
        assert time.monotonic() - began < 5
    assert served.errors == []


def test_stop_refuses_what_is_no_close_code() -> None:
    with serve(echo) as served, pytest.raises(ValueError):
        served.wait(lambda: served.server.stop(0.0, 1006))


def test_abort_with_open_sockets() -> None:
    with serve(echo) as served, connect(served) as client:
        client.echo("hello")
        served.call(served.server.abort)
        assert client.closed()


def test_a_thousand_sockets_at_once() -> None:
    with serve(echo) as served:
        clients = [WebSocketClient(served.port) for _ in range(1000)]
        for client in clients:
            client.send(handshake())
        for client in clients:
            assert client.response_to_handshake().status == 101
        for client in clients:
            client.send(frame(TEXT, b"all"))
        for client in clients:
            assert client.message() == "all"
        for client in clients:
            client.reset()
        until(lambda: served.stats()["connections"] == 0)
        assert served.stats()["in_flight"] == 0


# -- the fence


def test_a_handshake_waits_at_the_fence_and_frames_do_not(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        served = watched.served
        watched.watch([watched.main])
        served.call(lambda: setattr(served.server, "app", echo))
        with connect(served) as client:
            client.echo("before")
            watched.hold = True
            watched.main.write_text("two")
            until(lambda: watched.changes)
            client.echo("during")
            with WebSocketClient(served.port) as late:
                late.send(handshake())
                late.socket.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    late.head()
                client.echo("still during")
                late.socket.settimeout(DEADLINE)
                watched.release(watched.changes[-1][0])
                assert late.response_to_handshake().status == 101
                late.echo("after")
            client.echo("after")
