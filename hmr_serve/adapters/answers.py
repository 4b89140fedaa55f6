"""fastapi-cache and aiocache: what decorated functions returned and what is kept in
memory of it. Their decorators get the `cache_clear` by which the engine knows such
functions: it is called when what the function reads is edited.

The keys are hashes, so all of a store goes. What is kept outside of the process (Redis)
stays, as it would for a cold start.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import Adapter


class FastapiCache(Adapter):
    library = "fastapi_cache.decorator"
    blind = True

    def types(self) -> tuple[type, ...]:
        from fastapi_cache import decorator
        from fastapi_cache.backends import inmemory

        # Not `cache` itself: whoever imports the module first has that by now.
        def wraps(function: Any) -> Callable[[Any], Any]:
            wrap = functools.wraps(function)
            return lambda inner: clearable(wrap(inner), inmemory.InMemoryBackend)

        if getattr(decorator, "wraps", None) is functools.wraps:
            decorator.wraps = wraps
        return ()


class Aiocache(Adapter):
    library = "aiocache.decorators"
    blind = True

    def types(self) -> tuple[type, ...]:
        from aiocache import decorators

        for decorator in (decorators.cached, decorators.multi_cached):
            _clear_what_it_makes(decorator)
        return ()


def _clear_what_it_makes(decorator: Any) -> None:
    decorate = decorator.__call__

    @functools.wraps(decorate)
    def clearing(this: Any, function: Any) -> Any:
        wrapper = decorate(this, function)
        return clearable(wrapper, this.cache)

    decorator.__call__ = clearing


def clearable(wrapper: Any, backend: Any) -> Any:
    """Give it `cache_clear`. What an earlier function of the same name left goes at
    once: they have the same keys."""

    def cache_clear() -> None:
        for name in ("_store", "_cache"):
            store = getattr(backend, name, None)
            if isinstance(store, dict):
                store.clear()

    cache_clear()
    wrapper.cache_clear = cache_clear
    return wrapper


adapters = [FastapiCache(), Aiocache()]
