"""Live: the application that answers, with its lifespan."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from . import framework
from .adapters import tables
from .lifespan import Application, Lifespan
from .middleware import STACK, WAY, Middleware, Mounted
from .routes import hand_over_routes

if TYPE_CHECKING:
    from ._core import Engine
    from .config import Config
    from .log import Log


class Live:
    """An application object whose startup ran (or that needs none). Loop thread
    only."""

    def __init__(
        self, app: Application, config: Config, log: Log, engine: Engine | None = None
    ) -> None:
        self.app = app
        self._log = log
        self._engine = engine
        self._owner = framework.lifespan_app(app)  # behind middleware around it
        self._middleware = Middleware(self._owner, engine)
        self._middleware.build()
        apart = self._middleware.is_known
        self._lifespan = Lifespan(
            app, config.lifespan, log, engine, self._middleware if apart else None
        )
        self._is_apart = apart
        self._mounted = Mounted(engine)
        self._base = framework.StateBase(self._owner)
        self._functions = framework.startup_functions(self._owner)
        self._shapes_app = False  # the startup added routes and the like
        self._tables: set[tables.Place] = set()  # that it created in memory

    @property
    def state(self) -> dict[str, Any]:
        """What `scope["state"]` of each request is copied from."""
        return self._lifespan.state

    @property
    def has_lifespan(self) -> bool:
        return self._lifespan.running

    @property
    def lacks_lifespan(self) -> bool:
        """Whether the application does not know the protocol."""
        return self._lifespan.unsupported

    async def start(self) -> None:
        """Run the startup. Raises LifespanFailed."""
        before = framework.shape(self._owner)
        there = set(tables.adapter.there)
        try:
            await self._lifespan.startup()
        finally:
            self._tables = tables.adapter.there.keys() - there
        self._shapes_app = framework.shape(self._owner) != before
        self._mounted.build(self._owner)

    async def stop(self) -> bool:
        """Run the shutdown; whether it succeeded."""
        return await self._lifespan.shutdown()

    async def threads_left(self) -> list[str]:
        """What the startup has started, and the shutdown not ended."""
        return await self._lifespan.threads_left()

    def clean_up(self) -> None:
        """Another startup follows: what this one left in the process goes. Raises
        adapters.CannotWithdraw."""
        tables.adapter.drop(self._tables)

    def cancel(self) -> None:
        self._lifespan.cancel()

    def fits(self, app: Application) -> bool:
        """Whether the lifespan that runs is the one that `app` would have started.

        The engine knows what the startup read; this is what only the framework
        knows."""
        if app is self.app:
            return True
        owner = framework.lifespan_app(app)
        if owner is self._owner:
            return True
        if self._shapes_app:
            return False
        if self.has_lifespan and not (
            framework.knows_lifespan(owner) and framework.knows_lifespan(self._owner)
        ):
            return False
        theirs = framework.startup_functions(owner)
        return framework.same_functions(self._functions, theirs)

    def keeps_its_way(self, app: Application, stale: Collection[str]) -> bool:
        """Whether the startup would be told to `app` as it was told to ours, through
        its middleware, which is built anew where it has to be. `stale`: Report.stale.

        Not asked: whether it would be the same startup."""
        owner = framework.lifespan_app(app)
        is_other = app is not self.app
        was = middleware = self._middleware
        is_new = owner is not self._owner
        if is_new:
            middleware = Middleware(owner, self._engine)
        if is_new or STACK in stale:
            middleware.build()
        self._mounted.build(owner, stale)
        self._middleware = middleware
        if not (self.has_lifespan and self._is_apart) or not (
            is_other or STACK in stale or WAY in stale
        ):
            return True
        return was.passed and middleware.passes(app)

    def move_to(self, app: Application) -> None:
        """`app` takes the place of our application; the lifespan, its State and the
        routes of routers that stay go on."""
        owner = framework.lifespan_app(app)
        if owner is not self._owner:
            hand_over_routes(self._owner, owner)
            self._base = framework.hand_over_state(self._owner, self._base, owner)
        self.app, self._owner = app, owner

    def reset(self) -> None:
        """Take back what the startup put into the State of an application that
        stays."""
        framework.reset_state(self._owner, self._base)
