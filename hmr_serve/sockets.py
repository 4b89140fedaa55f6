"""Listening sockets: bound before the application is imported, kept over a restart.

Responsibilities: bind host and port (IPv4 and IPv6, every address of a name), say who
holds a port that is taken, take over the sockets a process left when it replaced
itself.
"""

from __future__ import annotations

import errno
import os
import socket

from .config import Config
from .problem import Problem

INHERITED = "HMR_SERVE_FDS"  # "<pid>:<monotonic ns of the restart>:<fd>,<fd>"


def listen(config: Config) -> list[socket.socket]:
    """The sockets to serve on, listening. Raises Problem with a sentence."""
    infos = _resolve(config.host, config.port)
    listeners: list[socket.socket] = []
    port = config.port
    try:
        for family, address in infos:
            listener = _bind(family, (address[0], port, *address[2:]), config)
            listeners.append(listener)
            port = listener.getsockname()[1]  # port 0: the same for every address
    except BaseException:
        close(listeners)
        raise
    return listeners


def close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def url(listeners: list[socket.socket], host: str) -> str:
    """Where a browser on this machine finds the server."""
    port = listeners[0].getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def inherited() -> tuple[list[socket.socket], int] | None:
    """(listeners, when the restart began) if this process replaced itself, else None.

    The pid in the variable keeps programs that the application starts from believing
    it."""
    pid, _, rest = os.environ.pop(INHERITED, "").partition(":")
    began, _, fds = rest.partition(":")
    if pid != str(os.getpid()):
        return None
    listeners = [socket.socket(fileno=int(fd)) for fd in fds.split(",")]
    for listener in listeners:
        listener.set_inheritable(False)
    return listeners, int(began)


def bequeath(listeners: list[socket.socket], began: int) -> dict[str, str]:
    """Make the listeners survive an exec; the environment variable that hands them
    over."""
    for listener in listeners:
        listener.set_inheritable(True)
    fds = ",".join(str(listener.fileno()) for listener in listeners)
    return {INHERITED: f"{os.getpid()}:{began}:{fds}"}


def _resolve(host: str, port: int) -> list[tuple[int, tuple]]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as exc:
        raise Problem(
            f"--host {host} is no address of this machine ({exc.strerror}); try "
            "127.0.0.1, or 0.0.0.0 for every network."
        ) from None
    return list(dict.fromkeys((info[0], info[4]) for info in found))


def _bind(family: int, address: tuple, config: Config) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(config.backlog)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise _bind_problem(address, exc) from None
    return listener


def _bind_problem(address: tuple, exc: OSError) -> Problem:
    host, port = address[:2]
    if exc.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        who = f"by {holder}" if holder else "by another process"
        return Problem(
            f"port {port} on {host} is in use {who}; stop it or choose another with "
            "--port (0 takes a free one)."
        )
    if exc.errno == errno.EACCES:
        return Problem(
            f"port {port} needs privileges that this user has not; choose one above "
            "1023 with --port."
        )
    if exc.errno == errno.EADDRNOTAVAIL:
        return Problem(
            f"--host {host} is no address of this machine; try 127.0.0.1, or 0.0.0.0 "
            "for every network."
        )
    return Problem(f"cannot listen on {host} port {port}: {exc.strerror}.")


def port_holder(port: int) -> str | None:
    """`python3 (pid 4711)`: who listens on a TCP port, where /proc lets us read it."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(fd.path) in inodes:
                    return f"{_command(pid)} (pid {pid})"
        except OSError:
            continue  # another user's process, or it ended meanwhile
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            # Columns: local address "hex:hex", state 0A = LISTEN, inode.
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{row[9]}]")
    return inodes


def _command(pid: str) -> str:
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
