"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import ENGINE, Project, Zygote
from .known import KNOWN


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


@pytest.fixture
def project(zygote: Zygote, tmp_path: Path) -> Iterator[Project]:
    made = Project(zygote, tmp_path)
    yield made
    made.close()
