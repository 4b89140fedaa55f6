"""A small shop: what most FastAPI projects have, in one place."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from model import router as sentiment_router
from routes import items, pages, users
from settings import settings

logger = logging.getLogger("shop")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.visits = 0
    logger.info("the shop opens")
    yield
    logger.info("the shop closes after %d visits", app.state.visits)


app = FastAPI(title=settings.title, lifespan=lifespan)
app.include_router(pages.router)
app.include_router(items.router)
app.include_router(users.router)
app.include_router(sentiment_router)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
