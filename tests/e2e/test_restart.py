"""Restart in place: what no rerun can apply is applied by a new Python, same pid and
port."""

from __future__ import annotations

import contextlib

from . import apps
from .conftest import Serve
from .harness import until

LOGGER = """\
import logging

LIMIT = 1
log = logging.getLogger("q")
log.setLevel(10)
"""


def test_what_cannot_be_undone_restarts_and_says_why(serve: Serve) -> None:
    main = apps.PLAIN["main.py"].replace("{greet()}", "{limits.log.level}")
    main = "import limits\n" + main
    server = serve({**apps.PLAIN, "main.py": main, "limits.py": LOGGER})
    assert server.get().text == "10 1"
    pid, port = server.process.pid, server.port
    server.edit("limits.py", "log.setLevel(10)\n", "")
    with contextlib.suppress(ConnectionError):
        answer = server.get()  # turned away, or waiting for the new process
        assert (answer.status, answer.text) == (200, "0 1") or answer.status == 503
    log = server.until_log("again after")
    [line] = [line for line in log.splitlines() if line.startswith("restarting  ")]
    assert line.split("  ")[1] == "limits.py"
    assert line.split("  ")[2].startswith("log ")
    assert server.get().text == "0 1"
    assert (server.process.pid, server.port) == (pid, port)
    assert server.process.poll() is None
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "0 1"
    assert server.stop() == 0


def test_a_restart_shuts_the_lifespan_down_and_waits_for_running_requests(
    serve: Serve,
) -> None:
    grace = ("--timeout-graceful-shutdown", "20")
    files = {**apps.slow_app(), ".env": "A=1\n"}
    server = serve(files, "--env-file", ".env", *grace)
    with server.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        server.until_noted("slow")
        server.write(".env", "A=2\n")
        server.until_log("restarting  .env  ")
        server.write("go", "")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    server.until_log("again after")
    assert server.journal == ["startup", "slow", "shutdown", "startup"]
    until(lambda: server.get().text == "old old", "the new process answers")


def test_a_restart_into_broken_code_answers_503_until_it_is_mended(
    serve: Serve,
) -> None:
    server = serve({**apps.PLAIN, ".env": "A=1\n"}, "--env-file", ".env")
    server.write("words.py", "1 / 0\n")
    assert server.get().text == "hello 1"
    server.write(".env", "A=2\n")
    server.until_log("again after")
    answer = server.get()
    assert answer.status == 503
    assert "ZeroDivisionError" in answer.text
    server.write("words.py", apps.PLAIN["words.py"])
    assert server.get().text == "hello 1"
