"""The network (C, asgi/): an I/O thread (libuv, llhttp) that never takes the GIL, and its ASGI bridge.

The I/O thread accepts, parses, queues and writes while Python is busy. It watches files, and
holds new requests behind the fence from the first event of a save until `release`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

# certfile, keyfile (None: in certfile), password, ca_certs, ciphers (of TLS 1.2), cert_reqs (0 to 2)
type Tls = tuple[str, str | None, str | None, str | None, str | None, int]

WATCHER: str  # what tells of changes: "inotify", else "uv_fs_event"

class Server:
    """One I/O thread with its listeners. All methods and properties: main thread, GIL held."""

    def __init__(
        self,
        listeners: Sequence[
            int
        ],  # listening sockets' descriptors; borrowed, never closed here
        *,
        loop: Any,  # the asyncio (or uvloop) event loop that runs the application
        on_change: Callable[[int, list[str]], None] | None = None,
        access_log: Callable[[str, str, str, str, int, float], None] | None = None,
        on_error: Callable[[str, BaseException | None], None] | None = None,
        root_path: str = "",
        keep_alive: float = 5.0,  # seconds that an idle connection stays open
        head_time: float = 60.0,  # seconds for the head of a request: 408 after them
        head_limit: int = 65536,  # bytes of a request's head: 431 above
        backlog: int = 2048,
        headers: Iterable[tuple[bytes, bytes]] = (),  # added to every response
        limit_concurrency: int = 0,  # connections: 503 above; 0: no limit
        proxy: Callable[[dict[str, Any]], None] | None = None,
        reset_context: bool = False,  # requests run in an empty contextvars context
        settle: float = 0.0,  # seconds of quiet before a change is reported, at least
        server_header: bool = True,
        date_header: bool = True,
        tls: Tls | None = None,
        websocket: dict[str, Any] | None = ...,
        on_blocked: Callable[[float], None] | None = None,
        poll: bool | None = None,  # look at files again and again; None: where no events come
    ) -> None:
        """on_change(serial, paths) is called in the loop's thread with absolute paths of ready files,
        while the fence stands; answer with release(serial).
        access_log(client "host:port", method, target, "1.1", status, seconds) after each response.
        websocket: how WebSockets are served; None: not at all, a handshake is an ordinary request.
        Keys and defaults: max_size=16777216 (bytes of a message), max_queue=32 (messages that wait for
        the application before reading stops), ping_interval=20.0, ping_timeout=20.0 (seconds; None or 0:
        never), deflate=True (permessage-deflate where the client offers it).
        proxy(scope) is called for a request with X-Forwarded-For or -Proto, to change the scope in place.
        on_blocked(seconds), on a thread of its own, when the loop has not answered for so long while there is
        traffic, and no change is being applied; once for each time.
        on_error("message", exception or None) when the application raises or breaks the protocol."""

    app: Callable[[dict[str, Any], Any, Any], Awaitable[None]]
    """The ASGI application that new requests go to. Settable at any time."""

    state: dict[str, Any] | None
    """scope["state"] of new requests is a shallow copy of this (lifespan state). Settable."""

    def start(self, connections: Iterable[tuple[int, bytes]] = (), /) -> None:
        """Start the I/O thread and accept. Set `app` first. `connections`: what handed_over() of the
        process before has returned; the descriptors pass."""

    def watch(self, files: Iterable[str], directories: Iterable[str]) -> None:
        """The paths that matter from now on (replaces the set): a change of a file (created, deleted
        and moved included), or an entry added to or removed from a directory, raises the fence.
        on_change gets the files, and for an entry both its path and the directory's. What changed
        since the previous call (or since the Server was made) in a directory that was not watched
        before is reported too. ValueError for a path that is not absolute."""

    def release(self, serial: int) -> None:
        """The change `serial` was applied (or failed): lift the fence, unless a newer one stands."""

    def stop(
        self, grace: float, close_code: int = 1001, hand_over: bool = False, /
    ) -> Awaitable[None]:
        """Close WebSockets with that code, stop accepting, let running requests end for up to `grace` seconds, cancel the rest, close
        every connection, join the thread. The listeners stay open (a restart inherits them).
        hand_over: plain HTTP connections that wait for a request, or whose request is whole and still
        behind the fence, are kept for handed_over()."""

    def handed_over(self) -> list[tuple[int, bytes]]:
        """Once it has stopped: connections that another process is to go on with, as descriptors (the
        caller's from now on) and what was read from them and not answered. Each is returned once."""

    def abort(self) -> None:
        """The same at once, without waiting for requests (a second Ctrl+C)."""

    def restart_websockets(self, stale: Callable[[Any], object]) -> int:
        """Close with 1012 each open WebSocket for whose handler's suspended coroutine `stale` is true;
        how many these were. The handler hears websocket.disconnect."""

    def stats(self) -> dict[str, int]:
        """Counters: connections, requests, in_flight, fenced, changes, wakeups, direct."""

class ClientDisconnected(OSError):
    """Raised by send() on a WebSocket that the client has closed."""

def check_tls(tls: Tls, /) -> None:
    """Whether the files can be used; OSError says in a sentence why not."""

def filesystem_without_events(path: str, /) -> str | None:
    """The name of the file system that holds this absolute path, if changes made elsewhere raise no
    events there ("NFS", "9p", "FUSE", ...); None: it tells of them, or that is not known."""

def versions() -> dict[str, str]:
    """{"libuv": "1.44.2", "llhttp": "8.1.0"}"""
