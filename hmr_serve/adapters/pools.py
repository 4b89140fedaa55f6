"""Worker processes of pools: they have loaded or inherited the code before an edit, so
an edit replaces them. What they are doing they finish."""

from __future__ import annotations

import threading
import weakref
from typing import Any


def renew_executor(executor: Any) -> None:
    """Give a ProcessPoolExecutor new workers, made when it is asked next; the thread
    that manages the old ones sees them off as if the executor were gone."""
    from concurrent.futures import ProcessPoolExecutor

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
