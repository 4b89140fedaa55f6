"""What FastAPI itself needs to build an app's routes again, without any server.

A reloader that makes a new app object pays at least this: running the statements that
register routes, and what FastAPI builds lazily in the first request. Run as a program,
it measures the app in a folder and prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps import App
from servers import clean_environment
from tables import median, milliseconds

ROUNDS = 10


@dataclass(frozen=True)
class Cost:
    register: float  # seconds: the module's own statements, imports already done
    lazy: float  # seconds: the first request minus the second

    def text(self) -> str:
        return f"{milliseconds(self.register)} + {milliseconds(self.lazy)}"


def measure(app: App) -> dict[str, Cost]:
    """The cost of building again what the edits of `app` that move a route touch."""
    result = {}
    for edit in app.edits:
        if not edit.name.endswith("route"):  # no route is registered again
            continue
        # A router's file registers its own routes, then the entry includes them.
        files = ["main.py"] if edit.file == "main.py" else [edit.file, "main.py"]
        job = json.dumps({"path": app.request(edit), "files": files})
        output = subprocess.run(
            [sys.executable, __file__, job],
            cwd=app.folder,
            env=clean_environment() | {"MODEL_SECONDS": "0"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        result[edit.name] = Cost(**json.loads(output))
    return result


def measure_here(path: str, files: list[str]) -> Cost:
    import main  # the app in the current folder

    modules = [_module(name) for name in files]
    assert modules[-1] is main
    code = [compile(Path(name).read_text(), name, "exec") for name in files]
    register, lazy = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for module, statements in zip(modules, code, strict=True):
            exec(statements, vars(module))
        register.append(time.perf_counter() - start)
        first, second = (_request(main.app, path) for _ in range(2))
        lazy.append(max(0.0, first - second))
    return Cost(median(register), median(lazy))


def _module(file: str) -> Any:
    return sys.modules[file.removesuffix(".py").replace("/", ".")]


def _request(app: Any, path: str) -> float:
    """Seconds that one GET takes inside the app."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    status = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        status.append(message.get("status"))

    start = time.perf_counter()
    asyncio.run(app(scope, receive, send))
    taken = time.perf_counter() - start
    assert status[0] == 200, (path, status)
    return taken


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    sys.path.insert(0, ".")
    cost = measure_here(job["path"], job["files"])
    print(json.dumps({"register": cost.register, "lazy": cost.lazy}))
