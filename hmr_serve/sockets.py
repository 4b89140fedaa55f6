"""Listening sockets: bound before the application is imported, kept over a restart.

Responsibilities: bind hosts and port (IPv4 and IPv6, every address of a name) or a Unix
socket, take the descriptor that a supervisor left, say who holds a port that is taken,
take over the sockets a process left when it replaced itself.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import tempfile
from contextlib import suppress

from .config import Config
from .problem import Problem

# "<pid>:<monotonic ns of the restart>:<fd>,<fd>:<fd of a file>": the listeners, and
# a list of the connections in JSON.
INHERITED = "HMR_SERVE_FDS"

Connections = list[tuple[int, bytes]]  # descriptors, and what was read from them


def listen(config: Config) -> list[socket.socket]:
    """The sockets to serve on, listening. Raises Problem with a sentence."""
    if config.fd is not None:
        return [_adopt(config.fd, config.backlog)]
    if config.uds is not None:
        return [_bind_path(config.uds, config.backlog)]
    infos = [info for host in config.hosts for info in _resolve(host, config.port)]
    listeners: list[socket.socket] = []
    port = config.port
    try:
        for family, address in dict.fromkeys(infos):
            listener = _bind(family, (address[0], port, *address[2:]), config)
            listeners.append(listener)
            port = listener.getsockname()[1]  # port 0: the same for every address
    except BaseException:
        close(listeners)
        raise
    return listeners


def close(listeners: list[socket.socket], uds: str | None = None) -> None:
    """Close them; the path of a Unix socket of ours goes too."""
    for listener in listeners:
        listener.close()
    if uds is not None:
        with suppress(OSError):
            os.unlink(uds)


def where(listeners: list[socket.socket], config: Config) -> str:
    """Where a browser on this machine finds the server: `http://127.0.0.1:8000`."""
    if listeners[0].family == socket.AF_UNIX:
        return f"unix socket {listeners[0].getsockname()}"
    hosts = config.hosts
    port = listeners[0].getsockname()[1]
    if config.fd is not None:
        hosts = (listeners[0].getsockname()[0],)
    scheme = "https" if config.tls else "http"
    urls = (
        f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host in hosts
    )
    return " and ".join(urls)


def inherited() -> tuple[list[socket.socket], Connections, int] | None:
    """(listeners, connections, when the restart began) if this process replaced
    itself, else None.

    The pid in the variable keeps programs that the application starts from believing
    it."""
    pid, _, rest = os.environ.pop(INHERITED, "").partition(":")
    if pid != str(os.getpid()):
        return None
    began, fds, file = rest.split(":")
    listeners = [socket.socket(fileno=int(fd)) for fd in fds.split(",")]
    for listener in listeners:
        listener.set_inheritable(False)
    with os.fdopen(int(file), "rb") as stored:
        connections = [(fd, data.encode("latin-1")) for fd, data in json.load(stored)]
    for fd, _ in connections:
        os.set_inheritable(fd, False)
    return listeners, connections, int(began)


def bequeath(
    listeners: list[socket.socket], connections: Connections, began: int
) -> dict[str, str]:
    """Make them survive an exec; the environment variable that hands them over."""
    fds = [listener.fileno() for listener in listeners]
    text = json.dumps([(fd, data.decode("latin-1")) for fd, data in connections])
    with tempfile.TemporaryFile(buffering=0) as stored:
        stored.write(text.encode())
        stored.seek(0)
        file = os.dup(stored.fileno())
    for fd in (*fds, *(fd for fd, _ in connections), file):
        os.set_inheritable(fd, True)
    return {INHERITED: f"{os.getpid()}:{began}:{','.join(map(str, fds))}:{file}"}


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


def _adopt(fd: int, backlog: int) -> socket.socket:
    """The socket that whoever started us has bound (systemd, overmind, circus)."""
    try:
        listener = socket.socket(fileno=os.dup(fd))
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as exc:
        raise Problem(
            f"--fd {fd} is no socket that can listen ({exc.strerror}); give the "
            "descriptor of a bound TCP or Unix socket."
        ) from None
    return listener


def _bind_path(path: str, backlog: int) -> socket.socket:
    """A Unix socket. A socket that nobody listens on any more is replaced."""
    mode = 0o666
    try:
        status = os.stat(path)
    except OSError:
        pass
    else:
        if not stat.S_ISSOCK(status.st_mode):
            raise Problem(f"--uds {path} exists and is no socket; choose another path.")
        if _answers(path):
            raise Problem(
                f"--uds {path} is in use by another process; stop it or choose another "
                "path."
            )
        mode = stat.S_IMODE(status.st_mode)
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, mode)
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise Problem(
            f"cannot listen on --uds {path}: {exc.strerror or exc}."
        ) from None
    return listener


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


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
