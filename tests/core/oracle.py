"""The oracle: after every edit, the live process equals a cold start of the same files.

Three rules, for every `apply`:
1. Where a cold start succeeds, the live process looks like it: modules in order, names
   in order, values, code, which names are the same object, logging, environment,
   threads.
2. Where a cold start raises, the report carries that error, raised at the same place,
   and every name of every module holds the very object it held before.
3. The statements that the report lists are those that ran, no more and no fewer.

What is left out of the comparison is in snapshot.LEFT_OUT, each with its reason. What
earlier requests have imported stays: the cold start is asked to import it, too.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from .snapshot import differences

if TYPE_CHECKING:
    from .harness import Cold, Project, Report


IGNORED: list[re.Pattern[str]] = []  # soak --ignore: known differences, to see others


class Difference(AssertionError):
    """The live process is not what a cold start would be."""


def check_start(project: Project) -> None:
    """A tracked start looks like a plain one."""
    with project.cold() as cold:
        if cold.error:
            fail("only the tracked start works", [cold.error["traceback"]])
        compare(project, cold, "a tracked start differs from a plain one")


def check_apply(project: Project, report: Report, ids: dict[str, int]) -> None:
    """The three rules; `ids` are the bindings before the call."""
    if report.restart is not None and report.error is None:
        same_bindings(project, ids, "a refused edit left traces")
        project.restarts.append(report.restart)
        restarted(project)
        return
    with project.cold() as cold:
        if cold.error:
            same_error(report, cold.error)
            same_bindings(project, ids, "a failed edit left traces")
            found = project.ask("traces")
            if found:
                fail("a failed edit left traces", found)
            return
        if report.error:
            text = report.error["traceback"]
            fail("the edit fails, a cold start does not", [text])
        compare(project, cold, "the live process is not a cold start")
    same_log(report)


def check_injection(project: Project, got: dict[str, Any], ids: dict[str, int]) -> bool:
    """Was an error injected into this apply? Then the process is as it was before."""
    if got["error"] is None or not got["error"]["type"].endswith(".Injected"):
        return False
    same_bindings(project, ids, "an injected error left traces")
    found = project.ask("traces")
    if found:
        fail("an injected error left traces", found)
    return True


def compare(project: Project, cold: Cold, headline: str) -> None:
    live_look = project.ask("look", targets=project.asked, keep=True)
    cold_look = cold.ask("look", targets=project.asked, keep=False)
    found = differences(live_look["requests"], cold_look["requests"])
    project.late.update(n for n in cold_look["order"] if n not in cold_look["before"])
    for look in (cold_look, live_look):  # modules of late ones have requests, too
        project.late.update(look["came"])  # also where the module in it has failed
    late = [
        name
        for name in live_look["began"]  # in a circle, the first is not the first to end
        if name in project.late and name not in cold_look["order"]
    ]
    if late:  # earlier requests have imported them, these here have not
        cold_look = cold.ask("late", names=late)
    live, fresh = live_look["answers"], cold_look["answers"]
    live = {
        where: answer
        for where, answer in live.items()
        if where in fresh or where.rpartition(".")[0] in cold_look["before"]
    }  # whether other modules may be there is the snapshot's affair
    found += differences(live, fresh)
    live, fresh = live_look["digests"], cold_look["digests"]
    if without_late(project, live, fresh) != fresh:
        live, fresh = project.snapshot(), cold.ask("snapshot")
        live = sorted_late(project, without_late(project, live, fresh))
        found += differences(live, sorted_late(project, fresh))
    live_order, cold_order = (
        ordered([n for n in look["order"] if n not in late], cold_look["before"])
        for look in (live_look, cold_look)
    )
    if live_order != cold_order:
        found.append(f"order of modules: live {live_order}, cold {cold_order}")
    if found:
        fail(headline, found)


def ordered(modules: list[str], program: list[str]) -> list[str]:
    """The program's modules in order, then those that requests have imported: these
    come in the order of the requests, which earlier ones have begun."""
    known = set(program)
    return [n for n in modules if n in known] + sorted({*modules} - known)


def without_late(
    project: Project, live: dict[str, Any], cold: dict[str, Any]
) -> dict[str, Any]:
    """The live process's picture without modules that only requests have imported,
    and that the cold start cannot: packages that have no file, of modules that fail."""
    names = {n for late in project.late for n in (late, late.partition(".")[0])}
    gone = {name for name in names if name not in cold}
    kept = {key: value for key, value in live.items() if key not in gone}
    kept["modules"] = [name for name in live["modules"] if name not in gone]
    return kept


def sorted_late(project: Project, picture: dict[str, Any]) -> dict[str, Any]:
    """Submodules that requests have imported, earlier ones or these, stand in their
    package in the order of the requests, which a cold start knows nothing of."""

    def shown(package: str, part: Any) -> Any:
        names = part.get("names", []) if isinstance(part, dict) else []
        late = sorted(n for n in names if f"{package}.{n}" in project.late)
        if len(late) < 2:
            return part
        following = iter(late)
        return part | {"names": [next(following) if n in late else n for n in names]}

    return {name: shown(name, part) for name, part in picture.items()}


def same_error(report: Report, cold: dict[str, Any]) -> None:
    if report.error is None:
        fail("a cold start fails, the edit does not", [cold["traceback"]])
        return
    pairs = [(k, report.error[k], cold[k]) for k in ("type", "message", "where")]
    found = [f"{k}: live {a!r}, cold {b!r}" for k, a, b in pairs if a != b]
    if found:
        fail("another error than a cold start's", [*found, report.error["traceback"]])


def same_bindings(project: Project, before: dict[str, int], headline: str) -> None:
    now = project.ids()
    found = [
        f"{name}: {
            'gone' if name not in now else 'new' if name not in before else 'other'
        }"
        for name in [*before, *(n for n in now if n not in before)]
        if now.get(name) != before.get(name)
    ]
    if list(now) != list(before) and not found:
        found = [f"order of names: {list(now)}, was {list(before)}"]
    if found:
        fail(headline, found)


def same_log(report: Report) -> None:
    """What the report says ran did run, and nothing else."""
    from .harness import executed, ran

    patched = [name.replace(":", ": ") for name in report.patched if ":class " in name]
    said, seen = sorted(ran(report)), sorted(executed(report))
    said, seen = [[s for s in side if s not in patched] for side in (said, seen)]
    # An attempt that found an earlier statement dirty starts again: twice is allowed.
    if set(said) != set(seen) or Counter(said) - Counter(seen):
        fail("the report is not what ran", [f"report: {said}", f"ran: {seen}"])


def restarted(project: Project) -> None:
    """The engine asked for a new process: what the server does then. Where the cold
    child fails, the old process stays."""
    with project.cold() as cold:
        if cold.error:
            return
    assert project.boot() is None
    project.ask("digests", keep=True)


def fail(headline: str, lines: list[str]) -> None:
    lines = [line for line in lines if not any(i.search(line) for i in IGNORED)]
    if not lines:
        return
    shown = lines[:12] + ([f"... {len(lines) - 12} more"] if len(lines) > 12 else [])
    raise Difference(headline + "\n  " + "\n  ".join(shown))
