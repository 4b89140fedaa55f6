"""TLS: the handshake, what passes through it, certificates that change."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from hmr_serve import _asgi

from .harness import DEADLINE, Client, Served, echo, hello, respond, serve, until

HERE = Path(__file__).parent / "certificates"
CA, SERVER, KEY = (str(HERE / name) for name in ("ca.pem", "server.pem", "server.key"))
FILES = (SERVER, KEY, None, None, None, 0)


def client_context(**options: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=CA)
    for name, value in options.items():
        setattr(context, name, value)
    return context


def connect(served: Served, context: ssl.SSLContext | None = None) -> Client:
    client = Client(served.port)
    context = context or client_context()
    client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
    return client


def secure(client: Client) -> ssl.SSLSocket:
    assert isinstance(client.socket, ssl.SSLSocket)
    return client.socket


def test_requests_over_tls(loop: str) -> None:
    with serve(hello, loop, tls=FILES) as served, connect(served) as client:
        for _ in range(5):
            assert client.get().body == b"hello"
        assert served.stats()["connections"] == 1


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_the_scope_says_what_was_negotiated(version: str) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await respond(send, b"")

    only = ssl.TLSVersion[version]
    context = client_context(maximum_version=only, minimum_version=only)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with serve(app, tls=FILES) as served, connect(served, context) as client:
        client.get()
        tls = secure(client)
        assert tls.selected_alpn_protocol() == "http/1.1"
        name = tls.cipher()
        assert name is not None
    [scope] = scopes
    assert scope["scheme"] == "https"
    said = scope["extensions"]["tls"]
    assert said["tls_version"] == {"TLSv1_2": 0x303, "TLSv1_3": 0x304}[version]
    ids = {c["name"]: c["id"] & 0xFFFF for c in context.get_ciphers()}
    assert said["cipher_suite"] == ids[name[0]]
    assert said["server_cert"] == Path(SERVER).read_text()
    assert said["client_cert_chain"] == []
    assert said["client_cert_name"] is None


@pytest.mark.parametrize("required", [1, 2])
def test_client_certificates(required: int) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope["extensions"]["tls"])
        await respond(send, b"")

    with serve(app, tls=(SERVER, KEY, None, CA, None, required)) as served:
        context = client_context()
        context.load_cert_chain(HERE / "client.pem", HERE / "client.key")
        with connect(served, context) as client:
            assert client.get().status == 200
        assert scopes[0]["client_cert_name"] == "CN=a client"
        assert scopes[0]["client_cert_chain"][0] == (HERE / "client.pem").read_text()
        if required == 1:
            with connect(served) as client:
                assert client.get().status == 200
        else:
            # TLS 1.3 tells the client only after its handshake.
            refused = (ssl.SSLError, ConnectionError, AssertionError)
            with pytest.raises(refused), connect(served) as client:
                client.get()
            assert len(scopes) == 1


def test_a_large_body_goes_both_ways(loop: str) -> None:
    """The client is one thread: an SSLSocket must not be written while it is read."""
    body = bytes(range(256)) * 40_000

    async def exchange(port: int) -> bytes:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context(), server_hostname="localhost"
        )
        writer.write(b"POST / HTTP/1.0\r\ncontent-length: %d\r\n\r\n" % len(body))
        writer.write(body)
        answer = await reader.read()
        writer.close()
        return answer

    with serve(echo, loop, tls=FILES) as served:
        answer = asyncio.run(asyncio.wait_for(exchange(served.port), DEADLINE))
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.partition(b"\r\n\r\n")[2] == body


def test_a_client_that_does_not_read_stops_the_application() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send(
                {"type": "http.response.body", "body": bytes(65536), "more_body": True}
            )
            produced.append(1)
        await send({"type": "http.response.body"})

    produced: list[int] = []
    with serve(app, tls=FILES) as served, connect(served) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: produced)
        assert client.head().status == 200
        assert len(produced) < 900
        for _ in range(1000):
            assert len(client.chunk()) == 65536
        assert client.chunk() == b""


def test_the_end_is_in_order() -> None:
    """The client can tell a whole answer from a cut one (close_notify)."""
    with serve(hello, tls=FILES) as served, connect(served) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().body == b"hello"
        secure(client).suppress_ragged_eofs = False
        assert client.socket.recv(1) == b""  # else an SSLEOFError


def test_what_is_no_tls_ends_the_connection_and_harms_nobody() -> None:
    with serve(hello, tls=FILES) as served:
        for data in (
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            b"\0" * 100,
            b"\x16\x03\x01",
        ):
            client = Client(served.port)
            client.send(data)
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(100):
                pass
            client.socket.close()
        until(lambda: served.stats()["connections"] == 0)
        with connect(served) as client:
            assert client.get().body == b"hello"


def test_a_handshake_that_does_not_end_is_given_up() -> None:
    with (
        serve(hello, tls=FILES, head_time=0.1) as served,
        Client(served.port) as client,
    ):
        assert client.closed()


def test_certificates_that_changed_are_used_for_new_connections(tmp_path: Path) -> None:
    certificate, key = str(tmp_path / "c.pem"), str(tmp_path / "k.pem")

    def install(name: str) -> None:
        for suffix, path in ((".key", key), (".pem", certificate)):
            shutil.copy(HERE / (name + suffix), path + ".new")
            os.replace(path + ".new", path)

    def subject() -> Any:
        with connect(served) as client:
            assert client.get().status == 200
            found = secure(client).getpeercert()
            assert found is not None
            return dict(part[0] for part in found["subject"])["commonName"]

    install("server")
    with serve(hello, tls=(certificate, key, None, None, None, 0)) as served:
        assert subject() == "localhost"
        with connect(served) as old:
            assert old.get().status == 200
            install("second")
            assert subject() == "second.localhost"
            assert old.get().status == 200
            Path(certificate).write_text("nonsense")
            assert subject() == "second.localhost"
            [(message, _)] = served.errors
            assert message.startswith(f"--ssl-certfile {certificate}: ")
            assert message.endswith("; the certificate from before stays")
            install("server")
            assert subject() == "localhost"


def test_keys_with_passwords_and_files_that_do_not_fit() -> None:
    encrypted = str(HERE / "encrypted.key")
    _asgi.check_tls((SERVER, encrypted, "secret", None, None, 0))
    for files, part in (
        ((SERVER, encrypted, None, None, None, 0), "--ssl-keyfile"),
        ((SERVER, encrypted, "wrong", None, None, 0), "--ssl-keyfile"),
        ((SERVER, str(HERE / "second.key"), None, None, None, 0), "--ssl-keyfile"),
        ((KEY, KEY, None, None, None, 0), "--ssl-certfile"),
        ((SERVER, None, None, None, None, 0), "--ssl-keyfile"),
        ((SERVER, KEY, None, KEY, None, 2), "--ssl-ca-certs"),
        ((SERVER, KEY, None, None, "nonsense", 0), "--ssl-ciphers nonsense"),
    ):
        with pytest.raises(OSError, match=part):
            _asgi.check_tls(files)


def test_wrong_arguments_are_refused() -> None:
    loop = asyncio.new_event_loop()
    with pytest.raises(TypeError, match="tls must be a tuple"):
        _asgi.Server([], loop=loop, tls=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cert_reqs"):
        _asgi.Server([], loop=loop, tls=(SERVER, KEY, None, None, None, 9))
    loop.close()
