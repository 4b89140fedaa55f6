"""FastAPI before it included routers lazily: `include_router` builds each route of the
router anew, at each level of inclusion, which takes most of a second for a few hundred.

A route is made of what its constructor is given and of its function's signature. Where
both are the same as for a route that is still there, what that one was made of is taken
over: only in `include_router`, so that the statement that defines the function has read
all that the signature names; and only where what the inclusion depends on are functions
(a class may get another signature in place, and who includes would have to read it).
The route itself and its handler are new ones.
"""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from types import FunctionType
from typing import Any

from . import Adapter

OWN = ("app", "dependency_overrides_provider")  # of the application that it is in
MARKS = (
    "Depends",
    "Security",
    "DefaultPlaceholder",
)  # of FastAPI, made anew for each call
SCALARS = (str, int, float, bool, bytes, type(None), Enum)
Key = tuple[int, str]  # the address of the function, the path


@dataclass(slots=True)
class Built:
    """A route that is there, and what it was made of and consists of."""

    route: weakref.ref[Any]
    endpoint: Any
    options: dict[str, Any]
    parts: dict[str, Any]


class Inclusions(Adapter):
    library = "fastapi.routing"
    blind = True

    def __init__(self) -> None:
        self.built: dict[Key, list[Built]] = {}
        self.including: ContextVar[bool] = ContextVar("including", default=False)

    def types(self) -> tuple[type, ...]:
        from fastapi import routing

        if not hasattr(routing.APIRouter, "_mark_routes_changed"):
            including = self._including(routing.APIRouter.include_router)
            making = self._making(routing.APIRoute, routing.APIRoute.__init__)
            routing.APIRouter.include_router = including  # type: ignore[method-assign]
            routing.APIRoute.__init__ = making  # type: ignore[method-assign]
        return ()

    def _including(self, include_router: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(include_router)
        def including(*args: Any, **kwargs: Any) -> Any:
            token = self.including.set(True)
            try:
                return include_router(*args, **kwargs)
            finally:
                self.including.reset(token)

        return including

    def _making(self, kind: type, init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def making(route: Any, path: str, endpoint: Any, **options: Any) -> None:
            if type(route) is not kind or not self.including.get():
                init(route, path, endpoint, **options)
            elif not self._take_over(route, path, endpoint, options):
                init(route, path, endpoint, **options)
                own = route.dependant.dependencies[: len(route.dependencies)]
                if all(map(is_of_functions, own)):
                    self._note(route, path, endpoint, options)

        return making

    def _note(
        self, route: Any, path: str, endpoint: Any, options: dict[str, Any]
    ) -> None:
        key = id(endpoint), path
        there = self.built.setdefault(key, [])

        def gone(ref: weakref.ref[Any]) -> None:
            there[:] = [each for each in there if each.route is not ref]
            if not there and self.built.get(key) is there:
                del self.built[key]

        made_of = {name: copied(value) for name, value in options.items()}
        parts = {k: copied(v) for k, v in vars(route).items() if k not in OWN}
        there.append(Built(weakref.ref(route, gone), endpoint, made_of, parts))

    def _take_over(
        self, route: Any, path: str, endpoint: Any, options: dict[str, Any]
    ) -> bool:
        for built in self.built.get((id(endpoint), path), ()):
            if built.endpoint is endpoint and same_options(built.options, options):
                parts = {name: copied(value) for name, value in built.parts.items()}
                vars(route).update(parts)
                if unique_id(route) == built.parts["unique_id"]:
                    self._finish(route, options)
                    self._note(route, path, endpoint, options)
                    return True
                vars(route).clear()
        return False

    def _finish(self, route: Any, options: dict[str, Any]) -> None:
        """What is the application's own."""
        from fastapi.routing import request_response

        provider = options.get("dependency_overrides_provider")
        route.dependency_overrides_provider = provider
        route.app = request_response(route.get_route_handler())


def is_of_functions(dependant: Any) -> bool:
    """All that it calls, be it for what it depends on."""
    return type(dependant.call) is FunctionType and all(
        map(is_of_functions, dependant.dependencies)
    )


def unique_id(route: Any) -> Any:
    """The program's function is asked, as for every route."""
    generate = route.generate_unique_id_function
    return route.operation_id or getattr(generate, "value", generate)(route)


def copied(value: Any) -> Any:
    """Nobody changes the original through the copy: a container, or FastAPI's
    Dependant, whose lists libraries add to."""
    if type(value) in (list, dict, set):
        return value.copy()
    if type(value).__name__ != "Dependant":
        return value
    value = copy.copy(value)
    for name, part in vars(value).items():
        setattr(value, name, part.copy() if type(part) is list else part)
    return value


def same_options(then: dict[str, Any], now: dict[str, Any]) -> bool:
    return then.keys() == now.keys() and all(
        name in OWN or same(value, now[name]) for name, value in then.items()
    )


def same(a: Any, b: Any) -> bool:
    """Whether a route that is given one is made as one that is given the other."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, SCALARS):
        return bool(a == b)
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return list(a) == list(b) and all(
            same(value, b[key]) for key, value in a.items()
        )
    if type(a) is set:
        return all(isinstance(each, SCALARS) for each in a) and a == b
    return type(a).__name__ in MARKS and same(vars(a), vars(b))


adapter = Inclusions()
