"""Update: one change on its way through the reloader."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Report


EMPTY_WAIT = 0.05  # seconds that an empty file gets: the next save may be writing it


class Update:
    """One change on its way: what the fence stands for."""

    def __init__(self, serial: int, paths: Iterable[str]) -> None:
        self.serial = serial
        self.paths = set(paths)
        self.began = time.perf_counter()
        self.since = time.time()
        self.patience = EMPTY_WAIT
        self.failed = False  # it was given up; what stands is put in order

    def merge(self, later: Update) -> None:
        self.serial = max(self.serial, later.serial)
        self.paths |= later.paths


def only_folders(report: Report, paths: Iterable[str]) -> bool:
    """Nothing but the time of a folder changed: something was written into it.

    `paths`: without those that this process wrote."""
    nothing = not (report.files or report.error or report.restart)
    return nothing and all(map(os.path.isdir, paths))
