"""The State of an application, handed over to its successor
(hmr_serve/framework.py)."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import fastapi.routing
import pytest
from starlette.applications import Starlette

from hmr_serve import framework
from hmr_serve.framework import StateBase, hand_over_state, reset_state


def application(**stores: Any) -> Starlette:
    app = Starlette()
    for name, value in stores.items():
        setattr(app.state, name, value)
    return app


LIMITER = object()


@pytest.mark.parametrize(
    ("before", "later", "after", "expected"),
    [
        # what the startup or requests stored stays
        ({}, {"model": 1}, {}, {"model": 1}),
        ({"hits": 0}, {"hits": 7}, {"hits": 0}, {"hits": 7}),
        ({"cache": {}}, {"cache": {"a": 1}}, {"cache": {}}, {"cache": {"a": 1}}),
        ({"model": None}, {"model": "loaded"}, {"model": None}, {"model": "loaded"}),
        ({"limiter": LIMITER}, {}, {"limiter": LIMITER}, {"limiter": LIMITER}),
        # an edited import-time store wins, but not over the startup that stores after
        # it
        ({"name": "old"}, {}, {"name": "new"}, {"name": "new"}),
        ({"name": "old"}, {"name": "started"}, {"name": "new"}, {"name": "started"}),
        ({"one": 1}, {}, {"one": 1.0}, {"one": 1.0}),
        # new and withdrawn stores
        ({}, {}, {"new": 1}, {"new": 1}),
        ({"gone": 1}, {}, {}, {}),
        ({"gone": 1}, {"gone": 2}, {}, {"gone": 2}),
    ],
)
def test_the_successor_gets_the_same_state_overlaid_with_what_changed(
    before: dict[str, Any],
    later: dict[str, Any],
    after: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    old = application(**before)
    base = StateBase(old)
    for name, value in later.items():
        setattr(old.state, name, value)
    new = application(**after)
    hand_over_state(old, base, new)
    assert new.state is old.state
    assert new.state._state == expected
    assert {type(v) for v in new.state._state.values()} == {
        type(v) for v in expected.values()
    }


def test_an_object_built_anew_is_the_new_one() -> None:
    old, new = application(pool=object()), application(pool=object())
    pool = new.state.pool
    hand_over_state(old, StateBase(old), new)
    assert new.state.pool is pool


def test_three_generations_share_one_state() -> None:
    first, second, third = (application(version=number) for number in (1, 2, 3))
    state = first.state
    base = hand_over_state(first, StateBase(first), second)
    hand_over_state(second, base, third)
    assert third.state is state
    assert third.state.version == 3


def test_a_restarted_lifespan_finds_the_import_time_stores() -> None:
    app = application(hits=0)
    base = StateBase(app)
    app.state.hits, app.state.model = 5, "loaded"
    reset_state(app, base)
    assert app.state._state == {"hits": 0}


def test_an_application_without_state_has_nothing_to_hand_over() -> None:
    async def old(scope: Any, receive: Any, send: Any) -> None: ...
    async def new(scope: Any, receive: Any, send: Any) -> None: ...

    hand_over_state(old, StateBase(old), new)
    reset_state(new, StateBase(new))
    assert not hasattr(new, "state")


def test_what_fastapi_noted_of_endpoints_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = {1: {"line": 7}}  # FastAPI's name for it, since 0.12
    monkeypatch.setattr(fastapi.routing, framework.CONTEXTS, noted, raising=False)
    framework.forget_derived(fastapi.FastAPI())
    assert noted == {}


def test_resolvers_of_django_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in: Django caches them for what a request asked first."""
    cleared: list[str] = []
    urls = ModuleType("django.urls")
    urls.clear_url_caches = lambda: cleared.append("urls")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.urls", urls)
    framework.forget_derived(fastapi.FastAPI())
    assert cleared == ["urls"]
