"""Debuggers, and processes that import what was edited (demands R5 and R24)."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import apps
from .conftest import Serve
from .dap import Debugger
from .harness import COMMAND, RUNNING, Answer, Server, clean_environment, until


@contextlib.contextmanager
def asked(server: Server, path: str = "/") -> Iterator[Future[Answer]]:
    """A request on its way."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(server.get, path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Terminal:
    """A server on a terminal."""

    def __init__(self, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [*COMMAND, "main:app", "--port", "0"],
            cwd=folder,
            env=clean_environment() | {"TERM": "dumb", "NO_COLOR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: it has ended
            while data := os.read(self.ours, 65536):
                self.text += data.decode(errors="replace").replace("\r\n", "\n")

    def until(self, text: str, count: int = 1) -> None:
        until(
            lambda: self.text.count(text) >= count,
            f"{text!r} on the terminal {count} times",
        )

    def type(self, line: str) -> None:
        os.write(self.ours, f"{line}\n".encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        os.close(self.ours)
        print(self.text)


def test_breakpoint_stops_on_the_terminal_in_edited_code_too(tmp_path: Path) -> None:
    server = Server(tmp_path)
    for name, text in apps.PLAIN.items():
        server.write(name, text)
    terminal = Terminal(tmp_path)
    try:
        found = until(lambda: RUNNING.search(terminal.text), "serving")
        server.port = int(found[1])
        for number, word in enumerate(["salut", "ciao"], 1):
            text = f'def greet():\n    word = "{word}"\n    breakpoint()\n'
            server.write("words.py", text + "    return word\n")
            with asked(server) as answer:
                terminal.until("(Pdb) ", 2 * number - 1)
                terminal.type("p word.upper()")
                terminal.until(repr(word.upper()))
                terminal.until("(Pdb) ", 2 * number)
                terminal.type("c")
                assert answer.result().text == f"{word} 1"
    finally:
        terminal.close()


def test_a_debugger_stops_in_code_that_was_edited(serve: Serve) -> None:
    port = free_port()
    line = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy"]
    line += ["--listen", f"127.0.0.1:{port}", *COMMAND[1:]]
    server = serve(apps.PLAIN, command=line)
    debugger = Debugger(port)
    try:
        debugger.attach()
        server.write("words.py", 'def greet():\n    word = "salut"\n    return word\n')
        assert server.get().text == "salut 1"
        debugger.breakpoints(str(server.folder / "words.py"), 3)
        with asked(server) as answer:
            thread, function, at = debugger.stopped()
            assert (function, at) == ("greet", 3)
            assert debugger.evaluate("word") == "'salut'"
            # A save while it is stopped waits, and kills nothing.
            text = '# A line above.\ndef greet():\n    word = "ciao"\n    return word\n'
            server.write("words.py", text)
            debugger.breakpoints(str(server.folder / "words.py"), 4)
            debugger.go_on(thread)
            assert answer.result().text == "salut 1"
        with asked(server) as answer:
            thread, function, at = debugger.stopped()
            assert (function, at) == ("greet", 4)
            assert debugger.evaluate("word") == "'ciao'"
            debugger.go_on(thread)
            assert answer.result().text == "ciao 1"
        assert server.journal == ["main"]
    finally:
        debugger.close()


SPAWNING = {
    **apps.PLAIN,
    "words.py": """\
import multiprocessing


def word(queue):
    queue.put("hello")


def greet():
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=word, args=(queue,))
    child.start()
    text = queue.get()
    child.join()
    return f"{text} {child.exitcode}"
""",
}


def test_a_spawned_process_runs_what_was_edited(serve: Serve) -> None:
    server = serve(SPAWNING)
    assert server.get().text == "hello 0 1"
    for number in range(3):
        server.edit("words.py", 'queue.put("', f'queue.put("{number} ')
        assert server.get().text.startswith(f"{number} ")
    assert server.journal == ["main"]  # a child imports what it calls, no server
    assert server.stop() == 0
