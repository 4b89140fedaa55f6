"""What the terminal shows: log lines like uvicorn's, tracebacks, the access log.

Responsibilities: format and write. Lines go straight to the stream; logging's
machinery is used only where somebody gave the loggers `hmr_serve`, `uvicorn` or
`uvicorn.error` (for lines of the access log `hmr_serve.access` or `uvicorn.access`)
handlers of their own, since it costs more than the whole rest of a small request. All
of it: main thread.
"""

from __future__ import annotations

import http
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, TextIO

from .config import Config
from .problem import Problem

LOGGER = logging.getLogger("hmr_serve")
ACCESS = logging.getLogger("hmr_serve.access")
UVICORN = logging.getLogger("uvicorn")  # what configurations made for it name
UVICORN_ERROR = logging.getLogger("uvicorn.error")
UVICORN_ACCESS = logging.getLogger("uvicorn.access")
TRACE_LEVEL = 5
PHRASES = {status.value: status.phrase for status in http.HTTPStatus}
HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
IMPORTLIB = os.path.dirname(importlib.__file__)

GREEN, YELLOW, RED, CYAN, BOLD, DIM = "32", "33", "31", "36", "1", "2"
LEVEL_COLORS = {10: CYAN, 20: GREEN, 30: YELLOW, 40: RED, 50: RED}


class Log:
    """The terminal of one server."""

    def __init__(self, config: Config) -> None:
        self.level = config.level
        if config.log_config is not None:
            configure(config.log_config)
        if config.log_level is not None:
            for logger in (LOGGER, ACCESS, UVICORN_ERROR, UVICORN_ACCESS):
                logger.setLevel(self.level)
        self.colors = config.colors()
        self._prefixes = {
            level: self.paint(logging.getLevelName(level) + ":", color).ljust(
                10 + len(self.paint("", color))
            )
            for level, color in LEVEL_COLORS.items()
        }
        self._access_lines: list[str] = []
        self._statuses: dict[int, str] = {}

    def paint(self, text: str, color: str) -> str:
        return f"\033[{color}m{text}\033[0m" if self.colors else text

    def line(self, text: str) -> None:
        """A line that is no log message: what a save did. Shown up to --log-level
        warning."""
        if self.level <= logging.WARNING:
            _write(sys.stderr, text + "\n")

    def info(self, message: str) -> None:
        self._log(logging.INFO, message)

    def warning(self, message: str) -> None:
        self._log(logging.WARNING, message)

    def error(self, message: str, exc: BaseException | None = None) -> None:
        self._log(logging.ERROR, message, exc)

    def _log(self, level: int, message: str, exc: BaseException | None = None) -> None:
        logger = _message_logger()
        if logger is not None:
            logger.log(level, message, exc_info=exc)
        elif level >= self.level:
            text = f"{self._prefixes[level]}{message}\n"
            _write(sys.stderr, text + (format_error(exc) if exc else ""))

    def access_logger(
        self, call_soon: Callable[[Callable[[], None]], Any]
    ) -> Callable[[str, str, str, str, int, float], None] | None:
        """The callback for `_asgi.Server(access_log=...)`; None when nobody would see
        it.

        Lines of one turn of the loop are written together at its end."""
        if self.level > logging.INFO and _access_logger() is None:
            return None
        lines = self._access_lines
        statuses = self._statuses
        prefix = self._prefixes[logging.INFO]

        def access(
            client: str,
            method: str,
            target: str,
            version: str,
            status: int,
            seconds: float,
        ) -> None:
            logger = _access_logger()
            if logger is not None:
                logger.info(
                    '%s - "%s %s HTTP/%s" %d', client, method, target, version, status
                )
                return
            if not target.isprintable():
                target = target.encode("unicode_escape").decode()
            if not lines:
                call_soon(self.flush_access)
            if method == "WebSocket":  # as uvicorn writes it
                shown = "[accepted]" if status == 101 else str(status)
                lines.append(f'{prefix}{client} - "{method} {target}" {shown}\n')
                return
            shown = statuses.get(status) or self._status(status)
            lines.append(
                f'{prefix}{client} - "{method} {target} HTTP/{version}" {shown}\n'
            )

        return access

    def flush_access(self) -> None:
        """Write the access lines of this turn of the loop."""
        text = "".join(self._access_lines)
        self._access_lines.clear()
        if text:
            _write(sys.stdout, text)

    def _status(self, status: int) -> str:
        color = (GREEN, GREEN, GREEN, YELLOW, YELLOW, RED)[min(status // 100, 5)]
        text = f"{status} {PHRASES.get(status, '')}".rstrip()
        shown = self._statuses[status] = self.paint(text, color)
        return shown


def _message_logger() -> logging.Logger | None:
    """Who takes our messages, if anybody does."""
    if LOGGER.handlers:
        return LOGGER
    return UVICORN_ERROR if UVICORN.handlers or UVICORN_ERROR.handlers else None


def _access_logger() -> logging.Logger | None:
    for logger, parent in ((ACCESS, LOGGER), (UVICORN_ACCESS, UVICORN)):
        if logger.handlers or (parent.handlers and logger.propagate):
            return logger
    return None


def configure(source: Any) -> None:
    """--log-config: the path of an .ini, .json or .yaml file, or a dict. Raises
    Problem."""
    import json
    import logging.config

    logging.addLevelName(TRACE_LEVEL, "TRACE")
    try:
        if isinstance(source, str) and not os.path.isfile(source):
            raise OSError("there is no such file")
        if isinstance(source, dict):
            logging.config.dictConfig(source)
        elif isinstance(source, str) and source.endswith(".json"):
            with open(source) as file:
                logging.config.dictConfig(json.load(file))
        elif isinstance(source, str) and source.endswith((".yaml", ".yml")):
            logging.config.dictConfig(_read_yaml(source))
        else:
            logging.config.fileConfig(source, disable_existing_loggers=False)
    except Problem:
        raise
    except Exception as exc:
        shown = source if isinstance(source, str) else type(source).__name__
        cause = f" ({exc.__cause__})" if exc.__cause__ else ""
        raise Problem(f"--log-config {shown} cannot be used: {exc}{cause}.", 2) from exc


def _read_yaml(path: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise Problem(
            f"--log-config {path} needs PyYAML; run: pip install pyyaml", 2
        ) from None
    with open(path) as file:
        return yaml.safe_load(file)


def format_error(exc: BaseException) -> str:
    """The traceback of `exc` without the frames of hmr-serve and of the import
    system."""
    report = traceback.TracebackException.from_exception(exc)
    seen: set[int] = set()
    todo = [report]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        item.stack[:] = [frame for frame in item.stack if not _is_ours(frame.filename)]
        todo += [link for link in (item.__cause__, item.__context__) if link]
        todo += item.exceptions or ()
    return "".join(report.format())


def error_place(exc: BaseException) -> str:
    """`NameError: name 'x' is not defined`: its kind and the first line of its text."""
    return f"{type(exc).__name__}: {exc}".partition("\n")[0]


def forget_frames(error: BaseException | None) -> None:
    """Let go what the frames that `error` came through hold: half a model, say."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _is_ours(filename: str) -> bool:
    return filename.startswith((HERE, "<frozen importlib", IMPORTLIB))


def _write(stream: TextIO | ModuleType | Any, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError, AttributeError):
        pass  # the terminal is gone: nobody is left to tell
