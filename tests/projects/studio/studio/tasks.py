"""Coroutines, context managers and exceptions."""

import asyncio
import contextlib

from .decorators import noted

LOG: list[str] = []


class TaskError(ExceptionGroup):
    def derive(self, excs):
        return TaskError(self.message, excs)


@contextlib.asynccontextmanager
async def section(name):
    LOG.append(f"+{name}")
    try:
        yield name * 2
    finally:
        LOG.append(f"-{name}")
        del LOG[:-4]


@noted
async def work(name="a", fail=False):
    async with section(name) as doubled:
        await asyncio.sleep(0)
        if fail:
            raise TaskError("failed", [ValueError(name), KeyError(doubled)])
        return doubled


async def all_of(names="ab"):
    return [r async for r in results(names)]


async def results(names):
    for name in names:
        yield await work(name)


async def failing():
    try:
        await work("x", fail=True)
    except* ValueError as group:
        return_value = [str(e) for e in group.exceptions]
    except* KeyError:
        pass
    return return_value
