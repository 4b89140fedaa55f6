"""Random programs x random edits against the oracle, and shrinking of what fails.

    python -m core.soak --steps 10000 --seed 1

prints what was made and, for a difference, a small program as a ready-made test.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from . import oracle
from .chunks import Files
from .generator import MAKERS, Generator
from .harness import ENGINE, Project, Report, WorkerDied, WorkerRaised, Zygote, in_vain
from .oracle import Difference

Case = list[Files]  # the program at the start, then after each edit
FOUND = (Difference, WorkerDied, WorkerRaised)
STEPS_A_PROGRAM = 25


class Failure(AssertionError):
    """A case that went wrong: the states up to the failing edit."""

    def __init__(
        self,
        seed: int,
        case: Case,
        error: BaseException,
        edit: str = "start",
        *,
        inject: bool = False,
    ) -> None:
        super().__init__(f"seed {seed}, step {len(case) - 1}: {error}")
        self.inject = inject
        self.seed, self.case, self.error, self.edit = seed, case, error, edit


def text(chunks: list[str]) -> str:
    return "".join(chunk + "\n" for chunk in chunks)


SLOW = 0.5  # seconds: a statement that nobody wants to wait for twice


def step(
    project: Project,
    old: Files,
    new: Files,
    counts: Counter[str],
    *,
    sampled: bool = False,
) -> bool:
    """Save what changed between two states (or main.py as it is); did it apply?
    `sampled`: try it also without each statement that ran (precision.py)."""
    changed: dict[str, str | None] = {
        name: text(new[name]) for name in new if new[name] != old.get(name)
    }
    changed.update({name: None for name in old if name not in new})
    changed = changed or {"main.py": text(new["main.py"])}
    restarts = len(project.restarts)
    if sampled:
        project.ask("spares")
    report = project.save(changed)
    applied = report.error is None and len(project.restarts) == restarts
    if sampled and applied and report.reran:
        sample(project, list(changed), report, counts)
    if report.error is None and report.reran:
        vain = in_vain(report)
        needed = max(1, len(report.reran) - len(vain))
        counts[f"precision: {len(report.reran)}/{needed}"] += 1
        counts["in vain: slow"] += sum(cost >= SLOW for _, cost in vain)
    return report.error is None


def sample(
    project: Project, names: list[str], report: Report, counts: Counter[str]
) -> None:
    """Count what ran for each that had to."""
    statements = [(module, line) for module, _, line, _, _ in report.reran]
    paths = [str(project.root / name) for name in names]
    vain = project.ask("without", paths=paths, statements=statements)
    needed = max(1, len(vain) - sum(vain))
    counts[f"least: {len(vain)}/{needed}"] += 1
    costs = [cost for *_, cost in report.reran]
    counts["least: slow"] += sum(
        no_need and cost >= SLOW for no_need, cost in zip(vain, costs, strict=True)
    )


def replay(
    zygote: Zygote, case: Case, engine: str, *, inject: bool = False
) -> BaseException | None:
    """Run a case from its start; what went wrong, if anything."""
    with Workshop(zygote, engine, inject=inject) as project:
        try:
            project.start({name: text(chunks) for name, chunks in case[0].items()})
        except FOUND as error:
            return error if len(case) == 1 else None
        except AssertionError:
            return None  # the shrunk program does not start: not this failure
        applied = True
        for old, new in itertools.pairwise(case):
            if old == new and not applied:
                continue
            try:
                applied = step(project, old, new, Counter())
            except FOUND as error:
                return error if new is case[-1] else None
    return None


class Workshop:
    """A project in a folder of its own."""

    def __init__(self, zygote: Zygote, engine: str, *, inject: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hmr-"))
        self.project = Project(zygote, self.folder, engine)
        self.project.injections = 0 if inject else None

    def __enter__(self) -> Project:
        return self.project

    def __exit__(self, *exc: object) -> None:
        self.project.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_program(
    zygote: Zygote,
    seed: int,
    counts: Counter[str],
    engine: str = ENGINE,
    *,
    inject: bool = False,
    young: bool = True,
    only: Collection[str] = (),
    every: int = 0,
) -> int:
    """One program and its edits; the number of steps. Raises Failure. `inject`: each
    statement of each update raises once before it may go through. `young`: with
    the kinds that short runs do not make (generator.py); `only`: mostly these.
    `every`: measure the precision of one step in so many."""
    generator = Generator(seed, young=young, only=only)
    case: Case = [generator.program()]
    steps = 0
    with Workshop(zygote, engine, inject=inject) as project:
        try:
            project.start({name: text(c) for name, c in case[0].items()})
        except FOUND as error:
            raise Failure(seed, case, error) from None
        except AssertionError:
            counts["program: does not start"] += 1
            return 0
        applied = True
        for _ in range(STEPS_A_PROGRAM):
            edit = generator.edit()
            case.append(generator.files())
            if not applied and case[-1] == case[-2]:
                continue  # saving a broken program again tells nothing
            try:
                sampled = every > 0 and (seed + steps) % every == 0
                applied = step(project, case[-2], case[-1], counts, sampled=sampled)
            except FOUND as error:
                raise Failure(seed, case, error, edit, inject=inject) from None
            steps += 1
            counts.update(f"statement: {kind}" for kind in generator.present())
            counts["outcome: applied" if applied else "outcome: error"] += 1
            if not applied:
                generator.failed()
        counts["outcome: restart"] += len(project.restarts)
        counts["injected"] += project.injections or 0
    counts.update(generator.counts)
    return steps


# Shrinking


def shrink(zygote: Zygote, failure: Failure, engine: str, seconds: float = 60) -> Case:
    """A smaller case that still goes wrong: fewer steps, then fewer statements."""
    end = time.monotonic() + seconds
    case = failure.case

    def outcome(candidate: Case) -> str | None:
        return kind(replay(zygote, candidate, engine, inject=failure.inject))

    sought = outcome(case)

    def wrong(candidate: Case) -> bool:
        return outcome(candidate) == sought

    for keep in range(2, len(case)):
        if time.monotonic() < end and wrong(case[-keep:]):
            case = case[-keep:]
            break
    i = len(case) - 2
    while i > 0 and time.monotonic() < end:
        fewer = case[:i] + case[i + 1 :]
        if wrong(fewer):
            case = fewer
        i -= 1
    size = -1
    while size != weight(case):
        size = weight(case)
        for drop in drops(case):
            smaller = drop(case)
            if time.monotonic() < end and smaller != case and wrong(smaller):
                case = smaller
    return case


def kind(error: BaseException | None) -> str | None:
    """What went wrong, without names and numbers: shrinking must not drift to another
    failure."""
    if error is None:
        return None
    lines = str(error).split("\n")
    first = lines[1].split(":")[0] if len(lines) > 1 else ""
    return re.sub(r"\d+", "", f"{lines[0]} {first.rpartition('/')[2]}")


def weight(case: Case) -> int:
    return sum(len(chunks) + 1 for state in case for chunks in state.values())


def drops(case: Case) -> Iterator[Callable[[Case], Case]]:
    """Ways to make a case smaller: a file, then a statement, in all states alike, then
    a statement in one state."""
    names = list(dict.fromkeys(name for state in case for name in state))
    for name in names:
        if name != "main.py":
            yield lambda c, name=name: [
                {k: v for k, v in s.items() if k != name} for s in c
            ]
    for name in names:
        for gone in dict.fromkeys(c for s in case for c in s.get(name, [])):
            yield lambda c, name=name, gone=gone: [
                {k: [x for x in v if k != name or x != gone] for k, v in s.items()}
                for s in c
            ]
    for i in range(len(case)):
        for name in names:
            for gone in case[i].get(name, []):
                yield lambda c, i=i, name=name, gone=gone: without(c, i, name, gone)


def without(case: Case, i: int, name: str, gone: str) -> Case:
    """The case without the first such statement in one state."""
    chunks = list(case[i].get(name, []))
    if gone in chunks:
        chunks.remove(gone)
    state = {**case[i], name: chunks} if name in case[i] else case[i]
    return [*case[:i], state, *case[i + 1 :]]


def as_test(case: Case, *, inject: bool = False) -> str:
    """The case as a test to paste."""

    def shown(files: dict[str, str | None]) -> str:
        lines = [f"            {name!r}: {body!r}," for name, body in files.items()]
        return "{\n" + "\n".join(lines) + "\n        }"

    start = {name: text(chunks) for name, chunks in case[0].items()}
    out = ["def test_reproducer(project: Project) -> None:"]
    if inject:
        out.append("    project.injections = 0")
    out.append(f"    project.start(\n        {shown(start)}\n    )")
    for old, new in itertools.pairwise(case):
        saved: dict[str, str | None] = {
            name: text(new[name]) for name in new if new[name] != old.get(name)
        }
        saved.update({name: None for name in old if name not in new})
        out.append(f"    project.save(\n        {shown(saved)}\n    )")
    return "\n".join(out)


def explain(zygote: Zygote, failure: Failure, engine: str, seconds: float) -> str:
    small = shrink(zygote, failure, engine, seconds)
    error = replay(zygote, small, engine, inject=failure.inject) or failure.error
    return (
        f"{as_test(small, inject=failure.inject)}\n\n# seed {failure.seed}\n{error}\n"
    )


def histogram(counts: Counter[str]) -> str:
    lines = []
    for group in ("outcome", "program", "edit", "statement"):
        found = {k: n for k, n in counts.items() if k.startswith(group + ":")}
        total = sum(found.values()) or 1
        if group == "statement":  # in how many steps the program had one
            total = sum(n for k, n in counts.items() if k.startswith("outcome:"))
        for key, n in sorted(found.items(), key=lambda item: -item[1]):
            lines.append(f"{n:8} {100 * n / total:5.1f} %  {key}")
    return "\n".join([*lines, *precision(counts)])


def ratios(counts: Counter[str], group: str) -> list[float]:
    """Each step's statements that ran for one that had to, in order."""
    found: Counter[float] = Counter()
    for key, n in counts.items():
        kind, _, ratio = key.partition(": ")
        if kind == group and "/" in ratio:
            ran, _, needed = ratio.partition("/")
            found[int(ran) / int(needed)] += n
    return sorted(found.elements())


def precision(counts: Counter[str]) -> list[str]:
    """Statements that ran: by those that did not run in vain (harness.in_vain), and, of
    a sample of steps, by those without which it would not be a cold start."""
    lines = []
    for group, name, slow in (
        ("precision", "ran / not in vain", "in vain: slow"),
        ("least", "ran / had to run", "least: slow"),
    ):
        if every := ratios(counts, group):
            lines.append(
                f"{name}: median {every[len(every) // 2]:.2f}, "
                f"mean {sum(every) / len(every):.2f}, "
                f"nine of ten at most {every[len(every) * 9 // 10]:.2f} "
                f"({len(every)} steps); over {SLOW} s in vain: {counts[slow]}"
            )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=int, default=1, help="stop after so many")
    parser.add_argument("--shrink", type=float, default=60, help="seconds a failure")
    parser.add_argument("--inject", action="store_true", help="errors, to roll back")
    parser.add_argument(
        "--every", type=int, default=20, help="measure precision so often; 0: never"
    )
    parser.add_argument(
        "--only",
        default="",
        help="mostly these kinds of statements: a,b (generator.py)",
    )
    parser.add_argument("--engine", default=ENGINE)
    parser.add_argument("--ignore", action="append", default=[], type=re.compile)
    options = parser.parse_args()
    oracle.IGNORED.extend(options.ignore)
    only = options.only.split(",") if options.only else []
    unknown = [name for name in only if name not in MAKERS]
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}")
    zygote = Zygote(libraries="few")
    counts: Counter[str] = Counter()
    steps = failures = told = 0
    seed = options.seed
    while steps < options.steps and failures < options.failures:
        try:
            steps += run_program(
                zygote,
                seed,
                counts,
                options.engine,
                inject=options.inject,
                only=only,
                every=0 if options.inject else options.every,
            )
        except Failure as failure:
            failures += 1
            steps += len(failure.case)
            print(explain(zygote, failure, options.engine, options.shrink), flush=True)
        seed += 1
        if steps - told >= 1000:
            told = steps
            print(f"{steps} steps; go on with --seed {seed}", file=sys.stderr)
    print(histogram(counts))
    print(f"{steps} steps, {seed - options.seed} programs, {failures} failures")
    zygote.close()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
