"""WebSockets: handshake, frames, closing. Sections are of RFC 6455."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hmr_serve._asgi import ClientDisconnected

from .harness import hello, serve, until
from .test_tls import FILES, client_context
from .websocket_client import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
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

# -- the opening handshake


def test_the_handshake_is_answered_as_in_the_example_of_section_1_3() -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        response = client.shake()
        assert response.status == 101
        assert response.header("upgrade") == "websocket"
        assert response.header("connection") == "Upgrade"
        assert response.header("sec-websocket-accept") == ACCEPT
        assert response.header("sec-websocket-extensions") is None
        assert response.header("content-length") is None
        client.echo("hello")
    assert served.log[0][1:5] == ("WebSocket", "/", "1.1", 101)


def test_the_scope_is_uvicorns(loop: str) -> None:
    app = Recorder()
    with serve(app, loop, root_path="/api") as served:
        headers = "Sec-WebSocket-Protocol: chat, super", "sec-websocket-protocol:more"
        with connect(served, *headers, path="/a%20b?c=d"):
            scope = app.scope
    assert scope["type"] == "websocket"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (scope["scheme"], scope["http_version"]) == ("ws", "1.1")
    assert (scope["path"], scope["raw_path"]) == ("/api/a b", b"/api/a%20b")
    assert (scope["root_path"], scope["query_string"]) == ("/api", b"c=d")
    assert scope["subprotocols"] == ["chat", "super", "more"]
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert scope["state"] == {}
    assert (b"sec-websocket-key", KEY.encode()) in scope["headers"]
    assert scope["server"] == ("127.0.0.1", served.port)
    assert scope["client"][0] == "127.0.0.1"
    assert "method" not in scope


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": None},  # 4.1: the request must include it
        {"key": ""},
        {"key": KEY[:-4]},  # 4.2.1: 16 bytes when decoded
        {"key": KEY + "AAAA"},
        {"key": "dGhlIHNhbXBsZSBub25j!Q=="},
        {"version": None},
    ],
    ids=str,
)
def test_a_bad_handshake_is_refused_with_400_as_4_2_2_says(wrong: Any) -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        assert client.shake(**wrong).status == 400
        assert client.closed()
        assert served.stats()["in_flight"] == 0


@pytest.mark.parametrize("extra", [f"sec-websocket-key: {KEY}", "content-length: 2"])
def test_two_keys_or_a_body_are_refused(extra: str) -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        assert client.shake(extra).status == 400


@pytest.mark.parametrize("version", ["8", "12", "14", "013", "x"])
def test_another_version_is_told_ours_as_4_4_says(version: str) -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        response = client.shake(version=version)
        assert response.status == 426
        assert response.header("sec-websocket-version") == "13"
        assert response.header("upgrade") == "websocket"  # RFC 9110, 15.5.22


@pytest.mark.parametrize(
    "ordinary",
    [
        {"http": "1.0"},  # RFC 9110, 7.8: upgrades of HTTP/1.0 are ignored
        {"method": "POST"},  # 4.1: the method must be GET
        {"upgrade": "h2c"},
        {"connection": "keep-alive"},
    ],
    ids=str,
)
def test_what_is_no_websocket_handshake_is_an_ordinary_request(ordinary: Any) -> None:
    with serve(hello) as served, WebSocketClient(served.port) as client:
        response = client.shake(**ordinary)
        assert (response.status, response.body) == (200, b"hello")


@pytest.mark.parametrize(
    "settings",
    [
        {"upgrade": "WebSocket"},  # 4.2.1: compared case-insensitively
        {"upgrade": "h2c, websocket"},
        {"connection": "keep-alive, UPGRADE"},
    ],
    ids=str,
)
def test_tokens_are_found_in_lists_in_any_case(settings: Any) -> None:
    with serve(echo) as served, connect(served, **settings) as client:
        client.echo("hello")


def test_websockets_can_be_switched_off() -> None:
    with (
        serve(hello, websocket=None) as served,
        WebSocketClient(served.port) as client,
    ):
        assert client.shake().status == 200


def test_the_application_chooses_subprotocol_and_headers(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"X-Session", b"1"), [b"set-cookie", b"a=b"]]
        await accept(receive, send, subprotocol="chat", headers=headers)

    with serve(app, loop) as served, WebSocketClient(served.port) as client:
        response = client.shake("sec-websocket-protocol: soap, chat")
    assert response.header("sec-websocket-protocol") == "chat"
    assert response.header("x-session") == "1"
    assert response.header("set-cookie") == "a=b"
    assert response.header("server") == "hmr-serve"


@pytest.mark.parametrize(
    "answer",
    [
        {"subprotocol": "a\r\nb"},
        {"headers": [(b"x", b"1\r\n")]},
        {"headers": [("x", "1")]},
    ],
    ids=str,
)
def test_an_answer_that_would_break_the_head_is_an_error(answer: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send, **answer)

    with serve(app) as served, WebSocketClient(served.port) as client:
        assert client.shake().status == 500
    assert [str(exc) for _, exc in served.errors] != ["None"]
    assert len(served.errors) == 1


def test_closing_before_accepting_is_403(loop: str) -> None:
    after = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000})
        after.append(await receive())
        with pytest.raises(RuntimeError, match=r"after sending 'websocket.close'"):
            await send({"type": "websocket.accept"})

    with serve(app, loop) as served, WebSocketClient(served.port) as client:
        assert client.shake().status == 403
        assert client.closed()
        until(lambda: after, "the disconnect")
    assert after[0]["type"] == "websocket.disconnect"
    assert after[0]["code"] == 1006
    assert served.errors == []
    assert [entry[4] for entry in served.log] == [403]


def test_a_handshake_is_rejected_with_any_http_response(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "websocket.http.response" in scope["extensions"]
        await receive()
        start = {"type": "websocket.http.response.start", "status": 401}
        await send({**start, "headers": [(b"www-authenticate", b"Basic")]})
        body = {"type": "websocket.http.response.body"}
        await send({**body, "body": b"not ", "more_body": True})
        await send({**body, "body": b"you"})

    with serve(app, loop) as served, WebSocketClient(served.port) as client:
        client.send(handshake())
        response = client.response()
        assert (response.status, response.body) == (401, b"not you")
        assert response.header("www-authenticate") == "Basic"
        assert client.closed()
    assert served.errors == []


def test_frames_that_come_before_the_answer_are_kept(loop: str) -> None:
    app = Recorder()
    with serve(app, loop) as served, WebSocketClient(served.port) as client:
        client.send(handshake() + frame(TEXT, b"early") + frame(BINARY, b"bird"))
        assert client.response_to_handshake().status == 101
        client.send(close_frame(1000))
        client.fails(1000)
        until(lambda: app.ended)
    assert [message.get("text") for message in app.messages[:2]] == ["early", None]
    assert app.messages[1]["bytes"] == b"bird"


# -- messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_every_length_of_5_2_goes_both_ways(size: int, loop: str) -> None:
    with serve(echo, loop) as served, connect(served) as client:
        client.echo("x" * size)
        client.echo(b"\xff" * size)


def test_receive_gives_the_one_key_that_uvicorn_gives() -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(frame(TEXT, "é€𝄞".encode()) + frame(BINARY, b"\x00"))
        until(lambda: len(app.messages) == 2)
    assert app.messages[:2] == [
        {"type": "websocket.receive", "text": "é€𝄞"},
        {"type": "websocket.receive", "bytes": b"\x00"},
    ]


def test_a_message_in_pieces_with_a_ping_between_them_5_4() -> None:
    with serve(echo) as served, connect(served) as client:
        client.send(frame(TEXT, b"a", fin=False))
        client.send(frame(CONTINUATION, b"", fin=False))
        client.send(frame(PING, b"in between"))
        got = client.frame()
        assert (got.opcode, got.payload) == (PONG, b"in between")
        client.send(frame(CONTINUATION, b"b"))
        assert client.message() == "ab"


def test_byte_by_byte() -> None:
    data = frame(TEXT, "é".encode() * 70) + frame(PING, b"p") + frame(BINARY, b"b")
    with serve(echo) as served, connect(served) as client:
        for at in range(len(data)):
            client.send(data[at : at + 1])
        # The pong comes from the I/O thread, and may overtake the application.
        got = sorted((f.opcode, f.payload) for f in [client.frame() for _ in range(3)])
    assert got == [(TEXT, "é".encode() * 70), (BINARY, b"b"), (PONG, b"p")]


def test_pings_are_answered_in_order_and_pongs_ignored_5_5_3() -> None:
    with serve(echo) as served, connect(served) as client:
        client.send(frame(PONG, b"nobody asked"))
        pings = [b"%d" % n for n in range(10)] + [b"x" * 125, b""]
        client.send(b"".join(frame(PING, payload) for payload in pings))
        for payload in pings:
            got = client.frame()
            assert (got.opcode, got.payload) == (PONG, payload)


def test_bytes_like_objects_can_be_sent() -> None:
    async def step(receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "bytes": bytearray(b"one"), "text": None})
        await send({"type": "websocket.send", "bytes": memoryview(b"two")})
        await send({"type": "websocket.send", "text": "", "bytes": None})

    with serve(once(step)) as served, connect(served) as client:
        assert [client.message() for _ in range(3)] == [b"one", b"two", ""]
        client.send(close_frame(1000))
        client.fails(1000)


# -- what a client must not do


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"x", mask=None), 1002),  # 5.1: unmasked
        (frame(TEXT, b"x", rsv=RSV1), 1002),  # 5.2: no extension gives it a meaning
        (frame(TEXT, b"x", rsv=RSV2), 1002),
        (frame(PING, b"x", rsv=RSV3), 1002),
        *((frame(opcode, b"x"), 1002) for opcode in (3, 4, 5, 6, 7)),  # 5.2: reserved
        *((frame(opcode, b"x"), 1002) for opcode in (11, 12, 13, 14, 15)),
        (frame(PING, b"x" * 126), 1002),  # 5.5: 125 bytes or less
        (frame(PING, b"x", fin=False), 1002),  # 5.5: not fragmented
        (frame(CLOSE, b"x" * 126), 1002),
        (frame(CONTINUATION, b"x"), 1002),  # 5.4: nothing to continue
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),  # 5.4: interleaved
        (bytes([0x81, 0xFE, 0, 5, 1, 2, 3, 4]), 1002),  # 5.2: not the shortest form
        (bytes([0x81, 0xFF, *bytes(6), 1, 0, 1, 2, 3, 4]), 1002),
        (bytes([0x82, 0xFF, 0x80, *bytes(7), 1, 2, 3, 4]), 1002),  # 5.2: the top bit
        (frame(TEXT, b"\xff"), 1007),  # 5.6, 8.1: UTF-8
        (frame(TEXT, b"\xc3"), 1007),  # cut off
        (frame(TEXT, b"\xed\xa0\x80"), 1007),  # a surrogate
        (frame(TEXT, b"\xc0\xaf"), 1007),  # overlong
        (frame(TEXT, b"\xe0\x80\x80"), 1007),
        (frame(TEXT, b"\xf0\x80\x80\x80"), 1007),
        (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),  # above U+10FFFF
        (frame(TEXT, b"\xce", fin=False) + frame(CONTINUATION, b"a"), 1007),
        (frame(CLOSE, b"\x03"), 1002),  # 5.5.1: two bytes, or none
        (close_frame(1000, b"\xff"), 1007),  # 5.5.1: the reason is UTF-8
        *(  # 7.4: codes that nobody may send
            (close_frame(code), 1002)
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
        ),
    ],
    ids=lambda value: value.hex()[:24] if isinstance(value, bytes) else str(value),
)
def test_a_violation_is_closed_with_its_code_7_1_7(data: bytes, code: int) -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(data)
        client.fails(code)
        until(lambda: app.ended)
    assert [message["type"] for message in app.messages] == ["websocket.disconnect"]
    assert app.messages[0]["code"] == code
    assert served.errors == []


def test_messages_before_a_violation_are_delivered() -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(frame(TEXT, b"good") + frame(BINARY, b"too") + frame(3, b"bad"))
        client.fails(1002)
        until(lambda: app.ended)
    kinds = [message.get("text", message.get("bytes")) for message in app.messages]
    assert kinds == ["good", b"too", None]


def test_what_was_good_is_answered_before_the_close_7_1_7() -> None:
    with serve(echo) as served, connect(served) as client:
        client.send(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(3, b"bad"))
        assert [client.message(), client.message()] == ["one", "two"]
        client.fails(1002)


def test_an_application_that_does_not_receive_does_not_keep_a_violation_open() -> None:
    raised: list[BaseException] = []

    async def step(receive: Any, send: Any) -> None:
        try:
            while True:
                await send({"type": "websocket.send", "text": "tick"})
                await asyncio.sleep(0.01)
        except OSError as exc:
            raised.append(exc)

    with serve(once(step)) as served, connect(served) as client:
        client.send(frame(3, b"bad"))
        while (got := client.frame()).opcode == TEXT:
            pass
        assert got.code == 1002
        assert client.closed()
        until(lambda: raised)
    assert served.errors == []


def test_bad_utf_8_fails_before_its_frame_has_ended_8_1() -> None:
    whole = frame(TEXT, b"ok \xc3\xa9 \xed\xa0\x80" + b"x" * 100)
    with serve(echo) as served, connect(served) as client:
        client.send(whole[: -100 - 1])  # the second byte of the surrogate is out
        client.fails(1007)


def test_a_client_that_goes_on_after_its_violation_still_reads_the_code() -> None:
    with serve(echo) as served, connect(served) as client:
        client.send(frame(3, b"bad") + frame(BINARY, b"x" * 100_000))
        client.fails(1002)


def test_too_big_a_message_is_1009_before_it_has_come() -> None:
    with serve(echo, websocket={"max_size": 1000}) as served:
        with connect(served) as client:
            client.echo(b"x" * 1000)
            client.send(frame(BINARY, b"x" * 1001)[:20])
            client.fails(1009)
        with connect(served) as client:
            client.send(frame(BINARY, b"x" * 600, fin=False))
            client.send(frame(CONTINUATION, b"x" * 401))
            client.fails(1009)


# -- closing


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 1014, 3000, 4999])
def test_a_clients_close_is_echoed_and_told_5_5_1(code: int, loop: str) -> None:
    app = Recorder()
    with serve(app, loop) as served, connect(served) as client:
        client.send(close_frame(code, "bye é".encode()))
        # 7.1.1: the server closes the connection first.
        client.fails(code)
        until(lambda: app.ended)
    expected = {"type": "websocket.disconnect", "code": code, "reason": "bye é"}
    assert app.messages == [expected]


def test_a_close_without_a_code_is_1005_7_1_5() -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(frame(CLOSE))
        got = client.frame()
        assert (got.opcode, got.payload) == (CLOSE, b"")
        assert client.closed()
        until(lambda: app.ended)
    assert app.messages[0]["code"] == 1005


def test_nothing_is_answered_behind_a_close_5_5_1() -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(close_frame(1000) + frame(PING, b"x") + frame(TEXT, b"y"))
        client.fails(1000)
        until(lambda: app.ended)
    assert len(app.messages) == 1


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_client_that_vanishes_is_1006_7_1_5(how: str) -> None:
    app = Recorder()
    with serve(app) as served, connect(served) as client:
        client.send(frame(TEXT, b"last words"))
        until(lambda: app.messages)
        client.reset() if how == "reset" else client.socket.close()
        until(lambda: app.ended)
    assert app.messages[0]["text"] == "last words"
    assert app.messages[1]["code"] == 1006


def test_the_application_closes_with_code_and_reason(loop: str) -> None:
    seen = []

    async def step(receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4001, "reason": "enough é"})
        seen.append(await receive())
        with pytest.raises(RuntimeError, match=r"after sending 'websocket.close'"):
            await send({"type": "websocket.send", "text": "more"})

    with serve(once(step), loop) as served, connect(served) as client:
        got = client.frame()
        assert (got.code, got.reason) == (4001, "enough é")
        client.send(frame(TEXT, b"ignored") + close_frame(4001))
        assert client.closed()
        until(lambda: seen)
    expected = {"type": "websocket.disconnect", "code": 4001, "reason": "enough é"}
    assert seen == [expected]
    assert served.errors == []


def test_close_wakes_a_receive_that_waits() -> None:
    seen = []

    async def step(receive: Any, send: Any) -> None:
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "websocket.close"})
        seen.append(await waiting)

    with serve(once(step)) as served, connect(served) as client:
        assert client.frame().code == 1000
        until(lambda: seen)
    assert seen[0]["code"] == 1000


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "websocket.close", "code": 1006}, ValueError),
        ({"type": "websocket.close", "code": 999}, ValueError),
        ({"type": "websocket.close", "code": 10**20}, ValueError),
        ({"type": "websocket.close", "code": "x"}, TypeError),
        ({"type": "websocket.close", "reason": "x" * 124}, ValueError),
        ({"type": "websocket.send"}, ValueError),
        ({"type": "websocket.send", "text": None, "bytes": None}, ValueError),
        ({"type": "websocket.send", "text": b"x"}, TypeError),
        ({"type": "websocket.send", "bytes": "x"}, TypeError),
        ({"type": "websocket.send", "text": "\ud800"}, UnicodeEncodeError),
        ({"type": "websocket.accept"}, RuntimeError),
        ({"type": "http.response.start", "status": 200}, RuntimeError),
        ({}, ValueError),
    ],
    ids=str,
)
def test_a_wrong_message_is_a_clear_error_and_sends_nothing(
    message: Any, error: type[Exception]
) -> None:
    async def step(receive: Any, send: Any) -> None:
        with pytest.raises(error):
            await send(message)
        await send({"type": "websocket.send", "text": "still here"})

    with serve(once(step)) as served, connect(served) as client:
        assert client.message() == "still here"
        assert client.frame().code == 1000
    assert served.errors == []


def test_an_application_that_returns_closes_with_1000() -> None:
    async def step(receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "bye"})

    with serve(once(step)) as served, connect(served) as client:
        assert client.message() == "bye"
        assert client.frame().code == 1000
        client.send(close_frame(1000))
        assert client.closed()
    assert served.errors == []


def test_an_application_that_raises_closes_with_1011_7_4_1() -> None:
    async def step(receive: Any, send: Any) -> None:
        await receive()
        raise ZeroDivisionError

    with serve(once(step)) as served, connect(served) as client:
        client.send(frame(TEXT, b"go"))
        assert client.frame().code == 1011
    assert [type(exc) for _, exc in served.errors] == [ZeroDivisionError]


@pytest.mark.parametrize("raises", [True, False])
def test_an_application_that_never_answers_the_handshake_is_500(raises: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if raises:
            raise ZeroDivisionError

    with serve(app) as served, WebSocketClient(served.port) as client:
        assert client.shake().status == 500
        assert client.closed()
    text, exc = served.errors[0]
    assert len(served.errors) == 1
    assert (exc is not None) is raises
    assert raises or text == "ASGI callable returned without completing handshake."


def test_sending_to_a_client_that_has_closed_raises_an_oserror() -> None:
    raised: list[BaseException] = []

    async def step(receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.disconnect"
        await send({"type": "websocket.close"})  # it is closed: nothing to do
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as exc:
            raised.append(exc)
            raise

    with serve(once(step)) as served, connect(served) as client:
        client.send(close_frame(1000))
        client.fails(1000)
        until(lambda: raised)
    assert [type(exc) for exc in raised] == [ClientDisconnected]
    assert served.errors == []  # not the application's mistake


def test_a_client_that_leaves_during_the_handshake(loop: str) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        seen.append(await receive())
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.accept"})

    with serve(app, loop) as served, WebSocketClient(served.port) as client:
        client.send(handshake())
        until(lambda: served.stats()["in_flight"])
        client.reset()
        until(lambda: seen)
        until(lambda: served.stats()["in_flight"] == 0)
    assert seen[0]["type"] == "websocket.disconnect"
    assert seen[0]["code"] == 1006
    assert served.errors == []


def test_websockets_over_tls(loop: str) -> None:
    app = Recorder()
    with serve(app, loop, tls=FILES) as served:
        client = WebSocketClient(served.port)
        client.socket = client_context().wrap_socket(
            client.socket, server_hostname="localhost"
        )
        with client:
            client.open()
            client.send(frame(BINARY, b"x" * 300_000) + frame(PING, b"p"))
            got = client.frame()
            assert (got.opcode, got.payload) == (PONG, b"p")
            client.send(close_frame(1000))
            assert client.frame().code == 1000
            until(lambda: app.ended)
    assert app.scope["scheme"] == "wss"
    assert app.messages[0]["bytes"] == b"x" * 300_000
