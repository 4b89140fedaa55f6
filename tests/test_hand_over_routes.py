"""What FastAPI built for unchanged routers serves the next application object too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import fastapi.routing
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient

from hmr_serve import contributions
from hmr_serve.framework import startup_functions
from hmr_serve.routes import hand_over_routes

pytestmark = pytest.mark.skipif(
    not hasattr(fastapi.routing, "_IncludedRouter"),
    reason="this FastAPI copies routes when it includes a router: nothing is lazy",
)


def header(value: str) -> Callable[..., None]:
    def dependency(response: fastapi.Response) -> None:
        response.headers["x-header"] = value

    return dependency


def router_of(name: str, answer: object = None) -> APIRouter:
    router = APIRouter(prefix=f"/{name}", tags=[name])

    @router.get("/{number}")
    async def read(number: int) -> object:
        return [answer or name, number]

    return router


def app_of(*routers: APIRouter, **include: object) -> FastAPI:
    app = FastAPI()
    for router in routers:
        app.include_router(router, **include)
    return app


def build(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let requests build what is lazy; the paths that were built from then on."""
    TestClient(app).get("/nowhere")
    built: list[str] = []
    context = fastapi.routing._EffectiveRouteContext
    original = context.from_api_route.__func__

    def from_api_route(cls: type, **arguments: object) -> object:
        made = original(cls, **arguments)
        built.append(made.path)
        return made

    monkeypatch.setattr(context, "from_api_route", classmethod(from_api_route))
    return built


def test_routers_that_did_not_run_again_are_not_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users, items = router_of("users"), router_of("items")
    old = app_of(users, items)
    built = build(old, monkeypatch)
    new = app_of(users, items)
    assert hand_over_routes(old, new) == 2
    assert TestClient(new).get("/items/2").json() == ["items", 2]
    assert TestClient(new).get("/users/1").json() == ["users", 1]
    assert TestClient(new).get("/users/x").status_code == 422
    assert new.openapi() == app_of(users, items).openapi()
    built_here = [path for path in built if path.startswith(("/users", "/items"))]
    assert built_here == ["/users/{number}", "/items/{number}"]  # the cold app's


def test_a_router_that_ran_again_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    users, items = router_of("users"), router_of("items")
    old = app_of(users, items)
    built = build(old, monkeypatch)
    new = app_of(users, router_of("items", "new"))
    assert hand_over_routes(old, new) == 1
    assert TestClient(new).get("/items/2").json() == ["new", 2]
    assert TestClient(old).get("/items/2").json() == ["items", 2]
    assert built == ["/items/{number}"]


@pytest.mark.parametrize(
    "include",
    [
        {"prefix": "/v2"},
        {"dependencies": [Depends(header("new"))]},
        {"responses": {418: {"description": "a teapot"}}},
        {"tags": ["new"]},
        {"deprecated": True},
    ],
    ids=lambda include: next(iter(include)),
)
def test_an_inclusion_with_other_arguments_is_built_anew(
    include: dict[str, object],
) -> None:
    users = router_of("users")
    old = app_of(users)
    TestClient(old).get("/users/1")
    new, cold = app_of(users, **include), app_of(users, **include)
    assert hand_over_routes(old, new) == 0
    for path in ("/users/1", "/v2/users/1"):
        ours, theirs = TestClient(new).get(path), TestClient(cold).get(path)
        assert (ours.status_code, ours.headers) == (theirs.status_code, theirs.headers)
    assert new.openapi() == cold.openapi()


def test_a_route_added_to_a_live_router_is_found() -> None:
    users = router_of("users")
    old = app_of(users)
    TestClient(old).get("/users/1")
    users.add_api_route("/", lambda: "all")
    new = app_of(users)
    hand_over_routes(old, new)
    assert TestClient(new).get("/users/").json() == "all"


def test_inclusions_below_a_router_that_ran_again_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users, items = router_of("users"), router_of("items")

    def api(*below: APIRouter) -> APIRouter:
        router = APIRouter(prefix="/api")
        for inner in below:
            router.include_router(inner)
        return router

    old = app_of(api(users, items))
    built = build(old, monkeypatch)
    new = app_of(api(users, router_of("items", "new")))
    built.clear()  # include_router builds some itself, to check their paths
    assert hand_over_routes(old, new) == 1
    assert TestClient(new).get("/api/users/1").json() == ["users", 1]
    assert TestClient(new).get("/api/items/2").json() == ["new", 2]
    assert built == ["/api/items/{number}"]


def test_overrides_set_later_reach_routes_that_were_handed_over() -> None:
    def who() -> str:
        return "nobody"

    users = APIRouter()

    @users.get("/who")
    async def read(name: str = Depends(who)) -> str:
        return name

    old = app_of(users)
    assert TestClient(old).get("/who").json() == "nobody"
    new = app_of(users)
    assert hand_over_routes(old, new) == 1
    new.dependency_overrides[who] = lambda: "somebody"
    assert TestClient(new).get("/who").json() == "somebody"


def test_nothing_is_handed_over_where_an_application_has_overrides() -> None:
    users = router_of("users")
    for side in (0, 1):
        both = app_of(users), app_of(users)
        TestClient(both[0]).get("/users/1")
        both[side].dependency_overrides[header] = header
        assert hand_over_routes(*both) == 0


def test_other_applications_have_nothing_to_hand_over() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    assert hand_over_routes(app, app) == 0
    assert hand_over_routes(app, FastAPI()) == 0
    assert hand_over_routes(FastAPI(), app) == 0


def test_lifespans_that_fastapi_merges_are_none_of_the_users() -> None:
    app = app_of(router_of("users"), router_of("items"))
    assert startup_functions(app) == []


def test_a_lifespan_is_found_below_what_fastapi_merges_it_with() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(router_of("users"))
    app.include_router(router_of("items"))
    assert startup_functions(app) == [lifespan.__wrapped__]


def test_routes_are_added_to_routers_of_older_releases_of_fastapi() -> None:
    """They keep no note of their routes (`_mark_routes_changed`, 0.1xx)."""

    class Router:
        def __init__(self, *routes: str) -> None:
            self.routes = [*routes]

    old, new = Router("a", "b"), Router("a")
    assert contributions.Routes().add(old, new, ("b",)) == ("b",)
    assert new.routes == ["a", "b"]
