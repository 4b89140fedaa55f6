"""A server in a thread of its own, and a client that speaks bytes.

The server's loop runs in a second thread, so that the test is an ordinary
blocking client.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hmr_serve import _asgi

DEADLINE = 10.0  # seconds after which a test gives up

App = Callable[[dict[str, Any], Any, Any], Any]


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    if kind == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Ask again and again until it holds."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.002)
    raise AssertionError(f"{what} did not come within {DEADLINE} s")


class Served:
    """A running server. `errors` and `log` collect what it reports."""

    def __init__(self, app: App, loop: str = "asyncio", **options: Any) -> None:
        self.errors: list[tuple[str, BaseException | None]] = []
        self.log: list[tuple[str, str, str, str, int, float]] = []
        self.changes: list[tuple[int, list[str]]] = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port: int = self.listener.getsockname()[1]
        self.loop = new_loop(loop)
        self._app = app
        self._options = options
        self._ready = threading.Event()
        self._end: asyncio.Event
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(DEADLINE)
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(self._main())
        except BaseException as exc:
            self._failure = exc
        finally:
            self._ready.set()
            self.loop.close()

    async def _main(self) -> None:
        options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "on_error": lambda message, exc: self.errors.append((message, exc)),
            "access_log": lambda *entry: self.log.append(entry),
        }
        options |= self._options
        self.server = _asgi.Server([self.listener.fileno()], **options)
        self.server.app = self._app
        self._end = asyncio.Event()
        self.server.start()
        self._ready.set()
        await self._end.wait()
        await self.server.stop(0.0)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run function() in the loop's thread; what it returned."""

        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(DEADLINE)

    def wait(self, function: Callable[[], Any]) -> Any:
        """Await what function() returns, in the loop's thread."""

        async def run() -> Any:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(DEADLINE)

    def stats(self) -> dict[str, int]:
        return self.call(self.server.stats)

    def connect(self) -> Client:
        return Client(self.port)

    def close(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._end.set)
            self._thread.join(DEADLINE)
            assert not self._thread.is_alive(), "the server did not stop"
        self.listener.close()
        if self._failure:
            raise self._failure


@contextmanager
def serve(app: App, loop: str = "asyncio", **options: Any) -> Iterator[Served]:
    served = Served(app, loop, **options)
    try:
        yield served
    finally:
        served.close()


class Response:
    def __init__(
        self, status: int, headers: list[tuple[str, str]], body: bytes, version: str
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} stands there {len(found)} times"
        return found[0] if found else None


class Client:
    """One connection. Strict: what it does not understand fails the test."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def get(self, path: str = "/", *headers: str) -> Response:
        lines = [f"GET {path} HTTP/1.1", "host: test", *headers, "", ""]
        self.send("\r\n".join(lines).encode())
        return self.response()

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
        )
        self.socket.close()

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _line(self) -> str:
        while b"\r\n" not in self.buffer:
            assert self._more(), f"the connection ended in {self.buffer!r}"
        end = self.buffer.index(b"\r\n")
        line = self.buffer[:end].decode("latin-1")
        del self.buffer[: end + 2]
        return line

    def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            assert self._more(), f"{size} bytes expected, {len(self.buffer)} came"
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def head(self) -> Response:
        version, status, _ = self._line().split(" ", 2)
        headers = []
        while line := self._line():
            name, value = line.split(": ", 1)
            headers.append((name, value))
        return Response(int(status), headers, b"", version)

    def chunk(self) -> bytes:
        """The next chunk of a chunked body; b"" is the last."""
        data = self.take(int(self._line(), 16))
        assert self._line() == ""
        return data

    def response(self, head: bool = False) -> Response:
        """A whole response; `head`: to a HEAD request, so without its body."""
        response = self.head()
        if head or response.status in (100, 204, 304):
            return response
        if response.header("transfer-encoding") == "chunked":
            while data := self.chunk():
                response.body += data
        elif (length := response.header("content-length")) is not None:
            response.body = self.take(int(length))
        else:
            response.body = self.rest()
        return response

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while self._more():
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def closed(self) -> bool:
        """Wait for the server to close; False if it sends something instead."""
        return not self.buffer and not self._more()


async def respond(
    send: Any,
    body: bytes,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": list(headers)}
    )
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message["body"]
        if not message["more_body"]:
            return body


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await respond(send, b"hello")


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await respond(send, await read_body(receive))
