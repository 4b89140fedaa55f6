"""What Starlette and FastAPI applications keep besides their routes.

Responsibilities: hand the State of an application to its successor, forget what the
framework derived from code that changed, see whether a startup belongs to its
application. By duck typing: neither library is imported here, and other ASGI
applications have nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import CellType, FunctionType
from typing import Any

IMMUTABLE = (int, float, complex, bool, str, bytes, type(None))
COPIED = (dict, list, set)
NESTED = 10  # functions in closures of functions, and what they hold
WRAPPERS = 20  # middleware around an application
CONTEXTS = "_endpoint_context_cache"


class StateBase:
    """What `app.state` held when the application was imported, before its lifespan."""

    def __init__(self, app: Any) -> None:
        values = _state_of(app)
        self.values = None if values is None else dict(values)
        self.copies = {
            name: value.copy()
            for name, value in (values or {}).items()
            if type(value) in COPIED
        }

    def same(self, name: str, new: Any) -> bool:
        """Whether the import-time store `name` of the successor stores what ours
        stored."""
        if self.values is None or name not in self.values:
            return False
        old = self.values[name]
        if new is old:
            return True
        if type(new) is not type(old):
            return False
        if name in self.copies:
            return self.copies[name] == new
        return isinstance(new, IMMUTABLE) and repr(new) == repr(old)


def hand_over_state(old: Any, base: StateBase, new: Any) -> StateBase:
    """Give `new` the State object of `old`, whose lifespan goes on.

    Import-time stores that changed are overlaid and those that went are withdrawn,
    where the old store was still in place: what the startup stored over them stays, as
    in a cold start. Returns the base of `new`."""
    new_base = StateBase(new)
    values = _state_of(old)
    if new is old or values is None or new_base.values is None:
        return new_base
    assert base.values is not None
    for name, value in base.values.items():
        if name not in new_base.values and values.get(name) is value:
            del values[name]
    for name, value in new_base.values.items():
        in_place = name in values and values[name] is base.values.get(name)
        if not base.same(name, value) and (name not in values or in_place):
            values[name] = value
    new.state = old.state
    return new_base


def reset_state(app: Any, base: StateBase) -> None:
    """Back to the import-time stores: the lifespan of the same object starts anew."""
    values = _state_of(app)
    if values is not None and base.values is not None:
        values.clear()
        values.update(base.values)


def forget_derived(app: Any) -> None:
    """Drop the OpenAPI documents that requests derived from the code before the
    edit, and where FastAPI found endpoints: by addresses, which are used again. Also
    the resolvers that Django's requests made from urlpatterns."""
    if urls := sys.modules.get("django.urls"):
        urls.clear_url_caches()
    contexts = getattr(sys.modules.get("fastapi.routing"), CONTEXTS, None)
    if isinstance(contexts, dict):
        contexts.clear()
    for item in (app, *mounted(app)):
        # FastAPI's; Litestar has a property of that name.
        if getattr(item, "__dict__", {}).get("openapi_schema") is not None:
            item.openapi_schema = None


def mounted(app: Any) -> Iterator[Any]:
    """The applications below `app`, however deep."""
    todo, seen = [app], {id(app)}
    while todo:
        for route in getattr(todo.pop(), "routes", None) or ():
            inner = getattr(route, "app", None)
            if (
                inner is not None
                and not isinstance(inner, FunctionType)
                and id(inner) not in seen
            ):
                seen.add(id(inner))
                todo.append(inner)
                yield inner


def lifespan_app(app: Any) -> Any:
    """The application whose lifespan it is: behind middleware that wraps it."""
    for _ in range(WRAPPERS):
        inner = getattr(app, "app", None) or getattr(app, "other_asgi_app", None)
        if knows_lifespan(app) or not callable(inner):
            break
        app = inner
    return app


def knows_lifespan(app: Any) -> bool:
    """Whether we know what makes up its lifespan, and can move that to a successor:
    Starlette's, or that of a function, which is its code. Others keep in the object
    what the startup made (Quart, Litestar)."""
    router = getattr(app, "router", None)
    return isinstance(app, FunctionType) or hasattr(router, "lifespan_context")


def startup_functions(app: Any) -> list[Any]:
    """The functions that make up the lifespan of `app`, in order, those that are
    wrapped around others too: a library's that holds the application
    (fastapi-pagination's) does something to that one.

    FastAPI wraps them when it merges those of routers, so the wrappers' closures are
    followed.
    """
    router = getattr(app, "router", None)
    found: list[Any] = []
    context = getattr(router, "lifespan_context", None)
    if context is not None:
        _unwrap(context, found, set())
    for name in ("on_startup", "on_shutdown"):
        found += getattr(router, name, None) or ()
    return found


def has_shutdown_functions(app: Any) -> bool:
    """Whether a shutdown calls what no startup names: on_event("shutdown")."""
    return bool(getattr(getattr(app, "router", None), "on_shutdown", None))


def shape(app: Any) -> list[Any]:
    """Changes when a startup adds routes, mounts, middleware or exception handlers,
    or has routes do something else (fastapi-pagination gives them dependencies)."""
    names = ("routes", "user_middleware", "exception_handlers")
    found: list[Any] = [len(getattr(app, name, None) or ()) for name in names]
    todo, seen = [app], set()
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        routes = list(getattr(item, "routes", None) or ())
        found.append(len(routes))
        for route in routes:
            found += map(_size, getattr(route, "__dict__", {}).values())
            dependant = getattr(route, "dependant", None)
            found.append(_size(getattr(dependant, "dependencies", None)))
            # FastAPI's included router, or a mounted application.
            todo.append(getattr(route, "original_router", None))
            todo.append(getattr(route, "app", None))
    return found


def _size(value: Any) -> Any:
    """What shows that something else is there now, or more."""
    return len(value) if isinstance(value, COPIED) else Same(value)


class Same:
    """Equal to what is the same object."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value


def _state_of(app: Any) -> dict[str, Any] | None:
    state = getattr(app, "state", None)
    values = getattr(type(state), "__dict__", {}) and getattr(state, "_state", None)
    return values if type(values) is dict else None


def _unwrap(function: Any, found: list[Any], seen: set[int]) -> None:
    if id(function) in seen:
        return
    seen.add(id(function))
    inner = [function.__wrapped__] if hasattr(function, "__wrapped__") else []
    for cell in getattr(function, "__closure__", None) or ():
        content = _contents(cell)
        if isinstance(content, FunctionType):
            inner.append(content)
    for item in inner:
        _unwrap(item, found, seen)
    if isinstance(function, FunctionType) and not _is_frameworks(function):
        found.append(function)


def same_functions(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Whether these do what those did: a factory (`create_app()`) defines its lifespan
    anew with each application, often of the same code and on the same objects."""
    return len(old) == len(new) and all(map(_same, old, new))


def _same(old: Any, new: Any, depth: int = 0) -> bool:
    if old is new:
        return True
    if type(old) is not type(new) or depth > NESTED:
        return False
    if isinstance(old, tuple):
        pairs = zip(old, new, strict=False)
        return len(old) == len(new) and all(_same(a, b, depth + 1) for a, b in pairs)
    if isinstance(old, CellType):
        return _same(_contents(old), _contents(new), depth + 1)
    if isinstance(old, FunctionType):
        made = old.__code__ is new.__code__ and old.__globals__ is new.__globals__
        return made and all(
            _same(a, b, depth + 1)
            for a, b in (
                (old.__closure__, new.__closure__),
                (old.__defaults__, new.__defaults__),
                (old.__kwdefaults__, new.__kwdefaults__),
            )
        )
    return isinstance(old, IMMUTABLE) and repr(old) == repr(new)


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # still empty
        return None


def _is_frameworks(function: FunctionType) -> bool:
    """Whether it is FastAPI's own, what it merges lifespans with, or what
    asynccontextmanager made: these only call what they hold."""
    home = str(function.__globals__.get("__name__")).partition(".")[0]
    return home in ("fastapi", "starlette", "contextlib")
