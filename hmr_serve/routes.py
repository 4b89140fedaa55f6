"""What FastAPI built for the routes of an application, handed over to its successor.

FastAPI builds the routes of included routers in the first request that has to match
them: 0.7 ms each, for all of them after every edit that makes a new application object.
Most routers did not run again, and what was built for them is still right: what their
routes are made of was read when they were registered, so whatever changes it reruns the
router, and a new router has nothing to take over.

Responsibilities: find the inclusions that old and new application have in common, give
the new ones what the old ones built. By duck typing; where FastAPI's inside is not what
is expected here, nothing is handed over and the first request builds everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

BUILT = (
    "_effective_candidates",
    "_effective_candidates_version",
    "_effective_low_priority_routes",
    "_effective_low_priority_routes_version",
)
PROVIDER = "dependency_overrides_provider"  # the application itself


def hand_over_routes(old: Any, new: Any) -> int:
    """Give the inclusions of `new` what `old` built for the same ones, and return how
    many took something over.

    What was built looks up `dependency_overrides` of the application it was built for,
    so it is handed over only while both have none, and both share that dict from then
    on. So an old application may live as long as a router that it included first."""
    overrides = getattr(old, "dependency_overrides", None)
    if new is old or overrides != {} or getattr(new, "dependency_overrides", 0) != {}:
        return 0
    known: dict[int, list[Any]] = {}
    for node in _nodes(old):
        known.setdefault(id(node.original_router), []).append(node)
    taken = sum(_take_over(node, known) for node in _nodes(new, built=False))
    if taken:
        new.dependency_overrides = overrides
    return taken


def _nodes(owner: Any, built: bool = True) -> Iterator[Any]:
    """The inclusions among the routes of `owner`; those below them too, if built."""
    for route in getattr(owner, "routes", None) or ():
        if _is_inclusion(route):
            yield route
            if built:
                yield from _below(route)


def _below(node: Any) -> Iterator[Any]:
    for candidate in node._effective_candidates:
        if _is_inclusion(candidate):
            yield candidate
            yield from _below(candidate)


def _take_over(node: Any, known: dict[int, list[Any]]) -> int:
    """One inclusion, and those below it where its own router is new."""
    for old in known.get(id(node.original_router), ()):
        if _same(old.include_context, node.include_context):
            for name in BUILT:
                setattr(node, name, getattr(old, name))
            return 1
    if not any(map(_is_inclusion, node.original_router.routes)):
        return 0
    below = filter(_is_inclusion, node.effective_candidates())
    return sum(_take_over(child, known) for child in below)


def _is_inclusion(route: Any) -> bool:
    """Whether it looks like FastAPI's private _IncludedRouter."""
    return (
        is_dataclass(getattr(route, "include_context", None))
        and hasattr(route, "original_router")
        and all(hasattr(route, name) for name in BUILT)
    )


def _same(old: Any, new: Any) -> bool:
    """Whether two inclusions give their routes the same, apart from the application."""
    return type(old) is type(new) and all(
        getattr(old, field.name) == getattr(new, field.name)
        for field in fields(old)
        if field.name != PROVIDER
    )
