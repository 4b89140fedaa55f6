"""The servers that are compared: their command lines, start, readiness, stop.

All run with the Python of this environment, on 127.0.0.1, at a port the system chose,
one process for the app, access logs off. A server is stopped by its own process id;
what it started is in its own session and goes with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Connection

BIN = Path(sys.executable).parent
READY_PAUSE = 0.0005


@dataclass(frozen=True)
class Server:
    """A server program. {app} and {port} in the command are filled in at the start."""

    name: str
    command: str

    def argv(self, app: str, port: int) -> list[str]:
        program, *rest = self.command.format(app=app, port=port).split()
        return [str(BIN / program), *rest]

    def installed(self) -> bool:
        return (BIN / self.command.split()[0]).exists()


HMR_SERVE = Server("hmr-serve", "hmr-serve {app} --port {port} --no-access-log")

RELOADING = [
    HMR_SERVE,
    Server(
        "uvicorn --reload",
        "uvicorn {app} --reload --port {port} --no-access-log --log-level warning",
    ),
    Server(
        "uvicorn-hmr",
        "uvicorn-hmr {app} --host 127.0.0.1 --port {port} --log-level warning",
    ),
    Server(
        "jurigged + uvicorn",
        "jurigged -m uvicorn {app} --port {port} --no-access-log --log-level warning",
    ),
    Server(
        "granian --reload",
        "granian --interface asgi --reload --port {port} --log-level warning {app}",
    ),
]

PLAIN_UVICORN = Server(
    "uvicorn", "uvicorn {app} --port {port} --no-access-log --log-level warning"
)

SERVING = [
    Server(
        "hmr-serve, asyncio",
        "hmr-serve {app} --port {port} --no-access-log --loop asyncio",
    ),
    Server(
        "hmr-serve, uvloop",
        "hmr-serve {app} --port {port} --no-access-log --loop uvloop",
    ),
    Server(
        "uvicorn (httptools, uvloop)",
        "uvicorn {app} --port {port} --no-access-log --log-level warning"
        " --http httptools --loop uvloop",
    ),
    Server(
        "granian (uvloop)",
        "granian --interface asgi --loop uvloop --port {port}"
        " --log-level warning {app}",
    ),
    Server("fastpysgi", "fastpysgi {app} --host 127.0.0.1 --port {port}"),
    Server(
        "hypercorn (uvloop)",
        "hypercorn -k uvloop --bind 127.0.0.1:{port} --log-level warning {app}",
    ),
]


def select(servers: list[Server], names: str | None) -> list[Server]:
    """The servers whose names start with one of `names` (comma-separated). Exits with a
    sentence when one of them is not installed: a comparison that silently lost a peer
    is none."""
    if names:
        wanted = tuple(name.strip() for name in names.split(","))
        servers = [server for server in servers if server.name.startswith(wanted)]
    for server in servers:
        if not server.installed():
            sys.exit(f"{server.name} is not installed beside {sys.executable}.")
    if not servers:
        sys.exit(f"no server is called {names}.")
    return servers


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server process that serves `app` from `folder`.

    Responsibilities: start, wait until it answers, the model's load counter, pause,
    stop.
    """

    def __init__(
        self, server: Server, folder: Path, app: str = "main:app", **environment: str
    ) -> None:
        self.server = server
        self.folder = folder
        self.port = free_port()
        self.argv = server.argv(app, self.port)
        # Beside the app's folder: a file that grows inside it would wake some peers'
        # watchers.
        self.log = folder.with_name(folder.name + ".log")
        self.loads = folder.with_name(folder.name + ".loads")
        self.loads.write_text("")
        self._output = self.log.open("w")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            self.argv,
            cwd=folder,
            env=clean_environment() | {"MODEL_LOADS": str(self.loads)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, path: str = "/", timeout: float = 30.0) -> float:
        """Wait for the first 200 and return the seconds from the start to it."""
        connection = Connection(self.port)
        try:
            while time.perf_counter() - self.started < timeout:
                if self.process.poll() is not None:
                    break
                try:
                    if connection.get(path).status == 200:
                        return time.perf_counter() - self.started
                except OSError:
                    pass
                time.sleep(READY_PAUSE)
        finally:
            connection.close()
        self.stop()
        output = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(self.argv)}: not ready\n{output}")

    def cpu_seconds(self) -> float:
        """CPU time of its threads so far (not of processes that it started)."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[0]) for file in threads) / 1e9

    def model_loads(self) -> int:
        return self.loads.read_text().count("\n")

    def pause(self) -> None:
        """Take the processor from it and all processes that it started."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM and 3 seconds; then SIGKILL for whatever is left of its session."""
        with suppress(ProcessLookupError):
            self.resume()
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self._output.close()


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change how Python or a server
    starts."""
    dropped = ("PYTHON", "UVICORN_", "GRANIAN_", "HMR_", "MODEL_", "WEB_CONCURRENCY")
    return {
        key: value for key, value in os.environ.items() if not key.startswith(dropped)
    }


def stop_all(running: list[Running]) -> None:
    for server in running:
        server.stop()


def print_commands(servers: list[Running]) -> None:
    for server in servers:
        print("  $", " ".join(server.argv).replace(f"{BIN}/", ""))


def require_program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        sys.exit(f"{name} is not installed: apt-get install {package}")
    return path
