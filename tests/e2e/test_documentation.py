"""FastAPI's documentation apps that keep a connection busy, unchanged, with real
clients: WebSockets, server-sent events, streams, static files, background tasks,
middleware."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import httpx
import pytest
from projects.fastapi_docs import App, Unavailable, documentation_apps
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .conftest import Serve
from .harness import DEADLINE, Server, until

ServeApp = Callable[..., Server]


@pytest.fixture(scope="module")
def apps() -> dict[str, App]:
    try:
        return {app.name: app for app in documentation_apps()}
    except Unavailable as error:
        pytest.fail(f"{error} (the first run needs the network)", pytrace=False)


@pytest.fixture
def documented(apps: dict[str, App], serve: Serve) -> ServeApp:
    """Serve the app of that name, with the further files."""

    def start(name: str, **files: str) -> Server:
        app = apps[name]
        others = {path.replace("__", "/"): text for path, text in files.items()}
        return serve({**app.files, **others}, app=f"{app.entry}:app")

    return start


def client_of(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=DEADLINE)


def open_socket(server: Server, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=DEADLINE)


def test_a_socket_that_echoes(documented: ServeApp) -> None:
    server = documented("websockets_/tutorial001")
    with open_socket(server, "/ws") as socket:
        for text in ("hello", "é" * 1000):
            socket.send(text)
            assert socket.recv(DEADLINE) == f"Message text was: {text}"


def test_a_socket_with_a_dependency(documented: ServeApp) -> None:
    server = documented("websockets_/tutorial002")
    with open_socket(server, "/items/foo/ws?token=t&q=3") as socket:
        socket.send("hi")
        assert [socket.recv(DEADLINE) for _ in range(3)] == [
            "Session cookie or query token value is: t",
            "Query parameter q is: 3",
            "Message text was: hi, for item ID: foo",
        ]
    with pytest.raises(InvalidStatus) as refused:
        open_socket(server, "/items/foo/ws")
    assert refused.value.response.status_code == 403


def test_a_chat_hears_who_left(documented: ServeApp) -> None:
    server = documented("websockets_/tutorial003")
    with open_socket(server, "/ws/1") as first:
        with open_socket(server, "/ws/2") as second:
            second.send("hi")
            assert second.recv(DEADLINE) == "You wrote: hi"
            assert first.recv(DEADLINE) == "Client #2 says: hi"
        assert first.recv(DEADLINE) == "Client #2 left the chat"


def test_server_sent_events(documented: ServeApp) -> None:
    server = documented("server_sent_events/tutorial001")
    with client_of(server) as client:
        for path in ("", "-no-async", "-no-annotation", "-no-async-no-annotation"):
            with client.stream("GET", f"/items/stream{path}") as answer:
                kind = answer.headers["content-type"]
                lines = [line for line in answer.iter_lines() if line]
            assert kind.startswith("text/event-stream")
            names = [json.loads(line.removeprefix("data: "))["name"] for line in lines]
            assert names == ["Plumbus", "Portal Gun", "Meeseeks Box"]


def test_streams(documented: ServeApp) -> None:
    server = documented("stream_data/tutorial001")
    with client_of(server) as client:
        for path in ("", "-no-async", "-bytes", "-no-async-no-annotation-bytes"):
            with client.stream("GET", f"/story/stream{path}") as answer:
                text = "".join(answer.iter_text())
            assert answer.headers["transfer-encoding"] == "chunked"
            assert text.startswith("Rick: (stumbles in drunkenly")
            assert text.endswith("Got a surprise for you Morty.")


def test_lines_of_json(documented: ServeApp) -> None:
    server = documented("stream_json_lines/tutorial001")
    with (
        client_of(server) as client,
        client.stream("GET", "/items/stream") as answer,
    ):
        names = [json.loads(line)["name"] for line in answer.iter_lines() if line]
    assert names == ["Plumbus", "Portal Gun", "Meeseeks Box"]


def test_static_files(documented: ServeApp) -> None:
    large = "x" * 300_000  # more than one write
    server = documented("static_files/tutorial001", static__large_txt=large)
    (server.folder / "static/large_txt").rename(server.folder / "static/large.txt")
    with client_of(server) as client:
        answer = client.get("/static/large.txt")
        assert (answer.status_code, answer.text) == (200, large)
        again = client.get(
            "/static/large.txt", headers={"if-none-match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        part = client.get("/static/large.txt", headers={"range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, b"xxxxx")
        assert client.get("/static/none.txt").status_code == 404


def test_background_tasks(documented: ServeApp) -> None:
    server = documented("background_tasks/tutorial001")
    with client_of(server) as client:
        answer = client.post("/send-notification/a@b.c")
        assert answer.json() == {"message": "Notification sent in the background"}
    log = server.folder / "log.txt"
    until(lambda: log.exists() and log.read_text(), "the task's note")
    assert log.read_text() == "notification for a@b.c: some notification"


def test_middleware(documented: ServeApp) -> None:
    server = documented("middleware/tutorial001")
    with client_of(server) as client:
        assert float(client.get("/docs").headers["x-process-time"]) >= 0
    server = documented("advanced_middleware/tutorial001")
    with client_of(server) as client:
        answer = client.get("/")
        assert answer.status_code == 307
        assert answer.headers["location"].startswith("https://127.0.0.1")
    server = documented("advanced_middleware/tutorial002")
    with client_of(server) as client:
        assert client.get("/").status_code == 400
        assert client.get("/", headers={"host": "a.example.com"}).status_code == 200
    server = documented("advanced_middleware/tutorial003")
    large = 'return "x" * 100_000'
    server.edit("main.py", 'return "somebigcontent"', large)
    with client_of(server) as client, client.stream("GET", "/") as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(packed)) == "x" * 100_000
