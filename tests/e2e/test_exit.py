"""The end: one Ctrl+C or SIGTERM, open streams or not, and the lifespan shuts down
once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from . import apps
from .conftest import Serve
from .harness import COMMAND, SLOWNESS, Server

SIGNALS = [signal.SIGINT, signal.SIGTERM]
TRIES = 12  # of which one must be quick: the machine may be busy with other tests


def timed_exit(server: Server, number: int) -> tuple[int, float]:
    began = time.monotonic()
    code = server.stop(number)
    return code, time.monotonic() - began


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_server_ends_at_once_with_code_0(serve: Serve, number: int) -> None:
    server = serve(apps.slow_app())
    client = server.client()
    assert client.get().status == 200
    code, seconds = timed_exit(server, number)
    assert code == 0
    assert seconds < 1 * SLOWNESS
    assert server.journal == ["startup", "shutdown"]
    client.close()


@pytest.mark.parametrize("number", SIGNALS)
def test_an_open_stream_does_not_keep_the_server(serve: Serve, number: int) -> None:
    server = serve(apps.slow_app())
    with server.connect() as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"old" in connection.makefile("rb").read(200)
        code, seconds = timed_exit(server, number)
    assert code == 0
    assert seconds < 2 * SLOWNESS
    assert server.journal == ["startup", "shutdown"]


# Streams, downloads and WebSockets that never end by themselves.
ENDLESS = {
    "main.py": """\
import asyncio

from journal import note


async def lifespan(receive, send):
    await receive()
    note("startup")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    note("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def stream(send, pause):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    piece = {"type": "http.response.body", "body": bytes(65536), "more_body": True}
    while True:
        await send(piece)
        await asyncio.sleep(pause)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while True:
            await receive()  # deaf to its end
            await asyncio.sleep(0.01)
    await stream(send, 0.01 if scope["path"] == "/events" else 0)
""",
    "journal.py": apps.JOURNAL,
}


def occupy(server: Server, stack: ExitStack) -> Callable[[], int | None]:
    """Clients that keep a server from ending; gives the close code of the WebSocket."""
    for path in ("/events", "/download", "/download"):
        client = stack.enter_context(
            socket.socket()  # a small buffer, which is never read again
        )
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
    uri = f"ws://127.0.0.1:{server.port}/"
    websocket = stack.enter_context(connect(uri, compression=None))

    def close_code() -> int | None:
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv()
        return closed.value.rcvd.code if closed.value.rcvd else None

    return close_code


def ends_within_a_second(seconds: list[float]) -> bool:
    """Of several tries one: a machine that is busy makes the others longer."""
    return min(seconds) < 1 * SLOWNESS


@pytest.mark.parametrize("number", SIGNALS)
def test_whatever_is_open_it_ends_within_a_second(
    make_server: Callable[..., Server], number: int
) -> None:
    took: list[float] = []
    while len(took) < TRIES:
        server = make_server(ENDLESS).start()
        with ExitStack() as stack:
            close_code = occupy(server, stack)
            began = time.monotonic()
            server.send_signal(number)
            assert close_code() == 1001
            assert server.wait() == 0
            took.append(time.monotonic() - began)
        assert server.journal == ["startup", "shutdown"]
        if ends_within_a_second(took):
            return
    raise AssertionError(f"it took {took} s")


def unshared() -> str | None:
    """Why a process cannot be made the first of its namespace, if so."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "true"], capture_output=True, text=True
    )
    return done.stderr.strip() if done.returncode else None


def child_of(process: int) -> int:
    """The process that unshare has forked."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            return int(folder.name)
    raise AssertionError(f"{process} has no child")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_process_of_a_container_ends_as_well(
    make_server: Callable[..., Server], number: int
) -> None:
    why_not = unshared()
    if why_not:
        pytest.skip(f"this machine makes no process 1: {why_not}")
    took: list[float] = []
    while len(took) < TRIES:
        first = "import os\n\nassert os.getpid() == 1\n"
        server = make_server({**ENDLESS, "main.py": first + ENDLESS["main.py"]})
        line = ["unshare", "--pid", "--fork", *COMMAND, "main:app", "--port", "0"]
        server.start_line(line)
        with ExitStack() as stack:
            close_code = occupy(server, stack)
            began = time.monotonic()
            assert server.process is not None
            os.kill(child_of(server.process.pid), number)
            assert close_code() == 1001
            assert server.wait() == 0
            took.append(time.monotonic() - began)
        assert server.journal == ["startup", "shutdown"]
        if ends_within_a_second(took):
            return
    raise AssertionError(f"it took {took} s")


def test_a_second_signal_ends_all_of_that_at_once(
    make_server: Callable[..., Server],
) -> None:
    server = make_server(ENDLESS).start("--timeout-graceful-shutdown", "600")
    with ExitStack() as stack:
        occupy(server, stack)
        server.send_signal(signal.SIGINT)
        server.until_log("Shutting down")
        code, seconds = timed_exit(server, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert seconds < 10 * SLOWNESS  # not 600
    assert server.journal.count("shutdown") == 0


def test_a_running_request_is_finished_within_the_grace(serve: Serve) -> None:
    server = serve(apps.slow_app(), "--timeout-graceful-shutdown", "20")
    with server.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        server.until_noted("slow")
        server.send_signal(signal.SIGINT)
        server.until_log("Shutting down")
        server.write("go", "")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"old old" in answer
    assert server.wait() == 0


def test_a_second_signal_ends_it_at_once(serve: Serve) -> None:
    server = serve(apps.slow_app(), "--timeout-graceful-shutdown", "600")
    with server.connect() as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(10)
        server.send_signal(signal.SIGINT)
        server.until_log("Shutting down")
        code, seconds = timed_exit(server, signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert seconds < 1.5 * SLOWNESS


def test_a_handler_that_blocks_the_loop_does_not_keep_the_server(serve: Serve) -> None:
    main = apps.slow_app()["main.py"].replace(
        "await asyncio.sleep(0.005)", "__import__('time').sleep(0.05)"
    )
    server = serve({**apps.slow_app(), "main.py": main})
    with server.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        server.until_noted("slow")
        code, seconds = timed_exit(server, signal.SIGINT)
    assert code == 0
    assert seconds < 4 * SLOWNESS
    assert server.journal.count("shutdown") == 1


def test_a_worker_thread_that_never_ends_does_not_keep_the_server(shop: Server) -> None:
    shop.edit(
        "routes/items.py",
        'return {"item": item_id, "thread": 1}',
        'import journal, time\n    journal.note("thread")\n    time.sleep(600)',
    )
    with shop.connect() as connection:
        connection.sendall(b"GET /items/1/sync HTTP/1.1\r\nHost: x\r\n\r\n")
        shop.until_noted("thread")
        code, seconds = timed_exit(shop, signal.SIGINT)
    assert code == 0
    assert seconds < 4 * SLOWNESS
    assert shop.journal[-1] == "shutdown"


def test_ctrl_c_interrupts_the_first_import(make_server) -> None:
    main = "import journal\n\njournal.note('here')\nimport time\n\ntime.sleep(600)\n"
    server = make_server({"main.py": main, "journal.py": apps.JOURNAL})
    server.start(wait=False)
    server.until_noted("here")
    assert timed_exit(server, signal.SIGINT)[0] == 0
    assert "Traceback" not in server.log


def test_ctrl_c_interrupts_the_first_startup(make_server) -> None:
    main = apps.slow_app()["main.py"].replace(
        'note("startup")', 'note("here")\n    await asyncio.sleep(600)'
    )
    server = make_server({**apps.slow_app(), "main.py": main})
    server.start(wait=False)
    server.until_noted("here")
    code, seconds = timed_exit(server, signal.SIGINT)
    assert (code, "Traceback" in server.log) == (0, False)
    assert seconds < 2 * SLOWNESS


def test_ctrl_c_interrupts_the_startup_of_an_update(serve: Serve) -> None:
    server = serve(apps.slow_app())
    server.edit(
        "main.py", 'note("startup")', 'note("here")\n    await asyncio.sleep(600)'
    )
    server.until_noted("here")
    code, seconds = timed_exit(server, signal.SIGINT)
    assert (code, "Traceback" in server.log) == (0, False)
    assert seconds < 3 * SLOWNESS
    assert server.journal == ["startup", "shutdown", "here"]


def test_ctrl_c_interrupts_an_update(serve: Serve) -> None:
    server = serve(apps.slow_app())
    server.write(
        "words.py",
        "import journal\n\njournal.note('here')\nimport time\n\ntime.sleep(600)\n",
    )
    server.until_noted("here")
    code, seconds = timed_exit(server, signal.SIGINT)
    assert code == 0
    assert seconds < 3 * SLOWNESS
    assert "Traceback" not in server.log
    assert server.journal == ["startup", "here", "shutdown"]


DEFECT = """
import sys, threading, time
import hmr_serve.program
from hmr_serve.cli import main

def serve(app, config):
    threading.Thread(target=time.sleep, args=(600,)).start()
    raise ValueError("a defect")

hmr_serve.program.serve = serve
sys.argv[1:] = ["main:app"]
main()
"""


def test_a_thread_does_not_keep_a_server_that_failed() -> None:
    command = [sys.executable, "-c", DEFECT]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr[-9:]) == (1, "a defect\n")


def test_the_port_is_free_after_the_exit(serve: Serve, make_server) -> None:
    server = serve(apps.PLAIN)
    assert server.get().status == 200
    assert server.stop() == 0
    again = make_server(apps.PLAIN)
    again.start("--port", str(server.port))
    assert again.port == server.port
    assert again.get().status == 200
