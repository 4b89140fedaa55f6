"""The ASGI extensions of HTTP: files by path, trailers, debug messages."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from .harness import DEADLINE, Client, Served, serve, until


def start(**more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": [], **more}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def path(file: Any) -> dict[str, Any]:
    return {"type": "http.response.pathsend", "path": file}


def trailers(*pairs: tuple[bytes, bytes], more: bool = False) -> dict[str, Any]:
    return {
        "type": "http.response.trailers",
        "headers": list(pairs),
        "more_trailers": more,
    }


def app_of(*messages: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/next":
            await send(start())
            await send(body(b"next"))
            return
        for message in messages:
            await send(message)

    return app


def next_works(client: Client) -> bool:
    return client.get("/next").body == b"next"


def opened(folder: Path) -> int:
    """Descriptors of this process for the folder and what is in it."""
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder))
        except OSError:
            continue
    return count


# -- pathsend


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 10_000_000])
def test_a_file_is_sent_whole(size: int, tmp_path: Path, loop: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(os.urandom(size))
    with (
        serve(app_of(start(), path(str(file))), loop) as served,
        served.connect() as client,
    ):
        for _ in range(3):
            response = client.get()
            assert response.header("content-length") == str(size)
            assert response.body == file.read_bytes()
            client.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.response(head=True).header("content-length") == str(size)
        assert next_works(client)
        assert served.errors == []


def test_a_file_with_the_length_that_the_application_says(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"hello")
    for length, status in ((b"5", 200), (b"4", 500), (b"6", 500)):
        headers = [(b"content-length", length)]
        with (
            serve(app_of(start(headers=headers), path(file))) as served,
            served.connect() as client,
        ):
            assert client.get().status == status


@pytest.mark.parametrize("kind", ["missing", "folder", "none", "number", "late"])
def test_what_cannot_be_sent_raises_in_the_application(
    kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.touch()
    messages = {
        "missing": [start(), path(str(tmp_path / "no"))],
        "folder": [start(), path(str(tmp_path))],
        "none": [start(), {"type": "http.response.pathsend"}],
        "number": [start(), path(3)],
        "late": [start(), body(b"x", True), path(str(file))],
    }[kind]
    with serve(app_of(*messages)) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert client.head().status == (200 if kind == "late" else 500)
        until(lambda: served.errors)
    assert opened(tmp_path) == 0


def test_a_file_that_shrinks_cuts_the_connection(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(30_000_000))
    with (
        serve(app_of(start(), path(str(file)))) as served,
        served.connect() as client,
    ):
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert client.head().header("content-length") == "30000000"
        until(lambda: served.log)
        os.truncate(file, 10)
        assert len(client.rest()) < 30_000_000


def test_clients_that_leave_free_the_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(30_000_000))

    with serve(app_of(start(), path(str(file)))) as served:
        for _ in range(20):
            client = served.connect()
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.head().status == 200
            client.reset()
        until(lambda: opened(tmp_path) == 0)
        until(lambda: served.stats()["connections"] == 0)


def test_starlette_sends_files_this_way(tmp_path: Path) -> None:
    from starlette.applications import Starlette
    from starlette.responses import FileResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    (tmp_path / "a.txt").write_bytes(b"0123456789" * 20_000)

    async def endpoint(request: Any) -> FileResponse:
        return FileResponse(tmp_path / "a.txt")

    routes = [
        Route("/file", endpoint),
        Mount("/static", StaticFiles(directory=tmp_path)),
    ]
    with serve(Starlette(routes=routes)) as served, served.connect() as client:
        for url in ("/file", "/static/a.txt"):
            response = client.get(url)
            assert response.body == (tmp_path / "a.txt").read_bytes()
            assert response.header("content-type") == "text/plain; charset=utf-8"
        part = client.get("/file", "range: bytes=5-14")
        assert (part.status, part.body) == (206, b"5678901234")
        assert served.errors == []


# -- trailers


def chunks(client: Client) -> tuple[bytes, list[str]]:
    """The body, and the lines behind it."""
    data = b""
    while True:
        size = int(client._line(), 16)
        if size == 0:
            break
        data += client.take(size)
        assert client._line() == ""
    lines = []
    while line := client._line():
        lines.append(line)
    return data, lines


def test_trailers_follow_the_body(loop: str) -> None:
    app = app_of(
        start(trailers=True),
        body(b"one", True),
        body(b"two"),
        trailers((b"X-Sum", b"6"), more=True),
        trailers((b"x-end", b"yes")),
    )
    with serve(app, loop) as served, served.connect() as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.head().header("transfer-encoding") == "chunked"
            assert chunks(client) == (b"onetwo", ["x-sum: 6", "x-end: yes"])
        assert next_works(client)
        assert served.errors == []


@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        (b"GET / HTTP/1.0", []),
        (b"HEAD / HTTP/1.1", []),
        (b"GET / HTTP/1.1", [(b"content-length", b"3")]),
    ],
)
def test_where_trailers_have_no_room_they_are_left_out(
    request_line: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    app = app_of(
        start(trailers=True, headers=headers), body(b"one"), trailers((b"a", b"b"))
    )
    with serve(app) as served, served.connect() as client:
        client.send(request_line + b"\r\nhost: x\r\n\r\n")
        response = client.response(head=request_line.startswith(b"HEAD"))
        assert response.body in (b"one", b"")
        if b"1.1" in request_line:
            assert next_works(client)
        assert served.errors == []


WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "not announced": ([start(), body(b""), trailers()], "already completed"),
    "before the body": (
        [start(trailers=True), trailers()],
        "Expected ASGI message 'http.response.body'",
    ),
    "body again": (
        [start(trailers=True), body(b""), body(b"")],
        "Expected ASGI message 'http.response.trailers'",
    ),
    "length": (
        [start(trailers=True), body(b""), trailers((b"Content-Length", b"3"))],
        "content-length cannot be a trailer",
    ),
    "line end": (
        [start(trailers=True), body(b""), trailers((b"a", b"b\r\nc: d"))],
        "Invalid HTTP header value",
    ),
    "missing": (
        [start(trailers=True), body(b"")],
        "returned without completing response",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_trailers_are_errors_of_the_application(case: str) -> None:
    messages, error = WRONG[case]
    with serve(app_of(*messages)) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        client.head()
        message, exception = until(lambda: served.errors)[0]
        assert error in f"{message} {exception}"


# -- debug


def test_debug_messages_are_taken_and_change_nothing() -> None:
    debug = {"type": "http.response.debug", "info": {"template": object()}}
    app = app_of(debug, start(), debug, body(b"one", True), debug, body(b""))
    with serve(app) as served, served.connect() as client:
        assert client.get().body == b"one"
        assert served.errors == []


def test_the_extensions_are_offered_in_each_scope() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope["extensions"])
        await app_of(start(), body(b""))(scope, receive, send)

    with serve(app) as served, served.connect() as client:
        client.get()
        client.get()
    names = {"http.response.pathsend", "http.response.trailers", "http.response.debug"}
    assert set(scopes[0]) == names
    assert scopes[0] is not scopes[1]


def test_a_file_over_tls(tmp_path: Path) -> None:
    from .test_tls import FILES, connect

    file = tmp_path / "f"
    file.write_bytes(os.urandom(3_000_000))
    app = app_of(start(), path(str(file)))
    with serve(app, tls=FILES) as served, connect(served) as client:
        for _ in range(2):
            assert client.get().body == file.read_bytes()


def test_many_slow_readers_of_one_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(os.urandom(2_000_000))
    whole = file.read_bytes()
    seen: list[bool] = []

    def read(served: Served) -> None:
        with served.connect() as client:
            seen.append(client.get().body == whole)

    with serve(app_of(start(), path(str(file)))) as served:
        readers = [threading.Thread(target=read, args=(served,)) for _ in range(20)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(DEADLINE)
    assert seen == [True] * 20
