"""A real server on real files: start it, edit, ask, read what it printed.

Nothing here sleeps to wait for an effect: `until` polls a condition with a deadline,
and a request after an edit is sent once, at once. HMR_TEST_SLOWNESS stretches every
deadline: by 6 under a sanitizer, by 3 in CI, where tests run beside each other.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USUAL = 6 if os.environ.get("HMR_SANITIZER") else 3 if os.environ.get("CI") else 1
SLOWNESS = float(os.environ.get("HMR_TEST_SLOWNESS", USUAL))
DEADLINE = 20 * SLOWNESS
RUNNING = re.compile(r"hmr-serve running on http://\S*?:(\d+)(?: |$)", re.MULTILINE)
COMMAND = [sys.executable, "-m", "hmr_serve"]


def until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """The first true value of `condition`; AssertionError after the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline:.0f} s still not: {what}")
        time.sleep(0.002)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reloaded:
    """A `reloaded` line of the terminal, taken apart."""

    files: list[str]
    what: str  # "patched read_item", "reran 6 statements in 3 modules", ...
    kept: list[str]
    restarted: list[str]

    @classmethod
    def parse(cls, line: str) -> Reloaded:
        _, files, what, cost, *notes = line.split("  ")
        assert re.fullmatch(r"\d+(\.\d+)? m?s", cost), line
        found = {"kept": [], "restarted": []}
        for note in notes[0].strip("()").split("; ") if notes else []:
            key, _, names = note.partition(": ")
            found[key] = names.split(", ")
        return cls(files.split(", "), what, found["kept"], found["restarted"])


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)

    def get(self, path: str = "/", **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        named = {k.replace("_", "-"): v for k, v in (headers or {}).items()}
        self._http.request(method, path, body, named)
        response = self._http.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    @property
    def local_port(self) -> int | None:
        """Its end of the connection: the same number means the same connection."""
        return self._http.sock.getsockname()[1] if self._http.sock else None

    def close(self) -> None:
        self._http.close()


class Server:
    """A folder with an application, and a server process for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log_path = folder.parent / f"{folder.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    # -- files

    def write(self, name: str, text: str) -> None:
        """Truncate and write, as most editors and `>` do."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, text: str) -> None:
        """Write another file and rename it over the old one: an atomic save."""
        path = self.folder / name
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(text)
        os.replace(temporary, path)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there once, by `new`."""
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    # -- the process

    def start(
        self,
        *arguments: str,
        app: str | None = "main:app",
        command: list[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        wait: bool = True,
        stdin: int = subprocess.DEVNULL,
    ) -> Server:
        """Start on a free port; with `wait`, until it serves."""
        line = [*command, *([app] if app else []), "--port", "0", *arguments]
        return self.start_line(line, env=env, cwd=cwd, wait=wait, stdin=stdin)

    def start_line(
        self,
        line: list[str],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        wait: bool = True,
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> Server:
        assert self.process is None
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                line,
                cwd=cwd or self.folder,
                env={**clean_environment(), **(env or {})},
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
            )
        if wait:
            self.port = int(until(self._serving, f"serving\n{line}")[1])
        return self

    def _serving(self) -> re.Match[str] | None:
        if self.process.poll() is not None:
            raise AssertionError(
                f"the server ended: {self.process.returncode}\n{self.log}"
            )
        return RUNNING.search(self.log)

    def send_signal(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def wait(self, deadline: float = DEADLINE) -> int:
        """The exit code, once it ended by itself."""
        return self.process.wait(deadline)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # -- what it printed

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def until_log(self, text: str, count: int = 1) -> str:
        """The whole log, once `text` stands in it `count` times."""

        def found() -> str:
            log = self.log
            return log if log.count(text) >= count else ""

        try:
            return until(found, f"{text!r} printed {count} times")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.log}") from None

    def reloads(self, count: int) -> list[Reloaded]:
        """The first `count` reload lines (the line may follow the first fresh answer),
        after making sure that there are no more."""

        def lines() -> list[str]:
            whole = self.log.rpartition("\n")[0].splitlines()
            return [line for line in whole if line.startswith("reloaded  ")]

        try:
            until(lambda: len(lines()) >= count, f"{count} reload lines")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.log}") from None
        found = lines()
        assert len(found) == count, self.log
        return [Reloaded.parse(line) for line in found]

    @property
    def journal(self) -> list[str]:
        """What the application noted (apps.JOURNAL), over all reloads and processes."""
        path = self.folder / "journal.txt"
        return path.read_text().split() if path.exists() else []

    def until_noted(self, word: str, count: int = 1) -> None:
        until(lambda: self.journal.count(word) >= count, f"{word} noted {count} times")

    # -- requests

    def get(self, path: str = "/", **headers: str) -> Answer:
        """One request on a connection of its own."""
        client = self.client()
        try:
            return client.get(path, Connection="close", **headers)
        finally:
            client.close()

    def client(self) -> Client:
        return Client(self.port)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)


def clean_environment() -> dict[str, str]:
    """Ours, without what would set options of the server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HMR_SERVE_", "UVICORN_"))
    } | {"PYTHONUNBUFFERED": "1"}


def run_command(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end: for what never gets to serving."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**clean_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
