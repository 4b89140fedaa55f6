"""Worker threads that run handlers: whether one is in the middle of user code."""

from __future__ import annotations

import os
import sys
import threading
import time

NAMES = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")
# Where an idle worker waits for its next task: the innermost frame is in one of these.
IDLE_FILES = ("queue.py", "threading.py", "thread.py", "_asyncio.py")
PAUSE = 0.0005


def is_of_pool(thread: threading.Thread) -> bool:
    """Whether it serves a pool, which ends its threads itself, or us."""
    worker = sys.modules.get("concurrent.futures.thread")
    target = getattr(thread, "_target", None)
    return thread.name.startswith((*NAMES, "hmr-serve")) or (
        worker is not None and target is worker._worker
    )


def alone() -> bool:
    """Whether no thread but this one runs code of the user's."""
    others = [t for t in threading.enumerate() if t is not threading.current_thread()]
    return all(map(is_of_pool, others)) and not busy()


def settle(limit: float) -> bool:
    """Wait up to `limit` seconds until no worker runs a handler; whether none does.

    Sleeping lets the GIL go, which is all that a worker needs to finish."""
    end = time.monotonic() + limit
    while busy():
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def busy() -> bool:
    idents = {t.ident for t in threading.enumerate() if t.name.startswith(NAMES)}
    if not idents:
        return False
    return any(
        ident in idents and os.path.basename(frame.f_code.co_filename) not in IDLE_FILES
        for ident, frame in sys._current_frames().items()
    )
