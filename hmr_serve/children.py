"""Child processes: what they must not hold of the server's, and their end.

A child made by fork() has every descriptor of its parent. With a listener it would keep
the port after us; with a connection, the client would never hear that we closed it.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

END_WAIT = 1.0  # seconds that children get to end before a restart

_listeners: list[socket.socket] = []


def keep_from_children(listeners: Iterable[socket.socket]) -> None:
    """From now on a forked child closes these, and what was accepted from them."""
    if not _listeners:
        os.register_at_fork(after_in_child=_close)
    _listeners[:] = listeners


def end_children() -> None:
    """The process is about to be replaced: nobody would wait for its workers."""
    processes = sys.modules.get("multiprocessing.process")
    children = processes.active_children() if processes else []
    for child in children:
        child.terminate()
    end = time.monotonic() + END_WAIT
    for child in children:
        child.join(max(0.0, end - time.monotonic()))
        if child.is_alive():
            child.kill()


def _close() -> None:
    addresses = {_local(listener) for listener in _listeners}
    for listener in _listeners:
        listener.close()
    _listeners.clear()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                _close_accepted(int(name), addresses)


def _close_accepted(fd: int, addresses: set[object]) -> None:
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return
    accepted = socket.socket(fileno=fd)
    try:
        is_ours = _local(accepted) in addresses
    finally:
        accepted.detach()
    if is_ours:
        os.close(fd)


def _local(sock: socket.socket) -> object:
    """The port, whatever the address that a client came by; a path."""
    name = sock.getsockname()
    return name[1] if isinstance(name, tuple) else name or None
