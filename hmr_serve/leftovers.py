"""Leftovers: what runs of the program that failed have left in this process, where
another run in it would not be a first one."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable

from .workers import is_of_pool


class Leftovers:
    """Asked before and after each update; the answers are reasons for a new process.
    `is_user`: whether a file is the user's code."""

    def __init__(self, is_user: Callable[[str], bool]) -> None:
        self._is_user = is_user
        self._threads: list[threading.Thread] = []  # of first runs
        self._listeners: list[weakref.ref[socket.socket]] = []
        self._imports: set[str] = set()  # modules of libraries

    def begin(self) -> None:
        """A first run of the program begins: nothing of it is there."""
        self._before = set(threading.enumerate())
        self._open = open_files()

    def first_failed(self) -> None:
        """It has raised. Other runs' threads are the engine's affair."""
        self._threads += [
            thread
            for thread in threading.enumerate()
            if thread not in self._before and not is_of_pool(thread)
        ]
        self._listeners += [
            weakref.ref(listener)
            for listener in listeners()
            if listener.fileno() not in self._open
        ]

    def failed(self, error: BaseException | None) -> None:
        """A run has raised: libraries that it was importing have set up a part of what
        they need."""
        while error is not None:
            trace = error.__traceback__
            while trace is not None:
                code = trace.tb_frame.f_code
                if code.co_name == "<module>" and not self._is_user(code.co_filename):
                    name = trace.tb_frame.f_globals.get("__name__", "")
                    if name not in sys.modules:
                        self._imports.add(name)
                trace = trace.tb_next
            error = error.__cause__ or error.__context__

    def running(self) -> str | None:
        """Before another first run."""
        for thread in self._threads:
            if thread.is_alive():
                return f"{thread.name} runs, which the start that failed had started"
        for place in self._listeners:
            listener = place()
            if listener is not None and listener.fileno() >= 0:
                return "the start that failed had opened a port"
        return None

    def imported(self) -> str | None:
        """After an update that has worked."""
        for name in sorted(self._imports & sys.modules.keys()):
            return f"{name} was imported a second time, after it had failed"
        return None


def open_files() -> set[int]:
    numbers = map(int, os.listdir("/dev/fd"))  # and the one that it looks with
    return {number for number in numbers if os.path.lexists(f"/dev/fd/{number}")}


def listeners() -> list[socket.socket]:
    found = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
    return [each for each in found if is_listening(each)]


def is_listening(each: socket.socket) -> bool:
    try:
        return bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # closed
        return False
