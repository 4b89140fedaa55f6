"""Builds the routes of the app in the current folder again and again (see rebuild.py).

A program of its own, importing only the app: {"path": ..., "files": [...]} as the
argument, {"register": seconds, "lazy": seconds} printed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 10


def measure(path: str, files: list[str]) -> dict[str, float]:
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
    return {"register": median(register), "lazy": median(lazy)}


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
    print(json.dumps(measure(job["path"], job["files"])))
