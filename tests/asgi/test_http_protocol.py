"""HTTP/1.1 on the wire: what goes in, what comes out, byte for byte.

Sections are of RFC 9112; those of RFC 9110 (semantics) stand with an S. What is to be
refused is in test_http_strict.py.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from typing import Any

import pytest

from .harness import (
    DEADLINE,
    Client,
    echo,
    hello,
    read_body,
    respond,
    serve,
    until,
)

GET = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def streaming(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def paths(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await respond(send, scope["path"].encode())


def test_a_connection_answers_many_requests(loop: str) -> None:
    """9.3: connections persist."""
    with serve(hello, loop) as served, served.connect() as client:
        for _ in range(20):
            response = client.get()
            assert (response.status, response.body) == (200, b"hello")
            assert response.header("content-length") == "5"
            assert response.header("connection") is None
        assert served.stats()["connections"] == 1


def test_date_and_server_headers_are_sent_once_and_can_be_turned_off() -> None:
    """S6.6.1 and S10.2.4."""
    with serve(hello) as served, served.connect() as client:
        response = client.get()
        date = response.header("date")
        assert date and re.fullmatch(
            r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date
        )
        assert response.header("server") == "hmr-serve"
    with (
        serve(hello, date_header=False, server_header=False) as served,
        served.connect() as client,
    ):
        response = client.get()
        assert [name for name, _ in response.headers] == ["content-length"]


def test_the_applications_own_date_and_server_headers_win() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"", headers=((b"Date", b"today"), (b"Server", b"mine")))

    with serve(app) as served, served.connect() as client:
        response = client.get()
        assert response.header("date") == "today"
        assert response.header("server") == "mine"


def test_pipelined_requests_are_answered_in_order(loop: str) -> None:
    """9.3.2: in the order in which they came."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("0"):
            await asyncio.sleep(0.01)
        await respond(send, scope["path"].encode())

    wanted = [f"/{i}" for i in range(50)]
    data = b"".join(
        f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in wanted
    )
    with serve(app, loop) as served, served.connect() as client:
        client.send(data)
        assert [client.response().body.decode() for _ in wanted] == wanted


def test_more_pipelined_requests_than_fit_the_input_buffer() -> None:
    """9.3.2."""
    n = 5000
    data = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % i for i in range(n))
    assert len(data) > 65536 * 2
    with serve(paths) as served, served.connect() as client:
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        for i in range(n):
            assert client.response().body == b"/%d" % i
        sender.join(DEADLINE)


def test_pipelined_bodies_of_both_kinds() -> None:
    """6.3: where a body ends."""
    request = (
        POST
        + b"content-length: 3\r\n\r\nabc"
        + POST
        + b"transfer-encoding: chunked\r\n\r\n"
        b"2\r\nde\r\n1;x=y\r\nf\r\n0\r\ntrailer: t\r\n\r\n"
    )
    with serve(echo) as served, served.connect() as client:
        client.send(request * 10)
        bodies = [client.response().body for _ in range(20)]
        assert bodies == [b"abc", b"def"] * 10


SPLIT = (
    b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /d HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nwiki\r\n3\r\nped\r\n0\r\n\r\n"
    b"GET /last HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n"
)


async def mirror(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = await read_body(receive)
    seen = (scope["method"], scope["path"], scope["query_string"], scope["headers"])
    await respond(send, repr((*seen, body)).encode())


SPLIT_ANSWERS = [
    (
        "POST",
        "/a",
        b"b=c",
        [(b"host", b"x"), (b"x-empty", b""), (b"content-length", b"5")],
        b"hello",
    ),
    (
        "POST",
        "/d",
        b"",
        [(b"host", b"x"), (b"transfer-encoding", b"chunked")],
        b"wikiped",
    ),
    ("GET", "/last", b"", [(b"host", b"y"), (b"connection", b"close")], b""),
]


def split_answers(client: Client) -> list[Any]:
    answers = [eval(client.response().body) for _ in SPLIT_ANSWERS]
    assert client.closed()
    return answers


def test_a_request_may_be_split_at_every_byte() -> None:
    """2.2: a message is a sequence of octets, however they come."""
    with serve(mirror) as served:
        for at in range(1, len(SPLIT)):
            with served.connect() as client:
                requests = served.stats()["requests"]
                client.send(SPLIT[:at])
                # Only when the first part is read, or the two would come as one.
                before = SPLIT[:at].count(b"\r\n\r\n") > 0
                if before:
                    until(lambda n=requests: served.stats()["requests"] > n)
                client.send(SPLIT[at:])
                assert split_answers(client) == SPLIT_ANSWERS, at


def test_a_request_may_come_byte_by_byte(loop: str) -> None:
    """2.2."""
    with serve(mirror, loop) as served, served.connect() as client:
        for at in range(len(SPLIT)):
            client.send(SPLIT[at : at + 1])
            wakeups = served.stats()["wakeups"]
            until(lambda n=wakeups: served.stats()["wakeups"] >= n)
        assert split_answers(client) == SPLIT_ANSWERS


def test_a_large_body_goes_in_and_comes_back(loop: str) -> None:
    body = bytes(range(256)) * 40_000
    with serve(echo, loop) as served, served.connect() as client:
        head = POST + b"content-length: %d\r\n\r\n" % len(body)
        sender = threading.Thread(target=client.send, args=(head + body,))
        sender.start()
        assert client.response().body == body
        sender.join(DEADLINE)
        assert client.get().status == 200


def test_a_large_chunked_body_goes_both_ways() -> None:
    """7.1."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send(
                {
                    "type": "http.response.body",
                    "body": message["body"],
                    "more_body": more,
                }
            )

    chunk = b"x" * 10_000
    with serve(app) as served, served.connect() as client:

        def send() -> None:
            client.send(POST + b"transfer-encoding: chunked\r\n\r\n")
            for _ in range(300):
                client.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            client.send(b"0\r\n\r\n")

        sender = threading.Thread(target=send)
        sender.start()
        assert client.response().body == chunk * 300
        sender.join(DEADLINE)


def test_a_body_without_length_is_chunked() -> None:
    """6.1 and 7.1."""
    with serve(streaming) as served, served.connect() as client:
        client.send(GET)
        response = client.head()
        assert response.header("transfer-encoding") == "chunked"
        assert response.header("content-length") is None
        assert client.chunk() == b"one"
        assert client.chunk() == b"two"
        assert client.chunk() == b""
        assert client.get().body == b"onetwo"


def test_http_1_0_closes_unless_asked() -> None:
    """9.3 and C.2.2."""
    with serve(streaming) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        response = client.head()
        assert response.version == "HTTP/1.1"
        assert response.header("transfer-encoding") is None
        assert response.header("connection") == "close"
        assert client.rest() == b"onetwo"
    with serve(hello) as served, served.connect() as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = client.response()
            assert response.body == b"hello"
            assert response.header("connection") == "keep-alive"
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().body == b"hello"
        assert client.closed()


def test_an_application_cannot_promise_that_the_connection_stays() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"ok", headers=((b"Connection", b"Keep-Alive"),))

    with serve(app) as served, served.connect() as client:
        assert client.get().header("connection") is None
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().header("connection") == "close"
        assert client.closed()


def test_connection_close_is_obeyed_from_either_side() -> None:
    """9.6."""

    async def closing(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"bye", headers=((b"connection", b"close"),))

    with serve(hello) as served, served.connect() as client:
        response = client.get("/", "connection: close")
        assert response.header("connection") == "close"
        assert client.closed()
    with serve(closing) as served, served.connect() as client:
        response = client.get()
        assert response.header("connection") == "close"
        assert client.closed()


@pytest.mark.parametrize("app", [hello, streaming])
def test_head_has_no_body(app: Any) -> None:
    """S9.3.2: the fields of GET, and no content."""
    with serve(app) as served, served.connect() as client:
        for _ in range(3):
            client.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.response(head=True).status == 200
        assert client.get().body in (b"hello", b"onetwo")


@pytest.mark.parametrize("body", [b"", b"ab"])
@pytest.mark.parametrize(
    "headers", [(), ((b"content-length", b"2"),), ((b"transfer-encoding", b"chunked"),)]
)
def test_204_has_neither_body_nor_length(
    body: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    """S8.6 and 6.1."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, body, 204, headers)

    with serve(app) as served, served.connect() as client:
        for _ in range(3):
            response = client.get()
            assert response.status == 204
            assert response.header("content-length") is None
            assert response.header("transfer-encoding") is None
        assert served.errors == []


@pytest.mark.parametrize("fields", [b"transfer-encoding", b"transfer-encoding length"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_the_transfer_coding_is_the_servers(version: bytes, fields: bytes) -> None:
    """6.1: none to HTTP/1.0, and never beside a length."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"Transfer-Encoding", b"Chunked")]
        if with_length:
            headers.insert(0, (b"Content-Length", b"5"))
            headers.append((b"X-Last", b"1"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        await send({"type": "http.response.body", "body": b"llo"})

    with_length = b"length" in fields
    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/" + version + b"\r\nhost: x\r\n\r\n")
        response = client.response()
        assert response.body == b"hello"
        chunked = version == b"1.1" and not with_length
        assert response.header("transfer-encoding") == ("chunked" if chunked else None)
        assert response.header("content-length") == ("5" if with_length else None)
        assert served.errors == []


def test_304_has_no_body() -> None:
    """S15.4.5 and 6.3."""
    status = 304

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"", status)

    with serve(app) as served, served.connect() as client:
        for _ in range(3):
            response = client.get()
            assert response.status == status
            assert response.header("content-length") is None
            assert response.header("transfer-encoding") is None


def test_100_continue_is_sent_when_the_body_is_wanted(loop: str) -> None:
    """S10.1.1."""
    with serve(echo, loop) as served, served.connect() as client:
        head = POST + b"expect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        for _ in range(2):
            client.send(head)
            assert client.response().status == 100
            client.send(b"body")
            assert client.response().body == b"body"


def test_100_continue_is_not_sent_when_nobody_reads() -> None:
    """S10.1.1: a final status may come instead."""
    with serve(hello) as served, served.connect() as client:
        client.send(POST + b"expect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        response = client.response()
        assert response.status == 200
        assert response.header("connection") == "close"
        client.send(b"body")
        assert client.closed()


def test_a_body_that_nobody_reads_is_skipped() -> None:
    """9.3: it is read, or the connection is closed."""
    with serve(hello) as served, served.connect() as client:
        body = b"x" * 300_000
        client.send(POST + b"content-length: %d\r\n\r\n" % len(body) + body + GET)
        assert client.response().body == b"hello"
        assert client.response().body == b"hello"


def test_a_large_head_within_the_limit_is_fine() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"%d" % len(scope["headers"]))

    headers = [f"x-{i}: {'v' * 40}" for i in range(900)]
    with serve(app) as served, served.connect() as client:
        assert client.get("/" + "p" * 5000, *headers).body == b"901"


def test_broken_chunks_after_a_good_head_end_the_connection() -> None:
    """8: an incomplete message cannot be followed by another."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        seen.append(message)

    seen: list[Any] = []
    with serve(app) as served, served.connect() as client:
        client.send(POST + b"transfer-encoding: chunked\r\n\r\n")
        until(lambda: served.stats()["in_flight"] == 1)
        client.send(b"nonsense\r\n")
        assert client.response().status == 400
        assert client.closed()
        until(lambda: seen == [{"type": "http.disconnect"}])


def test_an_upgrade_that_nobody_takes_is_an_ordinary_request() -> None:
    """S7.8: a server may ignore it."""
    with serve(mirror) as served, served.connect() as client:
        for _ in range(2):
            response = client.get(
                "/ws",
                "connection: Upgrade",
                "upgrade: h2c",
            )
            assert response.status == 200
            assert eval(response.body)[1] == "/ws"


def test_idle_connections_are_closed_after_the_keep_alive_time() -> None:
    """9.5."""
    with serve(hello, keep_alive=0.1) as served:
        with served.connect() as client:
            assert client.get().status == 200
            assert client.closed()
        with served.connect() as fresh:  # has not sent anything yet
            fresh.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                fresh.socket.recv(1)
            fresh.socket.settimeout(DEADLINE)
            assert fresh.get().status == 200


@pytest.mark.parametrize("before", [b"", GET])
def test_a_head_that_takes_too_long_gets_408(before: bytes) -> None:
    """S15.5.9. Each byte that comes does not prolong it."""
    with serve(hello, head_time=0.3) as served, served.connect() as client:
        client.send(before + GET[:7])
        if before:
            assert client.response().status == 200
        began = time.monotonic()
        for at in range(7, 11):
            time.sleep(0.05)
            client.send(GET[at : at + 1])
        response = client.response()
        assert response.status == 408
        assert response.header("connection") == "close"
        assert client.closed()
        assert 0.05 < time.monotonic() - began < 2
        until(lambda: served.stats()["connections"] == 0)


def test_a_client_that_says_nothing_is_let_go_without_an_answer() -> None:
    with serve(hello, head_time=0.1) as served, served.connect() as client:
        assert client.closed()


def test_the_time_for_a_head_is_not_that_of_its_body_or_answer() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        body = await read_body(receive)
        await asyncio.sleep(0.3)
        await respond(send, body)

    with serve(slow, head_time=0.1) as served, served.connect() as client:
        client.send(POST + b"content-length: 2\r\n\r\na")
        time.sleep(0.3)
        client.send(b"b")
        assert client.response().body == b"ab"


def test_the_rest_of_a_body_nobody_wanted_may_not_take_for_ever() -> None:
    with serve(hello, keep_alive=0.1) as served, served.connect() as client:
        client.send(POST + b"content-length: 9\r\n\r\nhalf")
        assert client.response().body == b"hello"
        assert client.closed()


def test_a_slow_request_is_no_idle_connection() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.4)
        await respond(send, b"slow")

    with serve(slow, keep_alive=0.1) as served, served.connect() as client:
        assert client.get().body == b"slow"


def test_a_client_that_closes_one_direction_gets_its_answer() -> None:
    """9.6: a half-closed connection is no error."""
    with serve(hello) as served, served.connect() as client:
        client.send(GET * 3)
        client.socket.shutdown(socket.SHUT_WR)
        for _ in range(3):
            assert client.response().body == b"hello"
        assert client.closed()


def test_an_end_after_half_a_pipelined_request_ends_the_connection() -> None:
    """8."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read_body(receive)
        started.append(scope["path"])
        await asyncio.sleep(0.05)  # the rest of the input waits meanwhile
        await respond(send, b"done")

    started: list[str] = []
    halves = (
        b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
        b"GET /b HT",
    )
    for half in halves:
        with serve(app) as served, served.connect() as client:
            client.send(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n" + half)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.response().body == b"done"
            assert client.closed()
            until(lambda: served.stats()["in_flight"] == 0)
            until(lambda: served.stats()["connections"] == 0)
    assert started == ["/a", "/a"]


def test_an_end_in_a_body_that_nobody_reads_ends_the_connection() -> None:
    """8."""
    with serve(hello) as served, served.connect() as client:
        client.send(POST + b"content-length: 9\r\n\r\nhalf")
        assert client.response().body == b"hello"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.closed()
        until(lambda: served.stats()["connections"] == 0)


def test_the_end_of_the_input_reaches_a_pipelined_request() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await respond(send, b"saw it")

    with serve(app) as served, served.connect() as client:
        client.send(GET * 3)
        client.socket.shutdown(socket.SHUT_WR)
        for _ in range(3):
            assert client.response().body == b"saw it"


def test_resets_at_any_moment_harm_nobody_else(loop: str) -> None:
    with serve(streaming, loop) as served:
        for at in range(0, len(SPLIT), 3):
            client = served.connect()
            client.send(SPLIT[:at])
            client.reset()
        until(lambda: served.stats()["connections"] == 0)
        with served.connect() as client:
            assert client.get().body == b"onetwo"
        until(lambda: served.stats()["in_flight"] == 0)


@pytest.mark.parametrize("family", ["ipv6", "unix"])
def test_other_kinds_of_listeners(family: str, tmp_path: Any) -> None:
    from hmr_serve import _asgi

    if family == "ipv6":
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        listener = socket.socket(socket.AF_INET6)
        try:
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback address")
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
    listener.listen()
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await respond(send, b"ok")

    async def main() -> bytes:
        server = _asgi.Server(
            [listener.fileno()], loop=asyncio.get_running_loop(), on_error=print
        )
        server.app = app
        server.start()
        if family == "ipv6":
            reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        else:
            reader, writer = await asyncio.open_unix_connection(listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        data = await reader.read()
        writer.close()
        await server.stop(1.0)
        return data

    assert asyncio.run(main()).endswith(b"ok")
    if family == "ipv6":
        assert scopes[0]["client"][0] == "::1"
        assert scopes[0]["server"] == ("::1", listener.getsockname()[1])
    else:
        assert scopes[0]["client"] is None
        assert scopes[0]["server"] == (str(tmp_path / "s"), None)
    listener.close()
