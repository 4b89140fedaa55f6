"""WebSockets over edits, restarts and the end, with FastAPI and a real client."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from . import apps
from .conftest import Serve
from .harness import DEADLINE, SLOWNESS, Server

MAIN = """\
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

import journal
from rooms import manager
from words import reply


@asynccontextmanager
async def lifespan(app):
    journal.note("startup")
    yield
    journal.note("shutdown")


app = FastAPI(lifespan=lifespan)


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(reply(text))


@app.websocket("/chat/{name}")
async def chat(websocket: WebSocket, name: str):
    await manager.connect(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            await manager.broadcast(f"{name}: {text}")
    except WebSocketDisconnect as exc:
        journal.note(f"left-{exc.code}")
        manager.disconnect(websocket)


@app.get("/here")
async def here():
    return len(manager.active)
"""

# As in FastAPI's documentation.
ROOMS = """\
from fastapi import WebSocket


class ConnectionManager:
    def __init__(self):
        self.active: list[WebSocket] = []

    async def connect(self, websocket):
        await websocket.accept()
        self.active.append(websocket)

    def disconnect(self, websocket):
        if websocket in self.active:
            self.active.remove(websocket)

    async def broadcast(self, message):
        for connection in self.active:
            await connection.send_text(message)


manager = ConnectionManager()
"""

FILES = {
    "main.py": MAIN,
    "rooms.py": ROOMS,
    "words.py": 'def reply(text):\n    return f"old {text}"\n',
    "journal.py": apps.JOURNAL,
}


@pytest.fixture
def rooms(serve: Serve) -> Server:
    return serve(FILES)


def open_socket(server: Server, path: str, **settings: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{server.port}{path}"
    return connect(url, open_timeout=DEADLINE, close_timeout=DEADLINE, **settings)


def ask(socket: ClientConnection, text: str) -> str | bytes:
    socket.send(text)
    return socket.recv(DEADLINE)


def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(DEADLINE)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_an_open_socket_answers_the_next_message_with_new_code(rooms: Server) -> None:
    with open_socket(rooms, "/echo") as socket:
        assert ask(socket, "1") == "old 1"
        for number in range(5):
            rooms.write(
                "words.py", f'def reply(text):\n    return f"new{number} {{text}}"\n'
            )
            assert rooms.get("/here").json == 0
            assert ask(socket, "2") == f"new{number} 2"
    assert "ERROR" not in rooms.log


def test_a_new_route_leaves_open_sockets_alone(rooms: Server) -> None:
    with open_socket(rooms, "/echo") as socket, open_socket(rooms, "/chat/a") as chat:
        assert ask(chat, "hi") == "a: hi"
        rooms.write(
            "main.py", MAIN + "\n\n@app.get('/new')\ndef new():\n    return 1\n"
        )
        assert rooms.get("/new").json == 1
        assert ask(socket, "1") == "old 1"
        assert ask(chat, "still") == "a: still"
        assert rooms.get("/here").json == 1


def test_a_broken_save_leaves_open_sockets_alone(rooms: Server) -> None:
    with open_socket(rooms, "/chat/a") as chat:
        rooms.write("rooms.py", ROOMS.replace("ConnectionManager()", "Nothing()"))
        rooms.until_log("NameError")
        assert ask(chat, "still") == "a: still"
        rooms.write("rooms.py", ROOMS)
        assert rooms.get("/here").json == 1
        assert ask(chat, "still") == "a: still"


def test_a_socket_whose_manager_was_rebuilt_is_closed_with_1012(rooms: Server) -> None:
    """Counterexample 6: it would be in the old manager's list for ever."""
    with open_socket(rooms, "/echo") as socket, open_socket(rooms, "/chat/a") as chat:
        assert ask(chat, "hi") == "a: hi"
        rooms.write("rooms.py", ROOMS.replace("= []", "= list()"))
        assert rooms.get("/here").json == 0
        assert close_code(chat) == 1012
        rooms.until_noted("left-1012")
        assert ask(socket, "1") == "old 1"  # it has nothing to do with rooms
        with open_socket(rooms, "/chat/b") as again:
            assert ask(again, "back") == "b: back"
            assert rooms.get("/here").json == 1
    rooms.until_log("1 WebSocket closed (1012) that used main.manager, built anew")
    assert "Traceback" not in rooms.log


def test_a_restart_in_place_closes_with_1012(serve: Serve) -> None:
    files = {**FILES, **apps.SHARED, "main.py": "import limits\n" + MAIN}
    server = serve(files, env=apps.SHARED_ENV)
    with open_socket(server, "/echo") as socket:
        assert ask(socket, "1") == "old 1"
        server.edit("limits.py", apps.SHARED_LINE, "")
        assert close_code(socket) == 1012
    server.until_log("again after")
    assert server.journal == ["startup", "shutdown", "startup"]
    with open_socket(server, "/echo") as socket:
        assert ask(socket, "1") == "old 1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_closes_with_1001_and_does_not_take_long(
    rooms: Server, number: int
) -> None:
    with open_socket(rooms, "/echo") as socket, open_socket(rooms, "/chat/a") as chat:
        assert ask(socket, "1") == "old 1"
        assert ask(chat, "hi") == "a: hi"
        began = time.monotonic()
        rooms.send_signal(number)
        assert close_code(socket) == 1001
        assert close_code(chat) == 1001
        assert rooms.wait() == 0
        assert time.monotonic() - began < 2 * SLOWNESS
    assert rooms.journal == ["startup", "left-1001", "shutdown"]
    assert "Traceback" not in rooms.log


def test_a_client_that_answers_nothing_does_not_keep_the_server(rooms: Server) -> None:
    with rooms.connect() as client:
        client.sendall(
            b"GET /chat/a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 101"
        began = time.monotonic()
        assert rooms.stop() == 0
        assert time.monotonic() - began < 2 * SLOWNESS
    assert rooms.journal == ["startup", "left-1001", "shutdown"]


def test_the_options_reach_the_network(serve: Serve) -> None:
    server = serve(FILES, "--ws-max-size", "10", "--ws-per-message-deflate", "false")
    with open_socket(server, "/echo") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        assert ask(socket, "0123456789") == "old 0123456789"
        socket.send("0123456789a")
        assert close_code(socket) == 1009
    server = serve(FILES, "--ws-ping-interval", "0.05", "--ws-ping-timeout", "60")
    with open_socket(server, "/echo") as socket:
        assert ask(socket, "1") == "old 1"
    server = serve(FILES, "--ws", "none")
    with pytest.raises(InvalidStatus) as refused:
        open_socket(server, "/echo")
    assert refused.value.response.status_code == 404


def test_the_access_log_is_uvicorns(rooms: Server) -> None:
    with open_socket(rooms, "/echo?a=b"):
        rooms.until_log('"WebSocket /echo?a=b" [accepted]')
    with pytest.raises(InvalidStatus) as refused:
        open_socket(rooms, "/nowhere")
    assert refused.value.response.status_code == 403
    rooms.until_log('"WebSocket /nowhere" 403')
