"""The factory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .handlers import HANDLERS
from .middleware import Stamp
from .routers import ROUTERS
from .settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.started = True
    yield
    app.state.started = False


def create_app(settings: Settings) -> FastAPI:
    app = FastAPI(
        title=settings.title,
        version=settings.version,
        debug=settings.debug,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
    )
    app.add_middleware(Stamp, value=settings.currency)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")

    @app.get("/countries")
    def countries():
        return settings.countries

    return app
