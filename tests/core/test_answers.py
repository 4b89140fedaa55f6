"""What decorators of fastapi-cache, aiocache and async_lru remember is forgotten when
what the function reads is edited. Stand-ins that keep it as these do."""

from __future__ import annotations

import pytest

from .harness import Project

FASTAPI_CACHE = {
    "__init__.py": "",
    "backends/__init__.py": "",
    "backends/inmemory.py": """
        class InMemoryBackend:
            _store = {}

        backend = InMemoryBackend()
        """,
    "decorator.py": """
        from functools import wraps
        from .backends.inmemory import backend

        def cache(expire=None):
            def wrapper(func):
                @wraps(func)
                def inner(*args):
                    key = hash((func.__module__, func.__name__, args))
                    if key not in backend._store:
                        backend._store[key] = func(*args)
                    return backend._store[key]
                return inner
            return wrapper
        """,
}
AIOCACHE = {
    "__init__.py": "from .decorators import cached\n",
    "decorators.py": """
        import functools

        class Memory:
            def __init__(self):
                self._cache = {}

        class cached:
            def __init__(self, ttl=None):
                self.ttl = ttl
                self.cache = None

            def __call__(self, f):
                self.cache = Memory()

                @functools.wraps(f)
                def wrapper(*args):
                    if args not in self.cache._cache:
                        self.cache._cache[args] = f(*args)
                    return self.cache._cache[args]

                wrapper.cache = self.cache
                return wrapper

        class multi_cached(cached):
            def __call__(self, f):
                return super().__call__(f)
        """,
}
ASYNC_LRU = {
    "__init__.py": """
        class Wrapper:
            __slots__ = ("__wrapped__", "_kept", "__dict__", "__weakref__")

            def __init__(self, fn):
                self.__wrapped__ = fn
                self._kept = {}

            def __call__(self, *args):
                if args not in self._kept:
                    self._kept[args] = self.__wrapped__(*args)
                return self._kept[args]

            def cache_clear(self):
                self._kept.clear()

        def alru_cache(maxsize=None):
            return Wrapper
        """,
}
LIBRARIES = {
    "from fastapi_cache.decorator import cache": FASTAPI_CACHE,
    "from aiocache import cached as cache": AIOCACHE,
    "from async_lru import alru_cache as cache": ASYNC_LRU,
}
MAIN = """
RATE = 2

@cache(60)
def price(n):
    return n * RATE

@cache(60)
def other():
    return object()

def unrelated():
    return 1
"""
EDITS = {
    "a name": ("RATE = 2", "RATE = 3", 9),
    "its body": ("n * RATE", "n * RATE + 1", 7),
    "its options": ("@cache(60)\ndef price", "@cache(90)\ndef price", 6),
}


def start(project: Project, imported: str) -> None:
    package = imported.split()[1].partition(".")[0]
    for name, text in LIBRARIES[imported].items():
        project.write({f"../site-packages/{package}/{name}": text})
    head = "import sys\nsys.path.insert(0, '../site-packages')\n"
    project.start({"main.py": head + imported + MAIN}, check=False)


@pytest.mark.parametrize("imported", LIBRARIES)
@pytest.mark.parametrize(("old", "new", "then"), EDITS.values(), ids=EDITS)
def test_it_is_forgotten(
    project: Project, imported: str, old: str, new: str, then: int
) -> None:
    start(project, imported)
    assert project.eval("main.price(3)") == 6
    project.edit("main.py", old, new, check=False)
    assert project.eval("main.price(3)") == then


@pytest.mark.parametrize("imported", LIBRARIES)
def test_it_stays_where_nothing_that_the_function_reads_is_edited(
    project: Project, imported: str
) -> None:
    start(project, imported)
    held = project.eval("id(main.other())")
    project.edit("main.py", "return 1", "return 2", check=False)
    assert project.eval("id(main.other())") == held
