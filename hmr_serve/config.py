"""Config: every setting of one server, as the command line or `hmr_serve.run` gave
it."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence

from .problem import Problem, listed, nearest

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


@dataclasses.dataclass
class Config:
    """What the user asked for. Paths are as given; `checked` raises Problem for
    nonsense."""

    host: str = "127.0.0.1"
    port: int = 8000
    factory: bool = False
    app_dir: str | None = None
    reload: bool = True
    reload_dirs: Sequence[str] = ()
    loop: str = "auto"
    lifespan: str = "auto"
    ws: str = "auto"
    ws_max_size: int = 16777216
    ws_max_queue: int = 32
    ws_ping_interval: float | None = 20.0
    ws_ping_timeout: float | None = 20.0
    ws_per_message_deflate: bool = True
    env_file: str | None = None
    root_path: str = ""
    log_level: str = "info"
    access_log: bool = True
    use_colors: bool | None = None
    explain: bool = False
    timeout_graceful_shutdown: float = 1.0
    timeout_keep_alive: float = 5.0
    backlog: int = 2048
    server_header: bool = True
    date_header: bool = True

    @classmethod
    def from_options(cls, options: dict[str, object]) -> Config:
        """A Config from the keyword arguments of `hmr_serve.run`."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in options:
            if name not in known:
                close = nearest(name, known)
                hint = (
                    f"did you mean {listed(close)}?"
                    if close
                    else (f"there are {listed(known, 'and')}.")
                )
                raise Problem(f"hmr_serve.run() has no option {name}; {hint}", 2)
        return cls(**options).checked()  # type: ignore[arg-type]

    def checked(self) -> Config:
        """self, after the checks that need no import and no socket."""
        _check_choice("loop", self.loop, LOOPS)
        _check_choice("lifespan", self.lifespan, LIFESPANS)
        _check_choice("ws", self.ws, WEBSOCKETS)
        _check_choice("log_level", self.log_level, LOG_LEVELS)
        if self.ws_max_size < 0:
            raise Problem(f"--ws-max-size {self.ws_max_size} is below 0 bytes.", 2)
        if self.ws_max_queue < 1:
            raise Problem(
                f"--ws-max-queue {self.ws_max_queue} would never let a message in; "
                "give 1 or more.",
                2,
            )
        if not 0 <= self.port <= 65535:
            raise Problem(
                f"--port {self.port} is no port; give a number from 0 (any free port) "
                "to 65535.",
                2,
            )
        _check_folder("--app-dir", self.app_dir)
        for folder in self.reload_dirs:
            _check_folder("--reload-dir", folder)
        if self.env_file is not None and not os.path.isfile(self.env_file):
            raise Problem(
                f"--env-file {self.env_file} does not exist; give the path of a file "
                "with KEY=value lines.",
                2,
            )
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

    def colors(self) -> bool:
        """Whether the terminal lines are coloured."""
        if self.use_colors is not None:
            return self.use_colors
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _check_choice(
    name: str, value: str, choices: Sequence[str] | dict[str, int]
) -> None:
    if value not in choices:
        raise Problem(f"{name} cannot be {value!r}; it is one of {listed(choices)}.", 2)


def _check_folder(option: str, path: str | None) -> None:
    if path and not os.path.isdir(path):
        raise Problem(f"{option} {path} is no folder; give one that exists.", 2)
