"""A client of the Debug Adapter Protocol, as an editor is one: just enough of it.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from .harness import DEADLINE, until


class Debugger:
    """One session. Requests are answered in the order in which they were sent."""

    def __init__(self, port: int) -> None:
        def connect() -> socket.socket | None:
            try:
                return socket.create_connection(("127.0.0.1", port), DEADLINE)
            except ConnectionRefusedError:
                return None

        self._socket = until(connect, "debugpy listens")
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._sent

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send and wait for the answer; its body."""
        number = self.send(command, **arguments)
        answer = self._until(lambda m: m.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body", {})

    def event(self, name: str) -> dict[str, Any]:
        """The next such event, perhaps one that came already; its body."""
        for message in self._events:
            if message["event"] == name:
                self._events.remove(message)
                return message.get("body", {})
        found = self._until(lambda m: m.get("event") == name)
        self._events.remove(found)
        return found.get("body", {})

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)
            if wanted(message):
                return message

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the debugger ended"
        return json.loads(self._stream.read(length))

    # What an editor does

    def attach(self) -> None:
        self.request("initialize", adapterID="test", pathFormat="path")
        self.send("attach", justMyCode=False)
        self.event("initialized")
        self.request("configurationDone")

    def breakpoints(self, path: str, *lines: int) -> None:
        found = self.request(
            "setBreakpoints",
            source={"path": path},
            breakpoints=[{"line": line} for line in lines],
        )
        assert [b["verified"] for b in found["breakpoints"]] == [True] * len(lines)

    def stopped(self) -> tuple[int, str, int]:
        """Wait for a stop: its thread, function and line."""
        thread = self.event("stopped")["threadId"]
        frames = self.request("stackTrace", threadId=thread)["stackFrames"]
        self.frame = frames[0]["id"]
        return thread, frames[0]["name"], frames[0]["line"]

    def evaluate(self, expression: str) -> str:
        answer = self.request("evaluate", expression=expression, frameId=self.frame)
        return answer["result"]

    def go_on(self, thread: int) -> None:
        self.request("continue", threadId=thread)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()
