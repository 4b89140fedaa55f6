"""Does the same work, done again, hold more memory? For builds with HMR_ASAN."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable


def allocated() -> int:
    """Bytes in use; only a loaded AddressSanitizer can tell."""
    gc.collect()
    count = ctypes.CDLL(None).__sanitizer_get_current_allocated_bytes
    count.restype = ctypes.c_size_t
    return count()


def check(
    name: str, work: Callable[[], None], *, times: int, warm_up: int, limit: int
) -> None:
    """Exit with a sentence if one `work()` holds more than `limit` bytes on.

    The least growth of three rounds counts: a table that doubled in one of them is no
    leak.
    """
    for _ in range(warm_up):
        work()
    growth = []
    for _ in range(3):
        before = allocated()
        for _ in range(times):
            work()
        growth.append((allocated() - before) / times)
    print(f"{name}: {min(growth):.0f} bytes a time (of {growth})")
    if min(growth) > limit:
        sys.exit(f"{name} holds {min(growth):.0f} bytes more each time; limit {limit}")
