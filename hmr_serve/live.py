"""Live: the application that answers, with its lifespan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import framework
from .adapters import tables
from .lifespan import Application, Lifespan
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
        self._lifespan = Lifespan(app, config.lifespan, log, engine)
        self._base = framework.StateBase(app)
        self._functions = framework.startup_functions(app)
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
        before = framework.shape(self.app)
        there = set(tables.adapter.there)
        try:
            await self._lifespan.startup()
        finally:
            self._tables = tables.adapter.there.keys() - there
        self._shapes_app = framework.shape(self.app) != before

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
        if self._shapes_app:
            return False
        theirs = framework.startup_functions(app)
        ours = self._functions
        return len(ours) == len(theirs) and all(
            a is b for a, b in zip(ours, theirs, strict=True)
        )

    def move_to(self, app: Application) -> None:
        """`app` takes the place of our application; the lifespan, its State and the
        routes of routers that stay go on."""
        hand_over_routes(self.app, app)
        self._base = framework.hand_over_state(self.app, self._base, app)
        self.app = app

    def reset(self) -> None:
        """Take back what the startup put into the State of an application that
        stays."""
        framework.reset_state(self.app, self._base)
