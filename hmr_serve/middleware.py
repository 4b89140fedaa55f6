"""The middleware stack that Starlette and FastAPI build once and keep.

Responsibilities: build it where the engine sees what it is made of, so that an edited
middleware is in the next answer without another startup. By duck typing, as
framework.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .framework import mounted_in

if TYPE_CHECKING:
    from ._core import Engine, Report

TRACE = "middleware"  # the name of its trace in the engine


def build(app: Any, engine: Engine | None) -> None:
    """What `app` does before its first message, its startup: traced by itself, or an
    edit of a middleware would be one of the lifespan.

    Where it raises, the application will do it again and meet the error itself. The
    trace stays in the context: to be called in one of its own."""
    if not _has_stack(app):
        return
    app.middleware_stack = None
    if engine:
        engine.begin(TRACE)
    try:
        app.middleware_stack = app.build_middleware_stack()
    except Exception:
        pass
    finally:
        if engine:
            engine.end(TRACE)


def forget_mounted(app: Any, report: Report) -> None:
    """Applications that `app` has mounted build theirs with their first request, where
    nobody looks: those with a middleware from a module that the edit has touched do it
    again."""
    touched = {name.partition(":")[0] for name in report.patched}
    touched.update(rerun.module for rerun in report.reran)
    for mounted in mounted_in(app):
        if mounted is not app and _has_stack(mounted):
            modules = {cls.__module__ for cls in _classes(mounted)}
            if modules & touched:
                mounted.middleware_stack = None


def _has_stack(app: Any) -> bool:
    return hasattr(app, "middleware_stack") and hasattr(app, "build_middleware_stack")


def _classes(app: Any) -> Iterator[type]:
    for middleware in getattr(app, "user_middleware", None) or ():
        yield from getattr(getattr(middleware, "cls", None), "__mro__", ())
