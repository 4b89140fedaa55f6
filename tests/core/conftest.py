"""Fixtures of the engine's tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import ENGINE, Project, Zygote
from .known import KNOWN
from .soak import histogram


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not ENGINE.startswith("hmr_serve."):
        return  # the tests themselves are tested
    for item in items:
        reason = KNOWN.get(f"{item.path.name}::{item.name}")
        if reason and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session")
def few_libraries() -> Iterator[Zygote]:
    """Cheaper forks, for random programs."""
    made = Zygote(libraries="few")
    yield made
    made.close()


@pytest.fixture
def project(zygote: Zygote, tmp_path: Path) -> Iterator[Project]:
    made = Project(zygote, tmp_path)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the random programs were made of, over all processes."""
    counts: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "random":
                counts.update(json.loads(value))
    if counts:
        terminalreporter.section("random programs and edits")
        terminalreporter.write_line(histogram(counts))
