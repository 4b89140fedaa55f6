"""What the terminal says of saves: one line of what was applied, each error once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .log import error_place, format_error
from .problem import Problem
from .report import explain_lines, reload_line, several, slow_lines
from .saves import shown

if TYPE_CHECKING:
    from ._core import Report
    from .log import Log


class Notices:
    def __init__(self, log: Log, explain: bool) -> None:
        self._log = log
        self._explain = explain
        self._last_error = ""

    def applied(
        self,
        report: Report,
        paths: Iterable[str],
        seconds: float,
        kept: list[str],
        restarted: list[str],
    ) -> None:
        """`paths` in place of report.files, which is empty when only times changed."""
        files = list(map(shown, report.files or sorted(paths)))
        self._log.line(reload_line(report, files, seconds, kept, restarted))
        for line in slow_lines(report):
            self._log.line(line)
        if self._explain:
            for line in explain_lines(report):
                self._log.line(line)

    def trying(self, files: Iterable[str], reason: str) -> None:
        """A cold start of the edited code takes its time, and requests wait."""
        self._log.line(f"trying  {named(files)}  in a child process first: {reason}")

    def still_trying(self, files: Iterable[str]) -> None:
        self._log.line(
            f"trying  {named(files)}  the last good version answers meanwhile"
        )

    def restarting(self, files: Iterable[str], reason: str) -> None:
        self._log.line(f"restarting  {named(files)}  {reason}")

    def not_applied(self, files: Iterable[str], error: BaseException) -> None:
        self._show(
            error,
            f"{named(files)} not applied",
            "the last good version keeps answering",
        )

    def no_application(self, error: BaseException) -> None:
        self._show(error, "No application", "requests get 503 until a save mends it")

    def good(self) -> None:
        """An update worked: an error that comes after it is news."""
        self._last_error = ""

    def _show(self, error: BaseException, what: str, consequence: str) -> None:
        place = error_place(error)
        if isinstance(error, Problem):
            text = place = str(error)
        else:
            text = format_error(error)
        if text == self._last_error:
            self._log.error(f"{what}, still: {place}; {consequence}.")
        elif isinstance(error, Problem):
            self._log.error(f"{what}: {text.rstrip('.')}; {consequence}.")
        else:
            self._log.error(f"{what}: {consequence}.\n{text.rstrip()}")
        self._last_error = text


def named(files: Iterable[str]) -> str:
    return several(list(map(shown, files)))
