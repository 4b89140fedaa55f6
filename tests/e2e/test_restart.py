"""Restart in place: what no rerun can apply is applied by a new Python, same pid and
port."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import pytest

from . import apps
from .conftest import Serve
from .harness import Server, until


def test_what_cannot_be_undone_restarts_and_says_why(serve: Serve) -> None:
    main = apps.PLAIN["main.py"].replace("{greet()}", "{limits.log.level}")
    main = "import limits\n" + main
    files = {**apps.PLAIN, **apps.SHARED, "main.py": main}
    server = serve(files, env=apps.SHARED_ENV)
    assert server.get().text == "10 1"
    pid, port = server.process.pid, server.port
    server.edit("limits.py", apps.SHARED_LINE, "")
    answer = server.get()  # waits for the new process
    assert (answer.status, answer.text) == (200, "0 1")
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


def test_connections_go_on_in_the_new_process(serve: Serve) -> None:
    main = apps.PLAIN["main.py"].replace("{greet()}", "{limits.log.level}")
    files = {**apps.PLAIN, **apps.SHARED, "main.py": "import limits\n" + main}
    server = serve(files, "--timeout-keep-alive", "60", env=apps.SHARED_ENV)
    idle, busy = server.client(), server.client()
    assert idle.get().text == busy.get().text == "10 1"
    ports = idle.local_port, busy.local_port
    with server.connect() as silent:
        for number in range(3):
            line = f"log.set_level({number})\n" if number else apps.SHARED_LINE
            server.edit("limits.py", line, f"log.set_level({number + 1})\n")
            answer = busy.request("POST", "/", b"a body")  # behind the fence
            assert (answer.status, answer.text) == (200, f"{number + 1} 1")
            assert idle.get().text == f"{number + 1} 1"
            assert (idle.local_port, busy.local_port) == ports
            assert server.log.count("again after") == number + 1
        silent.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert silent.makefile("rb").read().endswith(b"3 1")
    assert server.stop() == 0


def test_r_restarts_for_what_no_save_tells_of(make_server) -> None:
    """A package that was installed anew, as a C extension that was built anew."""
    package = "libraries/site-packages/package.py"
    main = apps.PLAIN["main.py"].replace("{greet()}", "{package.VERSION}")
    files = {**apps.PLAIN, "main.py": "import package\n" + main, package: "VERSION = 1"}
    server = make_server(files)
    terminal, line = os.openpty()
    try:
        server.start(env={"PYTHONPATH": "libraries/site-packages"}, stdin=line)
        client = server.client()
        assert client.get().text == "1 1"
        pid, port = server.process.pid, client.local_port
        server.write(package, "VERSION = 'two'")
        os.write(terminal, b"x\n\nrr\n")  # nothing
        assert client.get().text == "1 1"
        os.write(terminal, b"r\n")
        log = server.until_log("again after")
        assert log.count("restarting  -  r was typed") == 1
        assert client.get().text == "two 1"
        assert (server.process.pid, client.local_port) == (pid, port)
        os.write(terminal, b"r\n")
        server.until_log("again after", 2)
        assert client.get().text == "two 1"
        assert server.stop() == 0
    finally:
        os.close(terminal)
        os.close(line)


def test_a_restart_shuts_the_lifespan_down_and_waits_for_running_requests(
    serve: Serve,
) -> None:
    files = {**apps.slow_app(), **apps.SHARED}
    files["main.py"] = "import limits\n" + files["main.py"]
    server = serve(files, "--timeout-graceful-shutdown", "20", env=apps.SHARED_ENV)
    with server.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        server.until_noted("slow")
        server.edit("limits.py", apps.SHARED_LINE, "")
        server.until_log("restarting  limits.py  ")
        server.write("go", "")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    server.until_log("again after")
    assert server.journal == ["startup", "slow", "shutdown", "startup"]
    until(lambda: server.get().text == "old old", "the new process answers")


def test_a_restart_into_broken_code_answers_503_until_it_is_mended(
    serve: Serve,
) -> None:
    server = serve({**apps.PLAIN, "x.html": "a"}, "--reload-include", "*.html")
    server.write("words.py", "1 / 0\n")
    assert server.get().text == "hello 1"
    server.write("x.html", "b")
    server.until_log("again after")
    answer = server.get()
    assert answer.status == 503
    assert "ZeroDivisionError" in answer.text
    server.write("words.py", apps.PLAIN["words.py"])
    assert server.get().text == "hello 1"


# A library that refuses to be told the same thing twice, outside of what is tracked.
REGISTRY = """\
NAMES = {}


def register(name, text):
    if not text:
        raise ValueError("a metric needs a text")
    if name in NAMES:
        raise ValueError(f"{name} is registered already")
    NAMES[name] = text
    return text
"""


def registry_app(serve: Serve) -> Server:
    main = apps.PLAIN["main.py"].replace("{greet()}", "{metrics.hits} {greet()}")
    files = {
        **apps.PLAIN,
        "main.py": "import metrics\n" + main,
        "metrics.py": "import registry\n\nhits = registry.register('hits', 'Hits.')\n",
        "libraries/site-packages/registry.py": REGISTRY,
    }
    server = serve(files, env={"PYTHONPATH": "libraries/site-packages"})
    assert server.get().text == "Hits. hello 1"
    return server


# A model that is loaded when a port lets it.
MODEL = """\
import os
import socket

with socket.create_connection(("127.0.0.1", int(os.environ["MODEL"]))) as loading:
    loading.recv(1)
"""


def test_a_child_that_takes_its_time_is_told_of(serve: Serve) -> None:
    loaded = threading.Event()
    loaded.set()

    def load(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the end of the test
            while True:
                with listener.accept()[0]:
                    loaded.wait()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=load, args=[listener], daemon=True).start()
        files = {**apps.PLAIN, **apps.SHARED, "model.py": MODEL}
        files["main.py"] = "import model\nimport limits\n" + files["main.py"]
        port = listener.getsockname()[1]
        server = serve(files, env={**apps.SHARED_ENV, "MODEL": str(port)})
        assert server.get().text == "hello 1"
        loaded.clear()
        server.edit("limits.py", apps.SHARED_LINE, "")
        log = server.until_log("trying  limits.py  in a child process first: ")
        assert "restarting" not in log
        loaded.set()
        server.until_log("restarting  limits.py  ")
        server.until_log("again after")
        assert server.get().text == "hello 1"
        server.stop()


def test_what_only_a_rerun_makes_a_library_refuse_is_applied_by_a_restart(
    serve: Serve,
) -> None:
    server = registry_app(serve)
    pid = server.process.pid
    server.edit("metrics.py", "Hits.", "All.")
    log = server.until_log("again after")
    [line] = [line for line in log.splitlines() if line.startswith("restarting  ")]
    assert "hits is registered already" in line
    assert "ValueError" in line and "metrics.py" in line
    until(lambda: server.get().text == "All. hello 1", "the new process answers")
    assert server.process.pid == pid


def test_what_a_library_refuses_in_a_new_process_too_is_the_users_error(
    serve: Serve,
) -> None:
    server = registry_app(serve)
    server.edit("metrics.py", "'Hits.'", "''")
    assert server.get().text == "Hits. hello 1"
    log = server.until_log("a metric needs a text")
    assert "metrics.py not applied" in log and "restarting" not in log
    server.edit("metrics.py", "hits = registry.register('hits', '')", "hits = 'none'")
    assert server.get().text == "none hello 1"


def test_a_save_while_a_new_process_tries_the_one_before(serve: Serve) -> None:
    server = registry_app(serve)
    server.edit("metrics.py", "'Hits.'", "''")
    server.edit("metrics.py", "''", "'Hits.'")
    assert server.get().text == "Hits. hello 1"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "Hits. salut 1"


def test_a_restart_that_would_fail_does_not_happen(serve: Serve) -> None:
    main = apps.PLAIN["main.py"].replace("{greet()}", "{limits.log.level}")
    gate = "import os\nif os.path.exists('closed'):\n    raise OSError('closed')\n"
    files = {
        **apps.PLAIN,
        **apps.SHARED,
        "main.py": "import gate\nimport limits\n" + main,
        "libraries/site-packages/gate.py": gate,  # imported once in each process
    }
    server = serve(files, env=apps.SHARED_ENV)
    server.write("closed", "")
    server.edit("limits.py", apps.SHARED_LINE, "")
    assert server.get().text == "10 1"
    log = server.until_log("not applied")
    assert "only a new process can apply it" in log and "OSError: closed" in log
    assert "restarting" not in log
    (server.folder / "closed").unlink()
    server.edit("limits.py", "LIMIT = 1", "LIMIT = 2")
    server.until_log("again after")
    until(lambda: server.get().text == "0 2", "the new process answers")


HALF = {
    "main.py": """\
import half


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % half.state.count})
""",
    "libraries/site-packages/half/__init__.py": """\
from . import state

state.count += 1
import missing
""",
    "libraries/site-packages/half/state.py": "count = 0\n",
}


@pytest.mark.parametrize("running", [True, False])
def test_a_library_whose_import_failed_at_first_is_imported_by_a_new_process(
    serve: Serve, running: bool
) -> None:
    main = HALF["main.py"]
    stub = "class half:\n    class state:\n        count = 0\n"
    without = main.replace("import half\n", stub)
    files = {**HALF, "main.py": without} if running else HALF
    server = serve(files, env=apps.SHARED_ENV)
    if running:
        server.write("main.py", main)
        assert server.get().text == "0"
    else:
        assert server.get().status == 503
    server.write("libraries/site-packages/missing.py", "")
    server.write("main.py", main + "\n\nX = 1\n")
    assert server.get().text == "1"
    log = server.until_log("half was imported a second time, after it had failed")
    assert log.count("restarting") == 1


STARTED = """\
import os
import socket
import threading

stop = threading.Event()
threading.Thread(target=stop.wait, name="poller", daemon=True).start()
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"\\0hmr-serve-test-{os.getpid()}")
listener.listen()
1 / 0


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    names = [t.name for t in threading.enumerate() if t.name == "poller"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(names)})
"""


LEFT = {
    ".start()": "the start that failed had opened a port",
    ".listen()": "poller runs, which the start that failed had started",
}


@pytest.mark.parametrize(("without", "reason"), LEFT.items())
def test_a_first_start_that_fails_leaves_nothing_running(
    serve: Serve, without: str, reason: str
) -> None:
    server = serve({"main.py": STARTED.replace(without, "")})
    assert server.get().status == 503
    assert "CannotWithdraw" not in server.log
    server.edit("main.py", "1 / 0", "X = 1")
    assert server.get().text == str(int(without != ".start()"))
    assert reason in server.log
