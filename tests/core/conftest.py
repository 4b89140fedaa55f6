"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Project, Zygote


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
