"""os: the working directory, at each statement's place. What a relative name stood for
is not known of those who have used one, so another directory needs a new process."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any

from . import Adapter, CannotWithdraw

FOLDER = "folder"


class Folders(Adapter):
    library = "posix"
    used = True

    def __init__(self) -> None:
        self.seen: dict[Hashable, Any] = {}

    def look(self) -> dict[Hashable, Any]:
        try:
            folder = os.getcwd()
        except OSError:  # it is gone
            return self.seen
        if folder != self.seen.get(FOLDER):
            self.seen = {FOLDER: folder}
        return self.seen

    def put(self, place: Any, value: Any) -> None:
        try:
            os.chdir(value)
        except OSError as exc:
            raise CannotWithdraw(f"{value} is gone") from exc

    def remove(self, place: Any) -> None:
        raise AssertionError("there is always one")


adapter = Folders()
