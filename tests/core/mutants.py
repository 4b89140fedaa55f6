"""Mutation test of the oracle: each rule of the engine switched off must be found.

    ./dev mutants [RULE ...]

runs random programs and edits with one rule off at a time (core/base/rules.h) until the
oracle finds a difference, and prints after how many steps, by which kind of edit. Where
random programs seldom need a rule, a named program (named.py) shows it. A rule that is
not found within --steps fails the run: the generator is too tame. What
goes wrong with every rule on as well is no finding.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

from .harness import ENGINE, Zygote
from .named import NAMED
from .soak import Failure, replay, run_program

HEADER = Path(__file__).parents[2] / "core" / "base" / "rules.h"


def rules() -> dict[str, str]:
    """Name and meaning of every rule, in the order of the header."""
    found = re.findall(r'RULE\((\w+),\s*(?:\\\s*)?"([^"]*)"\)', HEADER.read_text())
    return dict(found)


def hunt(whole: Zygote, rule: str, seed: int, limit: int) -> tuple[int, Failure | None]:
    """Steps run with the rule off, and what was found at the last one."""
    zygote = Zygote({**os.environ, "HMR_MUTANT": rule}, "few")
    steps = 0
    case = NAMED.get(rule)
    error = case and replay(zygote, case, ENGINE)
    if case and error:
        zygote.close()
        return 1, Failure(0, case, error, "named program")
    inject = rule.startswith("ROLLBACK")
    while steps < limit:
        try:
            steps += run_program(zygote, seed, Counter(), ENGINE, inject=inject)
        except Failure as failure:
            steps += len(failure.case) - 1
            if replay(whole, failure.case, ENGINE, inject=inject) is None:
                zygote.close()
                return steps, failure
        seed += 1
    zygote.close()
    return steps, None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", nargs="*", metavar="RULE", help="default: all")
    parser.add_argument("--steps", type=int, default=3000, help="at most, for one rule")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    known = rules()
    unknown = [name for name in options.rules if name not in known]
    if unknown:
        parser.error(f"no such rule: {', '.join(unknown)}")
    missed = []
    whole = Zygote(libraries="few")
    for name in options.rules or known:
        began = time.monotonic()
        steps, failure = hunt(whole, name, options.seed, options.steps)
        found = f"{steps:6}  {failure.edit}" if failure else f"  none in {steps} steps"
        seconds = time.monotonic() - began
        print(f"{name:20} {found:30} {seconds:5.0f} s  {known[name]}", flush=True)
        if failure is not None:
            print("    " + str(failure.error).replace("\n", "\n  ")[:300], flush=True)
        if failure is None:
            missed.append(name)
    whole.close()
    if missed:
        print(f"not found: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
