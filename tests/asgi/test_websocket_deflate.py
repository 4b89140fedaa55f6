"""Compression of messages: permessage-deflate. Sections are of RFC 7692."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from .harness import serve
from .websocket_client import (
    BINARY,
    CONTINUATION,
    PING,
    RSV1,
    TEXT,
    WebSocketClient,
    connect,
    echo,
    frame,
    random_text,
)

OFFER = "sec-websocket-extensions: permessage-deflate"
NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover"
TAIL = b"\x00\x00\xff\xff"


class Deflater:
    """The client's side of 7.2.1, with the largest window."""

    def __init__(self, bits: int = 15) -> None:
        self._bits = bits
        self._stream = zlib.compressobj(wbits=-bits)

    def pack(self, data: bytes) -> bytes:
        packed = self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        assert packed.endswith(TAIL)
        return packed[:-4]


class Inflater:
    """The client's side of 7.2.2."""

    def __init__(self, bits: int = 15) -> None:
        self._stream = zlib.decompressobj(wbits=-bits)

    def unpack(self, data: bytes) -> bytes:
        return self._stream.decompress(data + TAIL)


# -- the terms


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", "permessage-deflate"),
        ("x-webkit-deflate-frame, permessage-deflate", "permessage-deflate"),
        ("Permessage-Deflate", "permessage-deflate"),
        # 7.1.2.2: the server may limit the client's window only where it said so.
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=12",
        ),
        (
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10",
        ),
        # 7.1.2.1: the same or a smaller one.
        (
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            'permessage-deflate ; server_max_window_bits = "15"',
            "permessage-deflate; server_max_window_bits=12",
        ),
        (f"permessage-deflate; {NO_TAKEOVER}", f"permessage-deflate; {NO_TAKEOVER}"),
        # 7.1: an offer with what nobody knows is declined, and the next one looked at.
        ("permessage-deflate; x", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        (f"permessage-deflate; {NO_TAKEOVER}; client_no_context_takeover", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; server_max_window_bits=010", None),
        ("permessage-deflate; client_max_window_bits=0", None),
        ("permessage-deflate; client_max_window_bits=9; client_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=8", None),  # zlib cannot
        (
            "permessage-deflate; server_max_window_bits=8, permessage-deflate",
            "permessage-deflate",
        ),
        ("permessage-bzip2", None),
        ("", None),
    ],
)
def test_an_offer_is_answered_as_7_1_says(offer: str, answer: str | None) -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        response = client.open(f"sec-websocket-extensions: {offer}")
        assert response.header("sec-websocket-extensions") == answer


def test_offers_of_several_headers_are_one_list() -> None:
    with serve(echo) as served, WebSocketClient(served.port) as client:
        response = client.open("sec-websocket-extensions: permessage-bzip2", OFFER)
        assert response.header("sec-websocket-extensions") == "permessage-deflate"


def test_compression_can_be_switched_off() -> None:
    with (
        serve(echo, websocket={"deflate": False}) as served,
        WebSocketClient(served.port) as client,
    ):
        response = client.open(OFFER)
        assert response.header("sec-websocket-extensions") is None
        client.send(frame(TEXT, b"x", rsv=RSV1))
        client.fails(1002)


# -- messages


@pytest.mark.parametrize("size", [64, 1000, 70_000, 1_000_000])
def test_messages_are_compressed_both_ways_and_remember_7_2(
    size: int, loop: str
) -> None:
    deflater, inflater = Deflater(), Inflater()
    text = random_text(size)
    with serve(echo, loop) as served, connect(served, OFFER) as client:
        sizes = []
        for _ in range(3):
            client.send(frame(TEXT, deflater.pack(text), rsv=RSV1))
            got = client.frame()
            assert (got.opcode, got.rsv, got.fin) == (TEXT, RSV1, True)
            assert inflater.unpack(got.payload) == text
            sizes.append(len(got.payload))
    if size == 1000:
        assert sizes[1] < sizes[0] / 10, "7.1.1.1: the window stays"


def test_without_takeover_each_message_stands_alone_7_1_1() -> None:
    text = random_text(1000)
    terms = f"{OFFER}; {NO_TAKEOVER}"
    with serve(echo) as served, connect(served, terms) as client:
        for _ in range(3):
            client.send(frame(TEXT, Deflater().pack(text), rsv=RSV1))
            assert Inflater().unpack(client.frame().payload) == text


@pytest.mark.parametrize("bits", range(9, 16))
def test_small_windows_7_1_2(bits: int) -> None:
    terms = f"; server_max_window_bits={bits}; client_max_window_bits={bits}"
    deflater, inflater = Deflater(min(bits, 12)), Inflater(bits)
    with serve(echo) as served, connect(served, OFFER + terms) as client:
        for size in (5000, 100, 40_000):
            text = random_text(size)
            client.send(frame(BINARY, deflater.pack(text), rsv=RSV1))
            assert inflater.unpack(client.frame().payload) == text


def test_plain_messages_among_compressed_ones_6() -> None:
    deflater, inflater = Deflater(), Inflater()
    with serve(echo) as served, connect(served, OFFER) as client:
        client.echo("short")  # neither side has to compress
        client.send(frame(TEXT, deflater.pack(b"y" * 200), rsv=RSV1))
        assert inflater.unpack(client.frame().payload) == b"y" * 200
        client.echo("short")
        client.send(frame(TEXT, deflater.pack(b"y" * 200), rsv=RSV1))
        assert inflater.unpack(client.frame().payload) == b"y" * 200


def test_a_compressed_message_in_pieces_6_1() -> None:
    packed = Deflater().pack(b"hello " * 100)
    with serve(echo) as served, connect(served, OFFER) as client:
        client.send(frame(TEXT, packed[:1], rsv=RSV1, fin=False))
        for at in range(1, len(packed)):
            client.send(frame(CONTINUATION, packed[at : at + 1], fin=False))
            client.send(frame(PING))
        client.send(frame(CONTINUATION))
        got = client.frame()
        while got.opcode != TEXT:
            got = client.frame()
        assert Inflater().unpack(got.payload) == b"hello " * 100


def test_an_empty_compressed_message_7_2_3_6() -> None:
    with serve(echo) as served, connect(served, OFFER) as client:
        client.send(frame(TEXT, b"\x00", rsv=RSV1))
        assert client.message() == ""
        client.send(frame(TEXT, b"", rsv=RSV1))
        assert client.message() == ""


def test_blocks_that_say_to_be_the_last_7_2_3_4() -> None:
    """Such a block ends zlib's stream, not the message, nor the window."""
    text = random_text(300)
    last = zlib.compressobj(wbits=-15)
    packed = last.compress(text) + last.flush(zlib.Z_FINISH) + b"\x00"
    again = zlib.compressobj(wbits=-15, zdict=text)
    second = again.compress(text) + again.flush(zlib.Z_SYNC_FLUSH)
    inflater = Inflater()
    with serve(echo) as served, connect(served, OFFER) as client:
        for payload in (packed, second[:-4]):
            client.send(frame(TEXT, payload, rsv=RSV1))
            assert inflater.unpack(client.frame().payload) == text
    assert len(second) < 30


@pytest.mark.parametrize(
    ("data", "code"),
    [
        # 6.1: only the first frame of a message says it, and no control frame.
        (
            frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", rsv=RSV1),
            1002,
        ),
        (frame(PING, b"x", rsv=RSV1), 1002),
        (frame(BINARY, b"\xff\xff\xff", rsv=RSV1), 1007),  # no DEFLATE data
        (frame(TEXT, Deflater().pack(b"\xff" * 9), rsv=RSV1), 1007),  # RFC 6455 8.1
        (frame(TEXT, Deflater().pack(b"\xc3"), rsv=RSV1), 1007),
    ],
    ids=["continuation", "ping", "garbage", "utf-8", "cut"],
)
def test_a_violation_is_closed_with_its_code(data: Any, code: int) -> None:
    with serve(echo) as served, connect(served, OFFER) as client:
        client.send(data)
        client.fails(code)


def test_a_bomb_is_1009_and_costs_no_memory() -> None:
    packed = Deflater().pack(bytes(64 << 20))
    assert len(packed) < 70_000
    with (
        serve(echo, websocket={"max_size": 1 << 20}) as served,
        connect(served, OFFER) as client,
    ):
        client.send(frame(BINARY, packed, rsv=RSV1))
        client.fails(1009)
