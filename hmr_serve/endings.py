"""What an edit has replaced ends with the last request that may use it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from . import adapters
from .lifespan import is_of_lifespan

if TYPE_CHECKING:
    from .log import Log


class Endings:
    """Loop thread only. `own`: tasks of the server, which never end."""

    def __init__(self, log: Log, own: Collection[asyncio.Task[object]]) -> None:
        self._log = log
        self._own = set(own)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """An edit was applied or given up."""
        ends = adapters.retired()
        if not ends:
            return
        running = {
            task
            for task in asyncio.all_tasks()
            if task not in self._own and not is_of_lifespan(task)
        }
        task = asyncio.get_running_loop().create_task(self._end(ends, running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(
        self, ends: list[adapters.End], running: set[asyncio.Task[object]]
    ) -> None:
        if running:
            await asyncio.wait(running)
        for end in ends:
            try:
                waiting = end()
                if waiting is not None:
                    await waiting
            except Exception as exc:
                self._log.error("What an edit has replaced does not end", exc)
