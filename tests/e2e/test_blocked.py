"""A handler that blocks the event loop: one line says where, while it lasts."""

from __future__ import annotations

import re

import pytest

from .conftest import Serve
from .harness import Server

APP = {
    "main.py": """\
import os
import time

import helper


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    path = scope["path"]
    if path == "/sleeps":
        helper.wait_for("go", lambda: time.sleep(0.01))
    elif path == "/computes":
        helper.wait_for("go", lambda: None)
    elif path == "/short":
        time.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": path.encode()})
""",
    "helper.py": """\
import os


def wait_for(name, pause):
    while not os.path.exists(name):
        pause()
    os.remove(name)
""",
}
LINE = re.compile(r"WARNING: +The event loop is blocked, for (\d+\.\d) s by now: (.*)")
LOOPS = ["asyncio", "uvloop"]


def blocked(server: Server) -> list[str]:
    return [place for _, place in LINE.findall(server.log)]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", ["/sleeps", "/computes"])
def test_one_line_says_where_while_requests_wait(
    serve: Serve, path: str, loop: str
) -> None:
    server = serve(APP, "--loop", loop)
    for times in (1, 2):
        with server.connect() as first, server.connect() as second:
            first.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            server.until_log("The event loop is blocked", times)
            second.sendall(b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
            server.write("go", "")
            assert first.recv(12) == b"HTTP/1.1 200"
            assert second.recv(12) == b"HTTP/1.1 200"
        places = blocked(server)
        assert len(places) == times
        # the innermost function of the application: the lambda, or who calls it
        assert re.match(
            r"(helper\.py:[567] in wait_for|main\.py:1[24] in app\.<locals>\.<lambda>)"
            r"\. Requests wait until it goes on\.",
            places[-1],
        ), places


def test_a_short_one_is_not_worth_a_line(serve: Serve) -> None:
    server = serve(APP)
    client = server.client()
    for _ in range(10):
        assert client.get("/short").status == 200
    client.close()
    assert blocked(server) == []


def test_a_save_that_takes_its_time_is_no_blocked_loop(serve: Serve) -> None:
    server = serve(APP)
    assert server.get("/").status == 200
    server.write("helper.py", "import time\n\ntime.sleep(2.5)\n")
    assert server.get("/").status == 200
    server.until_log("reloaded  helper.py")
    assert blocked(server) == []


def test_a_server_that_is_waited_for_at_its_end_has_no_line(serve: Serve) -> None:
    server = serve(APP)
    assert server.get("/").status == 200
    assert server.stop() == 0
    assert blocked(server) == []
