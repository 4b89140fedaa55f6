"""Routes that single statements add to an application or a router of FastAPI.

An edited route makes a new application, and FastAPI needs a millisecond or two to build
each route of it. The engine asks here what a statement added (`mark` before it runs,
`items` after), and adds that to the new application (`add`) where nothing that the
statement read has changed: a route is made of what its decorator was given and of what
the application was given before, never of other routes. So is what `include_router()`
adds, which is also the router's lifespan.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

MERGED = "_merge_lifespan_context.<locals>.merged_lifespan"


class Mark(NamedTuple):
    """What a router holds."""

    routes: list[Any]
    startup: list[Any]
    shutdown: list[Any]
    lifespan: Any


class Included(NamedTuple):
    """What `include_router()` adds beside routes."""

    startup: list[Any]
    shutdown: list[Any]
    lifespan: Any  # of the router that was included


class Routes:
    """What `@app.get(...)` and its like add: `Engine.contribute(Routes())`.

    Called in the thread that applies edits, and while tracked code is imported."""

    def __init__(self) -> None:
        # application -> those that took each other's place, itself included
        self._line: WeakKeyDictionary[Any, WeakKeyDictionary[Any, None]]
        self._line = WeakKeyDictionary()

    def types(self) -> tuple[type, ...]:
        """Types of the objects that are added to: no subclasses, which may do
        anything. Empty while FastAPI is not imported."""
        routing = sys.modules.get("fastapi.routing")
        applications = sys.modules.get("fastapi.applications")
        if not hasattr(routing, "APIWebSocketRoute") or not applications:
            return ()
        return (applications.FastAPI, routing.APIRouter)

    def methods(self) -> tuple[str, ...]:
        """Methods of these whose call, as a statement, does nothing but add."""
        return ("include_router",)

    def mark(self, owner: Any) -> Mark:
        """What there is."""
        return _look(_router(owner))

    def items(self, owner: Any, mark: Mark) -> tuple[Any, ...] | None:
        """What was added since, or None if something else happened."""
        now = _look(_router(owner))
        routes = _added(mark.routes, now.routes)
        startup = _added(mark.startup, now.startup)
        shutdown = _added(mark.shutdown, now.shutdown)
        if not routes or startup is None or shutdown is None:
            return None
        kinds = _kinds()
        if any(type(route) not in kinds for route in routes):
            return None
        if now.lifespan is mark.lifespan:
            return None if startup or shutdown else tuple(routes)
        merged = _merged(now.lifespan)
        if not merged or merged.get("original_context") is not mark.lifespan:
            return None
        return (*routes, Included(startup, shutdown, merged["nested_context"]))

    def add(self, old: Any, new: Any, items: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Add items of `old` to `new`; None if they have to be built. A route looks up
        `dependency_overrides` of the application that it was built for: they share that
        dict from then on."""
        overrides = getattr(old, "dependency_overrides", None)
        if overrides or getattr(new, "dependency_overrides", None):
            return None
        if overrides is not None:
            new.dependency_overrides = overrides
            self._succeed(old, new)
        router = _router(new)
        for item in items:
            if isinstance(item, Included):
                router.on_startup.extend(item.startup)
                router.on_shutdown.extend(item.shutdown)
                merge = sys.modules["fastapi.routing"]._merge_lifespan_context
                router.lifespan_context = merge(router.lifespan_context, item.lifespan)
            else:
                router.routes.append(item)
        if hasattr(router, "_mark_routes_changed"):  # FastAPI's of today
            router._mark_routes_changed()
        return items

    def _succeed(self, old: Any, new: Any) -> None:
        """An application lives as long as a route that was built for it. One that `old`
        has replaced has answered its last request: without its routes it keeps no older
        one alive, or there would be no end to them."""
        line = self._line.setdefault(old, WeakKeyDictionary({old: None}))
        if new in line:
            return
        for retired in [app for app in line if app is not old]:
            del line[retired]
            retired.router.routes.clear()
        line[new] = None
        self._line[new] = line


def _router(owner: Any) -> Any:
    """The router of an application; a router itself."""
    return getattr(owner, "router", owner)


def _kinds() -> tuple[type, ...]:
    """Types of routes that can be given to another application."""
    routing = sys.modules["fastapi.routing"]
    included = getattr(routing, "_IncludedRouter", routing.APIRoute)
    return (routing.APIRoute, routing.APIWebSocketRoute, included)


def _look(router: Any) -> Mark:
    return Mark(
        list(router.routes),
        list(getattr(router, "on_startup", ())),
        list(getattr(router, "on_shutdown", ())),
        router.lifespan_context,
    )


def _added(before: list[Any], now: list[Any]) -> list[Any] | None:
    """What stands behind what was there; None if that has changed."""
    return now[len(before) :] if now[: len(before)] == before else None


def _merged(lifespan: Callable[..., Any]) -> dict[str, Any]:
    """What FastAPI has made a lifespan of, by name; {} if it has not."""
    function = getattr(lifespan, "__wrapped__", None)
    if getattr(function, "__qualname__", "") != MERGED:
        return {}
    names = function.__code__.co_freevars
    return {
        name: cell.cell_contents
        for name, cell in zip(names, function.__closure__ or (), strict=True)
    }
