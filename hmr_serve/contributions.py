"""Routes that single statements add to an application or a router of FastAPI.

An edited route makes a new application, and FastAPI needs a millisecond or two to build
each route of it. The engine asks here what a statement added (`mark` before it runs,
`items` after), and adds that to the new application (`add`) where nothing that the
statement read has changed: a route is made of what its decorator was given and of what
the application was given before, never of other routes.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakKeyDictionary


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

    def mark(self, owner: Any) -> list[Any]:
        """The routes that there are."""
        return list(_router(owner).routes)

    def items(self, owner: Any, mark: list[Any]) -> tuple[Any, ...] | None:
        """The routes added since, or None if something else happened to them."""
        routing = sys.modules["fastapi.routing"]
        routes = _router(owner).routes
        kinds = (routing.APIRoute, routing.APIWebSocketRoute)
        added = tuple(routes[len(mark) :])
        if routes[: len(mark)] != mark or any(type(r) not in kinds for r in added):
            return None
        return added or None

    def add(self, old: Any, new: Any, items: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Add routes of `old` to `new`; None if they have to be built. A route looks up
        `dependency_overrides` of the application that it was built for: they share that
        dict from then on."""
        overrides = getattr(old, "dependency_overrides", None)
        if overrides or getattr(new, "dependency_overrides", None):
            return None
        if overrides is not None:
            new.dependency_overrides = overrides
            self._succeed(old, new)
        router = _router(new)
        router.routes.extend(items)
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
