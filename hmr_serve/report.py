"""The line that says what a save did, and the lines of --explain.

    reloaded  routes/items.py  patched read_item  3.1 ms
    reloaded  settings.py  reran 6 statements in 3 modules  12 ms  (kept: model,
    lifespan)
    slow      predict:4  model  1.31 s  reads settings.PATH, changed; settings:2  PATH
    changed

Fields are two spaces apart, so that tools can split them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Report, Rerun

NAMES_SHOWN = 3  # more than that are counted
SLOW = 0.5  # seconds: a statement that took longer is named
# Reasons that lead to another statement: the name is in its label; its module may be
# given.
_WORD = re.compile(r"\w+")
_LEADS = re.compile(r"(?:reads|called|in the group of) ([\w.]+?)(?:, changed)?")


def has_effect(report: Report) -> bool:
    """Whether the program is another one than before, not only its text."""
    return bool(report.reran or report.patched or report.removed)


def reload_line(
    report: Report,
    files: list[str],
    seconds: float,
    kept: list[str],
    restarted: list[str],
) -> str:
    """`files` in place of report.files, which is empty when only their times
    changed."""
    fields = ["reloaded", several(files), _what(report), duration(seconds)]
    notes = []
    if kept:
        notes.append(f"kept: {', '.join(kept)}")
    if restarted:
        notes.append(f"restarted: {', '.join(restarted)}")
    if notes:
        fields.append(f"({'; '.join(notes)})")
    return "  ".join(fields)


def slow_lines(report: Report) -> list[str]:
    """One line for each statement that took long: its cost, and how it came to run."""
    return [
        f"slow      {_place(rerun)}  {duration(rerun.cost)}  "
        + "; ".join(_reasons(report, rerun))
        for rerun in report.reran
        if rerun.cost >= SLOW
    ]


def _reasons(report: Report, rerun: Rerun) -> Iterator[str]:
    """Its reason, the one of the statement that this names, and so on to the edit."""
    yield rerun.reason
    seen = {rerun}
    while found := _LEADS.fullmatch(rerun.reason.partition("; ")[0]):
        module, _, name = found[1].rpartition(".")
        patched = [n for n in report.patched if n.rpartition(":")[2] == name]
        causes = [
            other
            for other in report.reran
            if name in _WORD.findall(other.label) and module in (other.module, "")
        ]
        if patched and not module:
            yield f"{patched[0]}  only its body changed"
        if not causes or causes[0] in seen:
            return
        rerun = causes[0]
        seen.add(rerun)
        yield f"{_place(rerun)}  {rerun.reason}"


def explain_lines(report: Report) -> list[str]:
    """One line for each statement that ran or went, with the reason."""
    lines = [f"    {name}  patched: {_how(name)}" for name in report.patched]
    lines += [_explain(rerun) for rerun in report.reran]
    lines += [f"    {module}  {label}  removed" for module, label in report.removed]
    return lines


def duration(seconds: float) -> str:
    """`3.1 ms`, `12 ms`, `1.20 s`."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def _what(report: Report) -> str:
    done = []
    if report.patched:
        done.append(f"patched {several([_function(name) for name in report.patched])}")
    if report.reran:
        modules = len({rerun.module for rerun in report.reran})
        where = f" in {modules} modules" if modules > 1 else ""
        done.append(f"reran {_count(len(report.reran), 'statement')}{where}")
    elif report.removed:  # a changed expression counts as a new one and a removed one
        done.append(f"removed {_count(len(report.removed), 'statement')}")
    return ", ".join(done) or "nothing reran"


def _explain(rerun: Rerun) -> str:
    return f"    {_place(rerun)}  {rerun.reason}  {duration(rerun.cost)}"


def _place(rerun: Rerun) -> str:
    return f"{rerun.module}:{rerun.line}  {rerun.label}"


def _how(name: str) -> str:
    is_class = ":class " in name
    return "its members, in place" if is_class else "only its body changed"


def _function(name: str) -> str:
    """`read_item` of `routes.items:read_item`; what a function hides in goes too."""
    return name.rpartition(":")[2].replace(".<locals>", "")


def several(names: list[str]) -> str:
    """All of a few names, or the first and a count."""
    if len(names) <= NAMES_SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMES_SHOWN])} and {len(names) - NAMES_SHOWN} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
