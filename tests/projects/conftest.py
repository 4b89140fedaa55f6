"""Fixtures of the tests on whole projects: those of the engine's tests."""

from core.conftest import project, zygote

__all__ = ["project", "zygote"]
