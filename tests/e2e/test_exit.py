"""The end: one Ctrl+C or SIGTERM, open streams or not, and the lifespan shuts down
once."""

from __future__ import annotations

import signal
import time

import pytest

from . import apps
from .conftest import Serve
from .harness import SLOWNESS, Server

SIGNALS = [signal.SIGINT, signal.SIGTERM]


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


def test_the_port_is_free_after_the_exit(serve: Serve, make_server) -> None:
    server = serve(apps.PLAIN)
    assert server.get().status == 200
    assert server.stop() == 0
    again = make_server(apps.PLAIN)
    again.start("--port", str(server.port))
    assert again.port == server.port
    assert again.get().status == 200
