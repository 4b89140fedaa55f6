"""Thousands of random edits in one engine: what the process holds stays the same.

    python -m core.growth --edits 10000 --seed 1

A random program goes through random edits and back to its start, again and again; what
is counted is counted there.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from .chunks import Files
from .generator import Generator
from .harness import ENGINE, Project, WorkerDied, Zygote
from .soak import Workshop, text

STATES = 20  # of a program, and so the edits until it is as it was
WARM_UP = 3  # cycles until caches are full
SLACK = 2  # what a library makes once
OBJECTS = 150  # what the census leaves itself
# Records of modules that were imported once and are no more stay
# (core/loading/retired.h): some ten blocks each, and from 3.14 on a dict that counts as
# an object. Tables keep room.
BLOCKS_AN_EDIT = 4
BLOCKS_KEPT = 1500

CENSUS = """
import collections, gc, os, sys, types
for _ in range(3):
    gc.collect()
held = gc.get_objects()
kinds = collections.Counter(map(type, held))
census = {
    "functions": kinds[types.FunctionType],
    "classes": sum(isinstance(x, type) for x in held),
    "modules": kinds[types.ModuleType],
    "objects": len(held),
    "codes": len({id(x.__code__) for x in held if type(x) is types.FunctionType}),
    "descriptors": len(os.listdir("/proc/self/fd")),
    "blocks": sys.getallocatedblocks(),
}
del held, kinds
"""


class Restarted(Exception):
    """An edit needs a new process: another program then."""


def states(seed: int) -> list[Files]:
    """A program, and what edits make of it one after the other."""
    generator = Generator(seed)
    found = [generator.program()]
    while len(found) < STATES:
        generator.edit()
        found.append(generator.files())
        generator.failed()
    return found


def save(project: Project, old: Files, new: Files) -> None:
    changed: dict[str, str | None] = {
        name: text(new[name]) for name in new if new[name] != old.get(name)
    }
    changed.update({name: None for name in old if name not in new})
    report = project.save(changed, check=False)
    if report.restart:
        raise Restarted


def census(project: Project) -> dict[str, int]:
    project.exec(CENSUS)
    return project.eval("census")


def grown(first: dict[str, int], last: dict[str, int], edits: int) -> list[str]:
    """What there is more of after so many edits, in sentences."""
    blocks = BLOCKS_KEPT + edits * BLOCKS_AN_EDIT
    slack = Counter(objects=OBJECTS + edits // 2, blocks=blocks)
    return [
        f"{name} grew from {before:,} to {last[name]:,}"
        for name, before in first.items()
        if last[name] > before + SLACK + slack[name]
    ]


def run(zygote: Zygote, seed: int, cycles: int, *, shown: bool = False) -> list[str]:
    """What grew over so many cycles of one program. Raises Restarted, and
    AssertionError for a program that does not start."""
    found = states(seed)
    with Workshop(zygote, ENGINE) as project:
        project.start({n: text(c) for n, c in found[0].items()}, check=False)
        for cycle in range(WARM_UP + cycles):
            for i, new in enumerate([*found[1:], found[0]]):
                save(project, found[i], new)
            if cycle == WARM_UP - 1:
                first = census(project)
            elif shown:
                print(cycle, census(project), flush=True)
        return grown(first, census(project), cycles * STATES)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000, help="of each program")
    parser.add_argument("--programs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="the census of each cycle")
    options = parser.parse_args()
    zygote = Zygote(libraries="few")
    counts: Counter[str] = Counter()
    seed = options.seed
    while counts["programs"] < options.programs:
        try:
            cycles = max(1, options.edits // STATES - WARM_UP)
            trouble = run(zygote, seed, cycles, shown=options.show)
        except WorkerDied:
            raise
        except (Restarted, AssertionError):
            counts["passed over"] += 1
        else:
            counts["programs"] += 1
            counts["grew"] += bool(trouble)
            print(f"seed {seed}:", *(trouble or ["constant"]), sep="\n  ", flush=True)
        seed += 1
    print(*(f"{n} {name}" for name, n in counts.items()), sep=", ")
    zygote.close()
    return 1 if counts["grew"] else 0


if __name__ == "__main__":
    sys.exit(main())
