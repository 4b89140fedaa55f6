"""Worker processes of pools: they have loaded or inherited the code before an edit, so
an edit replaces them. What they are doing they finish."""

from __future__ import annotations

import os
import threading
import weakref
from functools import cache
from typing import Any


def renew_executor(executor: Any) -> None:
    """Give a ProcessPoolExecutor new workers, made when it is asked next; the thread
    that manages the old ones sees them off as if the executor were gone."""
    from concurrent.futures import ProcessPoolExecutor

    forget_managers_in_children()
    with executor._shutdown_lock:
        manager = executor._executor_manager_thread
        if manager is None or executor._shutdown_thread or executor._broken:
            return
        old = ProcessPoolExecutor.__new__(ProcessPoolExecutor)
        vars(old).update(vars(executor))
        manager.executor_reference = weakref.ref(old)
        ProcessPoolExecutor.__init__(
            executor,
            old._max_workers,
            old._mp_context,
            old._initializer,
            old._initargs,
            max_tasks_per_child=old._max_tasks_per_child,
        )
    old.shutdown(wait=False)


@cache
def forget_managers_in_children() -> None:
    """A forked worker ends by waking up the threads that manage its parent's executors:
    where one held its lock at the fork, because it was seeing off the workers before,
    the new one would wait for ever (CPython 3.14)."""
    from concurrent.futures import process

    managers = getattr(process, "_threads_wakeups", None)
    if managers is not None and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=managers.clear)


def renew_pool(pool: Any) -> None:
    """The same for a multiprocessing.Pool, which makes them at once."""
    from multiprocessing.pool import RUN, Pool, ThreadPool

    if isinstance(pool, ThreadPool) or pool._state != RUN:
        return
    old = Pool.__new__(Pool)
    vars(old).update(vars(pool))
    Pool.__init__(
        pool,
        old._processes,
        old._initializer,
        old._initargs,
        old._maxtasksperchild,
        old._ctx,
    )
    old.close()
    threading.Thread(
        target=see_off, args=(old,), name="hmr-serve pool", daemon=True
    ).start()


def see_off(pool: Any) -> None:
    pool.join()
    pool._terminate.cancel()  # at the end of the process
