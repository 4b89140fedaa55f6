"""The middleware between an application of Starlette or FastAPI and its routes.

The framework builds it with the first message, the lifespan's, and sends that through
it. Responsibilities: build it in a trace of its own, so that it is built anew when what
its classes' `__init__` read is edited; see whether that message came to the router as
it was: then an edit of the middleware is no reason to start the lifespan anew. By duck
typing, and in the loop's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from . import framework

if TYPE_CHECKING:
    from ._core import Engine

STACK = "middleware"  # the trace of its building
WAY = "way to the lifespan"  # the trace of the message that goes through it
ASGI = {"version": "3.0", "spec_version": "2.0"}
FRAMEWORKS = ("fastapi", "starlette")

_ours: WeakSet[Any] = WeakSet()  # what we have built


class Middleware:
    """That of one application object."""

    def __init__(self, app: Any, engine: Engine | None, trace: str = STACK) -> None:
        self.app = app
        self.trace = trace
        self._engine = engine
        self._router = getattr(app, "router", None)
        known = engine and hasattr(app, "build_middleware_stack")
        stack = getattr(app, "middleware_stack", 0)
        # Some programs put together their own, at the import or in the startup.
        self._is_ours = known and (stack is None or stack in _ours)
        self._built: Any = stack if self._is_ours else None
        self.passed = False  # the last message came to the router as it was

    def build(self) -> None:
        """Anew, while no startup has put another in its place."""
        stack = getattr(self.app, "middleware_stack", None)
        if self._is_ours and (self._built is None or stack is self._built):
            assert self._engine is not None
            self._engine.dispose(self.trace)
            self.app.middleware_stack = self._built = None
            copy_context().run(self._build, self._engine)

    def _build(self, engine: Engine) -> None:
        engine.begin(self.trace)
        try:
            # What it raises the next message meets, as the first one of a cold start.
            with suppress(Exception):
                self._built = self.app.build_middleware_stack()
        finally:
            engine.end(self.trace)
        self.app.middleware_stack = self._built
        if self._built is not None:
            with suppress(TypeError):  # one that takes no weak references
                _ours.add(self._built)

    # -- the way to the lifespan

    @property
    def is_on_the_way(self) -> bool:
        """Whether all that the program does before the router is in this middleware."""
        if self._built is None or not hasattr(type(self._router), "lifespan"):
            return False
        home = next(filter(is_called, type(self.app).__mro__)).__module__
        return home.partition(".")[0] in FRAMEWORKS

    def watch(self, reached: Callable[[], None]) -> Callable[[], None]:
        """The message of a lifespan comes next: `reached()` is called when it comes to
        the router. Returns what to call once the startup has ended, as it may never
        come there."""
        app, router, stack = self.app, self._router, self._built
        engine = self._engine
        assert engine is not None
        self.passed = False
        began: tuple[Any, ...] = ()
        tracing = False

        def leave() -> None:
            nonlocal tracing
            if app.middleware_stack is enter:
                app.middleware_stack = stack
            vars(router).pop("lifespan", None)
            if tracing:
                tracing = False
                engine.end(WAY)

        async def enter(scope: Any, receive: Any, send: Any) -> None:
            nonlocal began, tracing
            app.middleware_stack = stack
            began = _what_comes(scope, receive, send)
            engine.begin(WAY)
            tracing = True
            await stack(scope, receive, send)

        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            leave()
            self.passed = began == _what_comes(scope, receive, send)
            reached()
            await router.lifespan(scope, receive, send)

        app.middleware_stack, router.lifespan = enter, lifespan
        return leave

    def passes(self) -> bool:
        """Whether a lifespan's message comes to the router unchanged: sends one there
        that does nothing."""
        return self._built is not None and copy_context().run(self._send_through)

    def _send_through(self) -> bool:
        assert self._engine is not None

        async def receive() -> Any:
            raise NotImplementedError

        async def send(message: Any) -> None:
            raise NotImplementedError

        async def lifespan(*what: Any) -> None:
            came.append(_what_comes(*what))

        came: list[tuple[Any, ...]] = []
        scope = {"type": "lifespan", "asgi": ASGI, "state": {}, "app": self.app}
        began = _what_comes(scope, receive, send)
        self._router.lifespan = lifespan
        self._engine.begin(WAY)
        try:
            way = self._built(scope, receive, send).__await__()
            next(way)  # nothing on the way may wait
            way.close()
            came.clear()
        except StopIteration:
            pass
        except Exception:
            came.clear()
        finally:
            self._engine.end(WAY)
            del self._router.lifespan
        self.passed = came == [began]
        return self.passed


class Mounted:
    """The middleware of applications that are mounted below another. The framework
    builds it with the first request, we once all have started."""

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine
        self._known: list[Middleware] = []
        self._count = 0

    def build(self, app: Any, stale: Collection[str] = ()) -> list[str]:
        """What is new below `app`, and what has to be built anew. `stale`:
        Report.stale. Returns the traces of the latter."""
        if self._engine is None:
            return []
        known = {id(each.app): each for each in self._known}
        self._known, renewed = [], []
        for inner in framework.mounted(app):
            middleware = known.pop(id(inner), None)
            if middleware is None:
                self._count += 1
                trace = f"{STACK} of mounted {self._count}"
                middleware = Middleware(inner, self._engine, trace)
                middleware.build()
            elif middleware.trace in stale:
                middleware.build()
                renewed.append(middleware.trace)
            self._known.append(middleware)
        for gone in known.values():
            self._engine.drop(gone.trace)
        return renewed


def is_called(cls: type) -> bool:
    return "__call__" in vars(cls)


def _what_comes(scope: Any, receive: Any, send: Any) -> tuple[Any, ...]:
    """All that the router's lifespan looks at."""
    state = scope.get("state")
    stored = sorted((name, id(value)) for name, value in (state or {}).items())
    return id(state), stored, id(scope.get("app")), receive, send
