"""Config: every setting of one server, as the command line or `hmr_serve.run` gave
it."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

from .problem import Problem, listed, nearest
from .refused import REFUSED, check_refused, flag

LOG_LEVELS = {
    "critical": 50,
    "error": 40,
    "warning": 30,
    "info": 20,
    "debug": 10,
    "trace": 5,
}
LOOPS = ("auto", "asyncio", "uvloop")
LIFESPANS = ("auto", "on", "off")
# uvicorn's names of implementations; here there is one, in C, or none.
WEBSOCKETS = ("auto", "none", "websockets", "websockets-sansio", "wsproto")
HTTPS = ("auto", "h11", "httptools")  # uvicorn's parsers; here there is one, in C
INTERFACES = ("auto", "asgi3")
TRUSTED = "127.0.0.1,::1"  # who may send proxy headers, unless the user says so
HEAD_LIMITS = (1024, 1 << 24)  # what --h11-max-incomplete-event-size may be


@dataclasses.dataclass
class Config:
    """What the user asked for. Paths are as given; `checked` raises Problem for
    nonsense."""

    host: str | Sequence[str] = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    fd: int | None = None
    factory: bool = False
    app_dir: str | None = None
    reload: bool = True
    reload_dirs: str | Sequence[str] | None = ()
    reload_includes: str | Sequence[str] | None = ()
    reload_excludes: str | Sequence[str] | None = ()
    reload_delay: float = 0.0
    reload_poll: bool | None = None  # where the file system raises no events
    loop: str = "auto"
    lifespan: str = "auto"
    ws: str = "auto"
    ws_max_size: int = 16777216
    ws_max_queue: int = 32
    ws_ping_interval: float | None = 20.0
    ws_ping_timeout: float | None = 20.0
    ws_per_message_deflate: bool = True
    env_file: str | None = None
    interface: str = "auto"
    http: str = "auto"
    root_path: str = ""
    proxy_headers: bool = True
    forwarded_allow_ips: str | Sequence[str] | None = None
    headers: Sequence[str | tuple[str, str]] | None = ()
    reset_contextvars: bool = False
    log_config: Any = None  # a path, a dict, or what fileConfig takes
    log_level: str | int | None = None  # info
    access_log: bool = True
    use_colors: bool | None = None
    explain: bool = False
    release_first: bool = True
    limit_concurrency: int | None = None
    h11_max_incomplete_event_size: int | None = None
    timeout_graceful_shutdown: float | None = None
    timeout_keep_alive: float = 5.0
    backlog: int = 2048
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_keyfile_password: str | None = None
    ssl_cert_reqs: int = 0
    ssl_ca_certs: str | None = None
    ssl_ciphers: str | None = None
    server_header: bool = True
    date_header: bool = True

    @classmethod
    def from_options(cls, options: dict[str, object]) -> Config:
        """A Config from the keyword arguments of `hmr_serve.run`."""
        known = [field.name for field in dataclasses.fields(cls)]
        options = check_refused(options)
        for name in options:
            if name not in known:
                close = nearest(name, [*known, *REFUSED])
                hint = (
                    f"did you mean {listed(close)}?"
                    if close
                    else (f"there are {listed(known, 'and')}.")
                )
                raise Problem(f"hmr_serve.run() has no option {name}; {hint}", 2)
        return cls(**options).checked()  # type: ignore[arg-type]

    def checked(self) -> Config:
        """self, after the checks that need no import and no socket."""
        for name in ("reload_dirs", "reload_includes", "reload_excludes"):
            setattr(self, name, _strings(getattr(self, name)))
        if isinstance(self.log_level, str):
            self.log_level = self.log_level.lower()
        _check_choice("loop", self.loop, LOOPS)
        _check_choice("http", self.http, HTTPS)
        _check_choice("interface", self.interface, INTERFACES)
        _check_choice("lifespan", self.lifespan, LIFESPANS)
        _check_choice("ws", self.ws, WEBSOCKETS)
        if self.ws_max_size < 0:
            raise Problem(f"--ws-max-size {self.ws_max_size} is below 0 bytes.", 2)
        if self.ws_max_queue < 1:
            raise Problem(
                f"--ws-max-queue {self.ws_max_queue} would never let a message in; "
                "give 1 or more.",
                2,
            )
        if isinstance(self.log_level, str):
            _check_choice("log_level", self.log_level, LOG_LEVELS)
        if not 0 <= self.port <= 65535:
            raise Problem(
                f"--port {self.port} is no port; give a number from 0 (any free port) "
                "to 65535.",
                2,
            )
        _check_folder("--app-dir", self.app_dir)
        for folder in self.reload_dirs:
            _check_folder("--reload-dir", folder)
        if isinstance(self.log_config, os.PathLike):
            self.log_config = os.fspath(self.log_config)
        if self.env_file is not None and not os.path.isfile(self.env_file):
            raise Problem(
                f"--env-file {self.env_file} does not exist; give the path of a file "
                "with KEY=value lines.",
                2,
            )
        self._check_numbers()
        self._check_listener()
        self._check_tls()
        self.header_pairs()  # raises for a header that is none
        return self

    def websocket(self) -> dict[str, object] | None:
        """What `_asgi.Server(websocket=...)` is given."""
        if self.ws == "none":
            return None
        return {
            "max_size": self.ws_max_size,
            "max_queue": self.ws_max_queue,
            "ping_interval": self.ws_ping_interval,
            "ping_timeout": self.ws_ping_timeout,
            "deflate": self.ws_per_message_deflate,
        }

    def _check_numbers(self) -> None:
        limit = self.h11_max_incomplete_event_size
        low, high = HEAD_LIMITS
        if limit is not None and not low <= limit <= high:
            raise Problem(
                f"--h11-max-incomplete-event-size {limit} cannot hold a request; give "
                f"{low} to {high} bytes.",
                2,
            )
        for name in ("backlog", "limit_concurrency"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise Problem(
                    f"{flag(name)} {value} would let nobody in; give 1 or more.", 2
                )
        if self.reload_delay < 0:
            raise Problem("--reload-delay cannot be below 0 seconds.", 2)

    def _check_listener(self) -> None:
        given = [
            flag(name)
            for name, value in (("uds", self.uds), ("fd", self.fd))
            if value is not None
        ]
        if len(given) > 1:
            raise Problem(f"{given[0]} and {given[1]} exclude each other.", 2)

    @property
    def hosts(self) -> Sequence[str]:
        """The addresses to listen on."""
        return _strings(self.host) or ("127.0.0.1",)

    @property
    def tls(self) -> bool:
        """Whether connections are TLS."""
        return bool(self.ssl_certfile or self.ssl_keyfile)

    def tls_files(self) -> tuple[str, str | None, str | None, str | None, Any, int]:
        """What `_asgi.Server(tls=...)` is given."""
        paths = (self.ssl_certfile, self.ssl_keyfile, self.ssl_ca_certs)
        certfile, keyfile, ca_certs = (
            os.path.abspath(path) if path else None for path in paths
        )
        assert certfile is not None
        password, ciphers = self.ssl_keyfile_password, self.ssl_ciphers
        reqs = int(self.ssl_cert_reqs)
        return certfile, keyfile, password, ca_certs, ciphers, reqs

    def _check_tls(self) -> None:
        if self.tls and not self.ssl_certfile:
            raise Problem("--ssl-keyfile needs --ssl-certfile as well.", 2)
        for name in ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs"):
            path = getattr(self, name)
            if path and not os.path.isfile(path):
                raise Problem(
                    f"{flag(name)} {path} does not exist; give a PEM file's path.",
                    2,
                )
        if int(self.ssl_cert_reqs) not in (0, 1, 2):
            raise Problem(
                f"--ssl-cert-reqs {self.ssl_cert_reqs} is neither 0 (none), 1 "
                "(optional) nor 2 (required).",
                2,
            )
        if int(self.ssl_cert_reqs) and not self.ssl_ca_certs:
            raise Problem(
                "--ssl-cert-reqs needs --ssl-ca-certs: who signs the clients' "
                "certificates.",
                2,
            )

    @property
    def level(self) -> int:
        """log_level as logging counts."""
        if isinstance(self.log_level, str):
            return LOG_LEVELS[self.log_level]
        return 20 if self.log_level is None else self.log_level

    @property
    def grace(self) -> float:
        """Seconds that running requests get at the end: all is over within one, by
        default."""
        value = self.timeout_graceful_shutdown
        return 0.5 if value is None else value

    @property
    def restart_grace(self) -> float:
        """The same before a restart in place, which nobody asked for."""
        value = self.timeout_graceful_shutdown
        return 1.0 if value is None else value

    def trusted(self) -> str | Sequence[str]:
        """The proxies whose headers are believed."""
        if self.forwarded_allow_ips is not None:
            return self.forwarded_allow_ips
        return os.environ.get("FORWARDED_ALLOW_IPS", TRUSTED)

    def header_pairs(self) -> list[tuple[bytes, bytes]]:
        """What --header adds to every response."""
        pairs = []
        for header in self.headers or ():
            if isinstance(header, str):
                name, colon, value = header.partition(":")
            else:
                (name, value), colon = header, ":"
            if not colon or not name.strip():
                raise Problem(f"--header {header!r} is no header; write Name:Value.", 2)
            try:
                pair = (
                    name.strip().lower().encode("ascii"),
                    value.strip().encode("latin-1"),
                )
            except UnicodeEncodeError:
                raise Problem(
                    f"--header {header!r} has characters that no header can hold.", 2
                ) from None
            pairs.append(pair)
        return pairs

    def colors(self) -> bool:
        """Whether the terminal lines are coloured."""
        if self.use_colors is not None:
            return self.use_colors
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _strings(value: str | Sequence[str] | None) -> Sequence[str]:
    """One string stands for a list of it, as in uvicorn.run."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _check_choice(
    name: str, value: str, choices: Sequence[str] | dict[str, int]
) -> None:
    if value not in choices:
        raise Problem(f"{name} cannot be {value!r}; it is one of {listed(choices)}.", 2)


def _check_folder(option: str, path: str | None) -> None:
    if path and not os.path.isdir(path):
        raise Problem(f"{option} {path} is no folder; give one that exists.", 2)
