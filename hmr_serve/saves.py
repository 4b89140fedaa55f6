"""Saved files: when they were written, what is in them, how they are named to the
user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable


def write_times(paths: Iterable[str]) -> list[tuple[str, float]]:
    """Tells whether the files were written in between."""
    return [(path, saved(path)) for path in sorted(paths)]


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
