"""Saved files: when they were written, what is in them, how they are named to the
user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import Any

Fingerprints = list[tuple[Any, ...]]

COMPARED_SIZE = 1 << 20  # bytes up to which a file's content is compared


def fingerprints(paths: Iterable[str]) -> Fingerprints:
    """Tells whether the files were written in between. A small file's content is part
    of it: time stamps come from a clock that ticks seldom (4 ms on Linux), and two
    saves fit between its ticks."""
    return [(path, *_fingerprint(path)) for path in sorted(paths)]


def _fingerprint(path: str) -> tuple[Any, ...]:
    status = _status(path)
    if status is None:
        return ()
    small = status.st_size <= COMPARED_SIZE
    return status.st_mtime_ns, status.st_size, content(path) if small else None


def saved(path: str) -> float:
    """When a file was written last; 0 for a folder, which nobody saves."""
    status = _status(path)
    return status.st_mtime if status else 0.0


def files_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_file()]
    except OSError:
        return []


def is_empty(path: str) -> bool:
    """Whether a file is there and holds nothing, as while somebody writes it anew."""
    status = _status(path)
    return status is not None and status.st_size == 0


def _status(path: str) -> os.stat_result | None:
    """Of a regular file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def content(path: str | None) -> bytes | None:
    try:
        with open(path or "", "rb") as file:
            return file.read()
    except OSError:
        return None


def shown(path: str) -> str:
    if not os.path.isabs(path):
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
