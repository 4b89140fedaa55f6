"""Headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from .harness import DEADLINE, until

# Documentation pages speak to port 8000 by name.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update"
    " --disable-dev-shm-usage --remote-debugging-port=0"
)


class Browser:
    """One page. Requests to localhost:8000 go to `port`."""

    def __init__(self, folder: Path, port: int) -> None:
        program = shutil.which("chromium")
        if program is None:
            pytest.skip("this machine has no chromium")
        where = f"MAP localhost:8000 127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [
                program,
                *FLAGS.split(),
                f"--user-data-dir={folder}",
                f"--host-resolver-rules={where}",
                "about:blank",
            ],
            # A sanitizer of ours is not for it.
            env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self._open = ExitStack()
        try:
            channel = connect(self._page_url(folder), max_size=None)
            self._socket = self._open.enter_context(channel)
        except BaseException:
            self._end()
            raise

    def _page_url(self, folder: Path) -> str:
        """Of the one page that it opens with."""
        told = folder / "DevToolsActivePort"
        port = until(
            lambda: told.exists() and told.read_text().partition("\n")[0], "a port"
        )

        def page() -> str | None:
            listed = httpx.get(f"http://127.0.0.1:{port}/json/list").json()
            found = [each for each in listed if each["type"] == "page"]
            return found[0]["webSocketDebuggerUrl"] if found else None

        return until(page, "a page")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._open.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(asked))
        while True:
            said = json.loads(self._socket.recv(DEADLINE))
            if said.get("id") == self._number:
                return said["result"]

    def open(self, path: str) -> None:
        self._ask("Page.navigate", url=f"http://localhost:8000{path}")
        until(lambda: self.run("document.readyState") == "complete", "the page")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is awaited."""
        said = self._ask(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def until_run(self, script: str, value: Any) -> None:
        until(lambda: self.run(script) == value, f"{script} == {value!r}")
