"""What RFC 9112 and RFC 9110 tell a server to refuse, sentence by sentence.

Each case names its section; those of RFC 9110 (semantics) with an S. Every one is
sent whole and byte by byte: the answer must be the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from .harness import Served, read_body, respond, serve

POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
HUGE = b"9" * 30


def get(fields: bytes = b"host: x\r\n", version: bytes = b"1.1") -> bytes:
    return b"GET / HTTP/" + version + b"\r\n" + fields + b"\r\n"


def target(text: bytes, method: bytes = b"GET") -> bytes:
    return method + b" " + text + b" HTTP/1.1\r\nhost: x\r\n\r\n"


def post(*fields: bytes) -> bytes:
    return POST + b"".join(field + b"\r\n" for field in fields) + b"\r\nhello"


REFUSED: dict[str, tuple[int, bytes]] = {
    # Lines
    "2.2 bare LF ends no request line": (400, b"GET / HTTP/1.1\nhost: x\r\n\r\n"),
    "2.2 bare LF ends no field": (400, get(b"host: x\n")),
    "2.2 bare LF ends no head": (400, b"GET / HTTP/1.1\r\nhost: x\r\n\n"),
    "2.2 bare CR in a field": (400, get(b"host: x\r\na: b\rc\r\n")),
    "2.2 bare CR in the request line": (400, b"GET /\r HTTP/1.1\r\nhost: x\r\n\r\n"),
    "2.2 bare CR before a request": (400, b"\rGET / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "2.2 empty lines without end": (400, b"\r\n" * 20 + get()),
    "2.2 space before the first field": (400, get(b" host: x\r\n")),
    "2.3 lower-case http": (400, b"GET / http/1.1\r\nhost: x\r\n\r\n"),
    "2.3 no version": (400, b"GET /\r\n\r\n"),
    "2.3 longer version": (400, get(version=b"1.10")),
    "2.3 more than a version": (400, get(version=b"1.1 x")),
    "S15.6.6 HTTP/2.0": (505, get(version=b"2.0")),
    "S15.6.6 HTTP/0.9": (505, get(version=b"0.9")),
    "S15.6.6 HTTP/3.7": (505, get(version=b"3.7")),
    "S15.6.6 HTTP/1.2": (505, get(version=b"1.2")),
    "S15.6.6 the preface of HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "3 two spaces": (400, b"GET  / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "3 space before the method": (400, b" GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "3 tab": (400, b"GET\t/ HTTP/1.1\r\nhost: x\r\n\r\n"),
    "3.1 method that is no token": (400, target(b"/", b"G(T")),
    "3.1 unknown method": (501, target(b"/", b"BREW")),
    "3.1 methods have case": (501, target(b"/", b"get")),
    "3.1 method without end": (501, b"A" * 10_000),
    "S9.3.6 CONNECT": (501, b"CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n"),
    "3 target too long": (414, target(b"/" + b"a" * 40_000)),
    "3.2 fragment": (400, target(b"/a#b")),
    "3.2 UTF-8 that is not encoded": (400, target("/ä".encode())),
    "3.2 control character": (400, target(b"/a\x01b")),
    "3.2 neither path nor URI": (400, target(b"a/b")),
    "3.2 other scheme": (400, target(b"ftp://x/")),
    "3.2.2 no authority": (400, target(b"http:///a")),
    "S4.2.4 userinfo in the target": (400, target(b"http://u:p@x/")),
    "3.2.4 asterisk without OPTIONS": (400, target(b"*")),
    "3.2.4 more than an asterisk": (400, target(b"*/a", b"OPTIONS")),
    "2.1 something else": (400, b"hello\r\n\r\n"),
    "2.1 TLS": (400, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\xab" * 40),
    # Host
    "3.2 no Host": (400, get(b"")),
    "3.2 no Host, absolute form": (400, b"GET http://x/ HTTP/1.1\r\n\r\n"),
    "3.2 two Hosts": (400, get(b"host: x\r\nhost: x\r\n")),
    "3.2 two Hosts in HTTP/1.0": (400, get(b"host: x\r\nhost: y\r\n", b"1.0")),
    "3.2 empty Host": (400, get(b"host:\r\n")),
    "3.2 Host of spaces": (400, get(b"host:   \r\n")),
    "3.2 userinfo in Host": (400, get(b"host: u@x\r\n")),
    "3.2 path in Host": (400, get(b"host: x/y\r\n")),
    "3.2 query in Host": (400, get(b"host: x?y\r\n")),
    "3.2 list in Host": (400, get(b"host: x,y\r\n")),
    "3.2 space in Host": (400, get(b"host: x y\r\n")),
    "3.2 port that is no number": (400, get(b"host: x:y\r\n")),
    "3.2 port too large": (400, get(b"host: x:65536\r\n")),
    "3.2 port alone": (400, get(b"host: :80\r\n")),
    "3.2 open bracket": (400, get(b"host: [::1\r\n")),
    "3.2 more behind the bracket": (400, get(b"host: [::1]x\r\n")),
    # Fields
    "5 no colon": (400, get(b"host: x\r\nab\r\n")),
    "5.1 space before the colon": (400, get(b"host: x\r\na : b\r\n")),
    "5.1 tab before the colon": (400, get(b"host: x\r\na\t: b\r\n")),
    "5.1 empty name": (400, get(b"host: x\r\n: b\r\n")),
    "5.1 name that is no token": (400, get(b"host: x\r\na[b]: c\r\n")),
    "5.1 name with high bytes": (400, get(b"host: x\r\na\xe4: c\r\n")),
    "5.2 folded line": (400, get(b"host: x\r\na: b\r\n c\r\n")),
    "5.2 line folded by a tab": (400, get(b"host: x\r\na: b\r\n\tc\r\n")),
    "S5.5 NUL in a value": (400, get(b"host: x\r\na: b\0c\r\n")),
    "S5.5 control character": (400, get(b"host: x\r\na: b\x0bc\r\n")),
    "S5.5 DEL": (400, get(b"host: x\r\na: b\x7fc\r\n")),
    "S5.4 name too long": (431, get(b"host: x\r\n" + b"a" * 2000 + b": b\r\n")),
    "S5.4 value too long": (431, get(b"host: x\r\na: " + b"b" * 50_000 + b"\r\n")),
    "S5.4 head too long": (
        431,
        get(b"host: x\r\n" + (b"a: " + b"b" * 30_000 + b"\r\n") * 3),
    ),
    "S5.4 too many fields": (431, get(b"host: x\r\n" + b"a: b\r\n" * 1001)),
    # The end of the body
    "6.1 both lengths": (
        400,
        post(b"content-length: 5", b"transfer-encoding: chunked"),
    ),
    "6.1 both, the other way": (
        400,
        post(b"transfer-encoding: chunked", b"content-length: 5"),
    ),
    "6.1 coding in HTTP/1.0": (
        400,
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "6.1 unknown coding": (501, post(b"transfer-encoding: gzip, chunked")),
    "6.3 unknown coding at the end": (400, post(b"transfer-encoding: gzip")),
    "6.3 chunked is not the last": (400, post(b"transfer-encoding: chunked, gzip")),
    "6.3 identity": (400, post(b"transfer-encoding: identity")),
    "6.1 chunked twice": (400, post(b"transfer-encoding: chunked, chunked")),
    "6.1 two fields": (
        400,
        post(b"transfer-encoding: chunked", b"transfer-encoding: chunked"),
    ),
    "6.1 quoted": (400, post(b'transfer-encoding: "chunked"')),
    "6.1 parameter": (400, post(b"transfer-encoding: chunked;a=b")),
    "6.1 empty coding": (400, post(b"transfer-encoding:")),
    "S8.6 two lengths": (400, post(b"content-length: 5", b"content-length: 5")),
    "S8.6 list of lengths": (400, post(b"content-length: 5, 5")),
    "S8.6 no digits": (400, post(b"content-length: x")),
    "S8.6 empty length": (400, post(b"content-length:")),
    "S8.6 sign": (400, post(b"content-length: +5")),
    "S8.6 negative": (400, post(b"content-length: -5")),
    "S8.6 hex": (400, post(b"content-length: 0x5")),
    "S8.6 fraction": (400, post(b"content-length: 5.0")),
    "S8.6 inner space": (400, post(b"content-length: 5 5")),
    "S8.6 too large": (400, post(b"content-length: " + HUGE)),
    "S10.1.1 unknown expectation": (417, post(b"expect: a-pony", b"content-length: 5")),
    # Chunks: the head is fine, and the application waits for the body
    "7.1 no size": (400, CHUNKED + b"\r\n"),
    "7.1 size that is no number": (400, CHUNKED + b"x\r\n"),
    "7.1 sign": (400, CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n"),
    "7.1 0x": (400, CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"),
    "7.1 space behind the size": (400, CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n"),
    "7.1 bare LF behind the size": (400, CHUNKED + b"5\nhello\r\n0\r\n\r\n"),
    "7.1 bare CR behind the size": (400, CHUNKED + b"5\rhello\r\n0\r\n\r\n"),
    "7.1 bare LF in an extension": (400, CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "7.1 bare CR in an extension": (400, CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "7.1 more data than the size": (400, CHUNKED + b"4\r\nhello\r\n0\r\n\r\n"),
    "7.1 bare LF behind the data": (400, CHUNKED + b"5\r\nhello\n0\r\n\r\n"),
    "7.1 size too large": (413, CHUNKED + b"f" * 20 + b"\r\n"),
    "7.1 zeros without end": (400, CHUNKED + b"0" * 1000),
    "7.1.1 extensions without end": (431, CHUNKED + b"1;" + b"x" * 20_000),
    "7.1.2 folded trailer": (400, CHUNKED + b"0\r\na: b\r\n c\r\n\r\n"),
    "7.1.2 trailer without colon": (400, CHUNKED + b"0\r\nab\r\n\r\n"),
    "7.1.2 bare LF in trailers": (400, CHUNKED + b"0\r\na: b\n\r\n"),
    "7.1.2 trailers without end": (431, CHUNKED + b"0\r\n" + b"a: b\r\n" * 5000),
}


async def reading(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers when the whole body is in; lists what it got."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.request":
        await respond(send, repr((scope["path"], scope["headers"], body)).encode())


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(reading) as server:
        yield server


def send(served: Served, data: bytes, piece: int) -> tuple[int, bytes]:
    with served.connect() as client:
        # The server may refuse it and go before all is sent.
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(data), piece):
                client.send(data[at : at + piece])
        response = client.response()
        closed = response.header("connection") == "close"
        if closed:
            assert client.closed()
        return response.status, response.body


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_rfc_refuses_is_refused_and_the_connection_closed(
    served: Served, case: str
) -> None:
    status, data = REFUSED[case]
    before = len(served.log)
    whole = send(served, data, len(data))
    assert whole[0] == status, whole
    assert send(served, data, 1 if len(data) < 2000 else 997) == whole
    assert len(served.log) == before  # no application answered
    assert served.errors == []


ACCEPTED: dict[str, tuple[bytes, str, bytes, bytes]] = {
    # The path, Host and body that the application sees.
    "2.2 empty line before": (b"\r\n\r\n" + get(), "/", b"x", b""),
    "3.2.1 origin form": (target(b"/a?b"), "/a", b"x", b""),
    "3.2.2 absolute form": (target(b"http://y:8000/a?b"), "/a", b"y:8000", b""),
    "3.2.2 absolute form, no path": (target(b"HTTPS://Y"), "/", b"Y", b""),
    "3.2.4 asterisk": (target(b"*", b"OPTIONS"), "*", b"x", b""),
    "3.2 encoded UTF-8": (target(b"/%C3%A4"), "/ä", b"x", b""),
    "3.2 what browsers leave": (target(b'/a|b{c}"d"'), '/a|b{c}"d"', b"x", b""),
    "3.2 name and port": (
        get(b"Host:\t x.y-z_1:8000 \t\r\n"),
        "/",
        b"x.y-z_1:8000",
        b"",
    ),
    "3.2 IPv6": (get(b"host: [::1]:80\r\n"), "/", b"[::1]:80", b""),
    "3.2 empty port": (get(b"host: x:\r\n"), "/", b"x:", b""),
    "S5.5 obs-text": (get(b"host: x\r\na: \xe4\xff\r\n"), "/", b"x", b""),
    "S5.1 any token": (get(b"host: x\r\n!#$%&'*+-.^_`|~1: 2\r\n"), "/", b"x", b""),
    "S8.6 length": (post(b"content-length: 5"), "/", b"x", b"hello"),
    "S8.6 zeros": (post(b"content-length: 005"), "/", b"x", b"hello"),
    "7.1 chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", "/", b"x", b"hello"),
    "7.1 zeros": (CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n", "/", b"x", b"hello"),
    "7.1 digits of both cases": (
        CHUNKED + b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "/",
        b"x",
        b"0123456789" * 2,
    ),
    "7.1.1 extensions": (
        CHUNKED + b'5;a\r\nhello\r\n1 ; b = "c;d" \t;e\r\n!\r\n0;f\r\n\r\n',
        "/",
        b"x",
        b"hello!",
    ),
    "7.1.2 trailers": (
        CHUNKED + b"5\r\nhello\r\n0\r\na: b\r\nContent-Length: 7\r\n\r\n",
        "/",
        b"x",
        b"hello",
    ),
    "6.1 case of chunked": (
        POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        "/",
        b"x",
        b"",
    ),
    "S10.1.1 expectation in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nhost: x\r\nexpect: 100-continue\r\n"
        b"content-length: 5\r\n\r\nhello",
        "/",
        b"x",
        b"hello",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_the_rfc_allows_reaches_the_application(served: Served, case: str) -> None:
    data, path, host, body = ACCEPTED[case]
    whole = send(served, data, len(data))
    assert whole == send(served, data, 1)
    assert whole[0] == 200
    seen_path, headers, seen_body = eval(whole[1])
    hosts = [value for name, value in headers if name == b"host"]
    assert (seen_path, hosts, seen_body) == (path, [host], body)


def test_http_1_0_needs_no_host(served: Served) -> None:
    assert send(served, b"GET / HTTP/1.0\r\n\r\n", 1000)[0] == 200


def test_nothing_behind_a_refused_request_is_answered(served: Served) -> None:
    """RFC 9112 section 9.2, and what smuggling is about."""
    with served.connect() as client:
        smuggled = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
        data = post(b"content-length: 5", b"transfer-encoding: chunked")
        client.send(get() + data + smuggled)
        assert client.response().status == 200
        assert client.response().status == 400
        assert client.closed()
    assert all(entry[2] != "/smuggled" for entry in served.log)


async def options_of_connection(scope: Any, receive: Any, send: Any) -> None:
    await read_body(receive)
    await respond(send, b"")


@pytest.mark.parametrize(
    ("version", "fields", "stays"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"connection: close\r\n", False),
        (b"1.1", b"connection: Keep-Alive, CLOSE\r\n", False),
        (b"1.1", b"connection: x\r\nconnection:close\r\n", False),
        (b"1.1", b"connection: closed\r\n", True),
        (b"1.0", b"", False),
        (b"1.0", b"connection: Keep-Alive\r\n", True),
        (b"1.0", b"connection: keep-alive, close\r\n", False),
    ],
)
def test_connection_options_say_whether_it_stays(
    version: bytes, fields: bytes, stays: bool
) -> None:
    """RFC 9112 section 9.3."""
    with serve(options_of_connection) as served, served.connect() as client:
        client.send(get(b"host: x\r\n" + fields, version))
        response = client.response()
        assert (response.header("connection") == "close") is not stays
        if stays:
            client.send(get(version=version))
            assert client.response().status == 200
        else:
            assert client.closed()
