"""Starlette's documentation examples, unchanged, with real clients: httpx, websockets,
curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from projects.fastapi_docs import Unavailable
from projects.starlette_docs import documentation_example
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .conftest import Serve
from .harness import DEADLINE, Server

ServeExample = Callable[..., Server]


@pytest.fixture
def example(serve: Serve) -> ServeExample:
    """Serve the example of a page in which the words stand, with further files."""

    def start(page: str, *words: str, app: str = "app", **files: str) -> Server:
        try:
            text = documentation_example(page, *words)
        except Unavailable as error:
            pytest.fail(f"{error} (the first run needs the network)", pytrace=False)
        others = {path.replace("__", "/"): content for path, content in files.items()}
        return serve({"main.py": text, **others}, app=f"main:{app}")

    return start


def client_of(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=DEADLINE)


def url_of(server: Server, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def curl(*arguments: str) -> str:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("this machine has no curl")
    command = [program, "--silent", "--show-error", "--max-time", str(DEADLINE)]
    done = subprocess.run(
        [*command, *arguments],
        env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_sockets_without_a_framework(example: ServeExample) -> None:
    server = example("websockets", "send_text('Hello, world!')")
    with connect(f"ws://127.0.0.1:{server.port}/") as socket:
        assert socket.recv(DEADLINE) == "Hello, world!"
    server = example("websockets", "websocket.iter_text()")
    with connect(f"ws://127.0.0.1:{server.port}/") as socket:
        for text in ("a", "é" * 70_000):
            socket.send(text)
            assert socket.recv(DEADLINE) == f"Message text was: {text}"


def test_a_socket_that_asks_for_authorization(example: ServeExample) -> None:
    server = example("websockets", "is_authorized")
    url = f"ws://127.0.0.1:{server.port}/ws"
    with connect(url, subprotocols=["Authorization", "token"]) as socket:
        assert socket.subprotocol == "Authorization"
        assert socket.recv(DEADLINE) == "Hello, world!"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, subprotocols=["Authorization", "wrong"])
    assert refused.value.response.status_code == 401
    assert refused.value.response.body == b"Unauthorized"


def test_an_endpoint_that_echoes(example: ServeExample) -> None:
    server = example("endpoints", "encoding = 'bytes'", app="App")
    with connect(f"ws://127.0.0.1:{server.port}/") as socket:
        socket.send(b"x" * 100_000)
        assert socket.recv(DEADLINE) == b"Message: " + b"x" * 100_000


def test_a_stream_shows_as_it_is_made(example: ServeExample) -> None:
    server = example("responses", "slow_numbers")
    with client_of(server) as client, client.stream("GET", "/") as answer:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        pieces = answer.iter_text()
        assert [next(pieces), next(pieces)] == ["<html><body><ul>", "<li>1</li>"]
    # It goes on for five seconds; the client has left by now.
    assert client_of(server).get("/none").status_code == 200


def test_a_file(example: ServeExample) -> None:
    icon = "icon" * 50_000
    server = example("responses", "FileResponse(", statics__favicon_ico=icon)
    (server.folder / "statics/favicon_ico").rename(
        server.folder / "statics/favicon.ico"
    )
    assert curl(url_of(server)) == icon
    assert curl("--range", "4-11", url_of(server)) == "iconicon"
    head = curl("--head", url_of(server)).lower()
    assert f"content-length: {len(icon)}\r\n" in head
    assert "accept-ranges: bytes\r\n" in head


def test_background_tasks_follow_the_answer(example: ServeExample) -> None:
    data = json.dumps({"username": "u", "email": "a@b.c"})
    server = example("background", "tasks = BackgroundTasks()")
    for more in ([], ["--http1.0"], ["--header", "Expect: 100-continue"]):
        said = curl(*more, "--data", data, url_of(server, "/user/signup"))
        assert json.loads(said) == {"status": "Signup successful"}


def test_middleware_around_an_application(example: ServeExample) -> None:
    server = example("middleware", "CORSMiddleware(app=app")
    origin = {"origin": "https://example.com"}
    with client_of(server) as client:
        answer = client.get("/", headers=origin)
        assert answer.status_code == 404
        assert answer.headers["access-control-allow-origin"] == "*"
        wanted = {**origin, "access-control-request-method": "GET"}
        assert client.options("/", headers=wanted).status_code == 200


def test_templates_and_static_files(example: ServeExample) -> None:
    page = "<link href=\"{{ url_for('static', path='/a.css') }}\">"
    server = example(
        "templates",
        "Jinja2Templates(directory='templates')",
        "debug=True",
        templates__index_html=page,
        static__a_css="h1 {}",
    )
    for name in ("templates/index.html", "static/a.css"):
        (server.folder / name.replace(".", "_")).rename(server.folder / name)
    with client_of(server) as client:
        answer = client.get("/")
        link = answer.text.removeprefix('<link href="').removesuffix('">')
        assert urlsplit(link).path == "/static/a.css"
        answer = client.get(link)
        assert (answer.text, answer.headers["content-type"]) == (
            "h1 {}",
            "text/css; charset=utf-8",
        )
