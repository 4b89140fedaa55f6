"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hmr_serve import _core

from .harness import ENGINE, Project, Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def engine_built() -> None:
    if ENGINE == "hmr_serve._core:Engine" and not hasattr(_core, "Engine"):
        pytest.skip("this build has no engine yet")


@pytest.fixture
def project(zygote: Zygote, tmp_path: Path, engine_built: None) -> Iterator[Project]:
    made = Project(zygote, tmp_path)
    yield made
    made.close()
