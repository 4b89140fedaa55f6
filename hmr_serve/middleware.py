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
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from . import framework

if TYPE_CHECKING:
    from ._core import Engine

STACK = "middleware"  # the trace of its building
WAY = "way to the lifespan"  # the trace of the message that goes through it
ASGI = {"version": "3.0", "spec_version": "2.0"}
FRAMEWORKS = ("fastapi", "starlette")

# A scope, receive and send.
Told = tuple[dict[str, Any], Callable[..., Any], Callable[..., Any]]

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
    def is_known(self) -> bool:
        """Whether a lifespan can be told from the way to it."""
        return self._built is not None and hasattr(type(self._router), "lifespan")

    def watch(self, told: Told, reached: Callable[[], None]) -> Callable[[], None]:
        """A lifespan's message comes next, as `told`: `reached()` is called when it
        comes to the router. Returns what to call once the startup has ended, as it may
        never come there."""
        router, engine = self._router, self._engine
        assert engine is not None
        self.passed = False
        tracing = True

        def leave() -> None:
            nonlocal tracing
            vars(router).pop("lifespan", None)
            if tracing:
                tracing = False
                engine.end(WAY)

        async def lifespan(*what: Any) -> None:
            leave()
            self.passed = self._is_as_told(told, what)
            reached()
            await router.lifespan(*what)

        router.lifespan = lifespan
        engine.begin(WAY)
        return leave

    def passes(self, app: Any) -> bool:
        """Whether a lifespan's message to `app`, ours or what is around it, comes to
        the router unchanged: sends one there that does nothing."""
        return self.is_known and copy_context().run(self._send_through, app)

    def _send_through(self, app: Any) -> bool:
        assert self._engine is not None

        async def receive() -> Any:
            raise NotImplementedError

        async def send(message: Any) -> None:
            raise NotImplementedError

        async def lifespan(*what: Any) -> None:
            came.append(self._is_as_told(told, what))

        came: list[bool] = []
        told = ({"type": "lifespan", "asgi": ASGI, "state": {}}, receive, send)
        self._router.lifespan = lifespan
        self._engine.begin(WAY)
        try:
            way = app(*told).__await__()
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
        self.passed = came == [True]
        return self.passed

    def _is_as_told(self, told: Told, came: Told) -> bool:
        """By all that the router's lifespan looks at. Nobody stores into the state
        before it."""
        scope, receive, send = came
        return (
            scope.get("app") is self.app
            and scope.get("state") is told[0]["state"]
            and not scope["state"]
            and _origin(receive, "receive") == told[1]
            and _origin(send, "send") == told[2]
        )


def _origin(function: Any, name: str) -> Any:
    """What FastAPI has wrapped for its telemetry."""
    while isinstance(function, FunctionType):
        library = function.__module__.partition(".")[0]
        free = function.__code__.co_freevars
        if library not in FRAMEWORKS or name not in free or not function.__closure__:
            break
        function = function.__closure__[free.index(name)].cell_contents
    return function


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
