"""Fixtures of the end-to-end tests: `serve(files, *options)` starts a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from . import apps
from .harness import Server

Serve = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], Server]]:
    """A Server whose files are written but that has not started."""
    made: list[Server] = []

    def make(files: Mapping[str, str]) -> Server:
        folder = tmp_path / f"app{len(made)}"
        folder.mkdir()
        server = Server(folder)
        for name, text in files.items():
            server.write(name, text)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()
        print(f"--- {server.log_path}")
        print(server.log if server.log_path.exists() else "never started")


@pytest.fixture
def serve(make_server: Callable[[Mapping[str, str]], Server]) -> Serve:
    """Write the files, start, wait until it serves."""

    def start(files: Mapping[str, str], *options: str, **settings: Any) -> Server:
        return make_server(files).start(*options, **settings)

    return start


@pytest.fixture
def shop(serve: Serve) -> Server:
    """The FastAPI application of apps.SHOP, serving."""
    return serve(apps.SHOP)


@pytest.fixture
def plain(serve: Serve) -> Server:
    """The ASGI application of apps.PLAIN, serving."""
    return serve(apps.PLAIN)
