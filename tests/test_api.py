"""hmr_serve's public functions where hmr-serve does not reload: they do nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hmr_serve


def test_importing_the_package_starts_nothing() -> None:
    code = (
        "import sys, threading\nbefore = set(sys.modules)\n"
        "finders = list(sys.meta_path)\nimport hmr_serve\n"
        "new = {n for n in set(sys.modules) - before if n.startswith('hmr_serve')}\n"
        "assert new == {'hmr_serve', 'hmr_serve.api'}, new\n"
        "assert threading.active_count() == 1\n"
        "assert sys.meta_path == finders\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_server_nothing_is_registered() -> None:
    def callback() -> None:
        raise AssertionError("called")

    for register in (
        hmr_serve.on_dispose,
        hmr_serve.before_reload,
        hmr_serve.after_reload,
    ):
        assert register(callback) is callback
    assert hmr_serve.is_reloading() is False


def test_without_a_server_keep_keeps_nothing() -> None:
    assert hmr_serve.keep("key", list) is not hmr_serve.keep("key", list)


def test_the_cache_is_a_cache_everywhere() -> None:
    calls = []

    @hmr_serve.cache_across_reloads
    def load(name: str) -> list[str]:
        """Loads."""
        calls.append(name)
        return [name]

    assert load("a") is load("a")
    assert load("b") == ["b"]
    assert calls == ["a", "b"]
    assert load.__doc__ == "Loads."


async def coroutine() -> None: ...


@pytest.mark.parametrize(
    "register",
    [hmr_serve.on_dispose, hmr_serve.before_reload, hmr_serve.after_reload],
)
@pytest.mark.parametrize("wrong", [None, "x", coroutine])
def test_what_cannot_be_called_is_refused_everywhere(register, wrong) -> None:
    with pytest.raises(TypeError):
        register(wrong)


def test_a_coroutine_function_cannot_be_cached() -> None:
    with pytest.raises(TypeError, match="plain function"):
        hmr_serve.cache_across_reloads(coroutine)
