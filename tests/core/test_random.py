"""Random programs x random edits against the oracle.

HMR_RANDOM_STEPS (300) and HMR_RANDOM_SEED (1) choose how many and which: up to 300 of
the settled kinds, more of all kinds. `./dev soak` makes any number, and with `--inject`
lets each statement of each update raise once. A difference is shrunk and printed as a
test; what was made is printed at the end of the run (conftest.py).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable

import pytest

from . import mutants
from .engines import __name__ as engines
from .generator import APPLICATIONS, BROAD, EDITS, MAKERS, WIDE, Generator
from .harness import ENGINE, Project, Zygote
from .named import NAMED
from .soak import Failure, explain, ratios, replay, run_program, step, text

STEPS = int(os.environ.get("HMR_RANDOM_STEPS", "300"))
YOUNG = STEPS > 300  # all kinds of statements and edits
SEED = int(os.environ.get("HMR_RANDOM_SEED", "1"))
SHARDS = max(4, STEPS // 125)  # tests, each with seeds of its own
IMPORTS = "constant", "conditional import", "list"  # what else there is imports
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def zygote(few_libraries: Zygote) -> Zygote:
    return few_libraries


def run_shard(zygote: Zygote, shard: int, steps: int) -> Counter[str]:
    """Programs of every SHARDS-th seed until there were so many steps; of all kinds,
    every fourth shard makes those that applications are made of, and every fourth small
    ones that hardly do more than import one another."""
    counts: Counter[str] = Counter()
    broad = BROAD if YOUNG and shard % 4 == 0 else 0
    only = IMPORTS if YOUNG and shard % 4 == 2 else ()
    seed = broad + SEED + shard
    while steps > 0:
        try:
            steps -= run_program(zygote, seed, counts, young=YOUNG, only=only)
        except Failure as failure:
            pytest.fail(explain(zygote, failure, ENGINE, 30), pytrace=False)
        seed += SHARDS
    return counts


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_edits_equal_a_cold_start(
    zygote: Zygote, shard: int, record_property: Record
) -> None:
    counts = run_shard(zygote, shard, STEPS // SHARDS)
    record_property("random", json.dumps(counts))
    assert counts["in vain: slow"] == 0
    assert counts["outcome: applied"] > counts["outcome: error"]


def test_an_error_after_any_statement_of_a_random_edit_rolls_back(
    zygote: Zygote,
) -> None:
    """Each statement of each update raises once before it may go through."""
    counts: Counter[str] = Counter()
    for seed in range(SEED, SEED + 2):
        try:
            run_program(zygote, seed, counts, inject=True, young=YOUNG)
        except Failure as failure:
            pytest.fail(explain(zygote, failure, ENGINE, 30), pytrace=False)
    assert counts["injected"] > 20


@pytest.mark.parametrize("first", [WIDE, BROAD])
def test_the_generator_makes_every_kind_of_statement_and_edit(first: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(first, first + 200):
        generator = Generator(seed)
        generator.program()
        for _ in range(15):
            generator.edit()
            counts.update(f"statement: {kind}" for kind in generator.present())
        counts.update(generator.counts)
    left_out = APPLICATIONS if first < BROAD else set()
    for group, makers in (("statement", MAKERS), ("edit", EDITS)):
        for kind in makers.keys() - left_out:  # in 1 % of the steps at least
            made = counts[f"{group}: {kind}"]
            assert made >= 200 * 15 / 100, f"too few: {group}: {kind}: {made}"


def test_what_runs_is_little_more_than_what_has_to(zygote: Zygote) -> None:
    """Measured by leaving out one statement at a time (precision.py)."""
    counts: Counter[str] = Counter()
    for seed in (3, 5):
        run_program(zygote, seed, counts, young=YOUNG, every=2)
    every = ratios(counts, "least")
    assert len(every) >= 8
    assert every[len(every) // 2] <= 1.2
    assert counts["least: slow"] == 0


def test_a_statement_that_runs_in_vain_is_measured(project: Project) -> None:
    counts: Counter[str] = Counter()
    bodies = ("1", "1 + 0", "2")
    main = ["from a import f", "y = f()", "z = [f()]"]
    states = [
        {"a.py": [f"def f():\n    return {body}"], "main.py": main} for body in bodies
    ]
    project.start({name: text(chunks) for name, chunks in states[0].items()})
    step(project, states[0], states[1], counts, sampled=True)
    assert ratios(counts, "least") == [2.0]
    step(project, states[1], states[2], counts, sampled=True)
    assert ratios(counts, "least") == [1.0, 2.0]


def test_the_same_seed_makes_the_same_program() -> None:
    def made(seed: int) -> list:
        generator = Generator(seed)
        states = [generator.program()]
        for _ in range(10):
            generator.edit()
            states.append(generator.files())
        return states

    assert made(7) == made(7)
    assert made(7) != made(8)


@pytest.mark.parametrize("wrong", ["Never", "BodiesOnly", "OneModule", "NoRollback"])
def test_random_edits_find_a_wrong_engine(zygote: Zygote, wrong: str) -> None:
    with pytest.raises(Failure):
        for seed in range(1, 20):
            run_program(zygote, seed, Counter(), f"{engines}:{wrong}", young=False)


def test_random_edits_find_nothing_wrong_with_restarting(zygote: Zygote) -> None:
    for seed in range(1, 3):
        run_program(zygote, seed, Counter(), f"{engines}:Reimport", young=False)


def test_a_failing_case_is_shrunk_to_a_small_test(zygote: Zygote) -> None:
    with pytest.raises(Failure) as caught:
        for seed in range(1, 20):
            run_program(zygote, seed, Counter(), f"{engines}:Never")
    shown = explain(zygote, caught.value, f"{engines}:Never", 5)
    assert "def test_reproducer(project: Project) -> None:" in shown
    assert len(shown.split("# seed")[0].splitlines()) < 20


@pytest.mark.parametrize("rule", NAMED)
def test_a_named_program_equals_a_cold_start(zygote: Zygote, rule: str) -> None:
    assert rule in mutants.rules()
    assert replay(zygote, NAMED[rule], ENGINE) is None


def test_every_rule_that_mutants_switches_off_is_a_rule_of_the_engine() -> None:
    core = mutants.HEADER.parents[1]
    sources = "".join(path.read_text() for path in core.rglob("*.c"))
    assert len(mutants.rules()) > 30
    for name in mutants.rules():
        assert f"rule({name})" in sources, f"{name} is asked nowhere"
