"""What requests have computed from code and names that an edit changes is made anew."""

from __future__ import annotations

import pytest

from .harness import Project, ran, settled

CLIENT = """
    class Client:
        def __init__(self, url):
            self.url = "http://" + url

    URL = "a"
    hits = 0
    _client = None
    last = None

    def make():
        return Client(URL)

    def client():
        global _client
        if _client is None:
            _client = make()
        return _client

    def hit():
        global hits, last
        hits += 1
        last = "seen"
        return 1
    """
EDITS = {
    "a name": ('URL = "a"', 'URL = "b"'),
    "what it calls": ("Client(URL)", "Client(URL + '/')"),
    "its class": ("class Client:", "class Client:\n    size = 1\n"),
    "how the class begins": ('"http://"', '"https://"'),
    "itself": ("_client = make()", "_client = make() or 1"),
    "its parameters": ("def client():", "def client(more=1):"),
}


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_a_lazy_client_is_made_anew(project: Project, old: str, new: str) -> None:
    project.start({"main.py": CLIENT})
    settled(project, "main.client().url")
    project.edit("main.py", old, new)
    settled(project, "main.client().url")
    settled(project, "type(main.client()) is main.Client")


def test_a_lazy_client_outlives_edits_of_something_else(project: Project) -> None:
    project.start({"main.py": CLIENT})
    project.exec("held = sys.modules['main'].client(); sys.modules['main'].hit()")
    for number in range(1, 20):
        edit = (f"return {number}", f"return {number + 1}")
        project.edit("main.py", *edit, check=False)
        assert project.eval("main.client() is held")
    assert project.eval("(main.hits, main.last)") == (1, "seen")


def test_a_global_that_another_function_fills_in(project: Project) -> None:
    project.start(
        {
            "conf.py": "URL = 'a'\n",
            "clients.py": """
                import conf
                _client = None

                def connect():
                    global _client
                    _client = [conf.URL]

                def client():
                    if _client is None:
                        connect()
                    return _client
                """,
            "main.py": "from clients import client\n",
        }
    )
    assert settled(project, "main.client()") == ["a"]
    for new in "bcd":
        project.save({"conf.py": f"URL = {new!r}\n"})
        assert settled(project, "main.client()") == [new]


def test_a_failed_edit_leaves_the_client(project: Project) -> None:
    project.start({"main.py": CLIENT})
    project.exec("held = sys.modules['main'].client()")
    report = project.edit(
        "main.py", 'URL = "a"', 'URL = "b"; fail = 1 / 0', check=False
    )
    assert report.error
    assert project.eval("main.client() is held")


def test_the_old_world_has_the_old_client(project: Project) -> None:
    project.start({"main.py": CLIENT})
    project.exec("engine.begin('l'); sys.modules['main'].URL; engine.end('l')")
    project.exec("held = sys.modules['main'].client()")
    project.edit("main.py", 'URL = "a"', 'URL = "b"', check=False)
    assert project.eval("main._client") is None
    project.exec("engine.swap_back(); back = sys.modules['main']._client is held")
    project.exec("engine.swap_forward()")
    assert project.eval("(back, main._client)") == (True, None)


def test_what_a_lifespan_filled_in_is_the_lifespans(project: Project) -> None:
    """Something that it did not run may change: it goes on, and keeps the model."""
    project.start(
        {
            "main.py": """
                A = B = 1
                C = 1
                model = None

                def other():
                    return C

                def load():
                    global model
                    if model is None:
                        model = ["m", other() if A != B else A]

                """
        }
    )
    project.exec("engine.begin('l'); sys.modules['main'].load(); engine.end('l')")
    report = project.edit("main.py", "C = 1", "C = 2", check=False)
    assert report.stale == []
    assert project.eval("main.model") == ["m", 1]


# ---- caches of libraries

CACHED = """
    from cachetools import LRUCache, TTLCache, cached
    from cachetools.keys import hashkey

    RATE = 1
    cache = TTLCache(maxsize=10, ttl=600)

    def taxed(n):
        return n

    @cached(cache)
    def price(n, more=0):
        return taxed(n) * RATE + more

    @cached(LRUCache(maxsize=3), key=hashkey)
    def other(n):
        return [n]
    """
CACHE_EDITS = {
    "a name": ("RATE = 1", "RATE = 2"),
    "what it calls": ("return n\n", "return n + 1\n"),
    "itself": ("* RATE + more", "* RATE + more + 1"),
    "its parameters": ("more=0", "more=5"),
    "its key": ("@cached(cache)", "@cached(cache, key=lambda n: n % 2)"),
}


@pytest.mark.parametrize(("old", "new"), CACHE_EDITS.values(), ids=CACHE_EDITS)
def test_a_cachetools_cache_is_emptied(project: Project, old: str, new: str) -> None:
    project.start({"main.py": CACHED})
    held = "[main.price(3), sorted(main.cache.values()), main.other(1)]"
    settled(project, held)
    project.exec("held = sys.modules['main'].other(1)")
    project.edit("main.py", old, new, check=False)
    settled(project, held)
    assert project.eval("main.other(1) is held")


def test_a_cachetools_cache_that_a_statement_filled(project: Project) -> None:
    project.start({"main.py": CACHED + "shown = price(3)\n    x = 1\n"})
    report = project.edit("main.py", "RATE = 1", "RATE = 2")
    assert "main: shown = price(3)" in ran(report)
    assert project.eval("main.shown") == 6
    report = project.edit("main.py", "x = 1", "x = 2")
    assert ran(report) == ["main: x = 2"]
    settled(project, "sorted(main.cache.values())")


PARTIAL = """
    from functools import lru_cache, partial

    RATE = 1

    @lru_cache
    def price(n, more=0):
        return n * RATE + more

    cheap = partial(price, 1)
    cheaper = partial(cheap, more=-1)
    dear = partial(lru_cache(lambda n: n * RATE), 9)
    first = [cheap(), cheaper()]
    second = [cheap(), cheaper(), dear()]
    """


def test_a_cache_that_is_called_through_a_partial(project: Project) -> None:
    project.start({"main.py": PARTIAL})
    for rate in range(1, 4):
        report = project.edit("main.py", f"RATE = {rate}\n", f"RATE = {rate + 1}\n")
        assert "main: first = [cheap(), cheaper()]" in ran(report)
        settled(project, "[main.first, main.second, main.cheap(), main.dear()]")
    report = project.edit("main.py", "n * RATE + more", "n * RATE + more + 1")
    assert "main: first = [cheap(), cheaper()]" in ran(report)
    settled(project, "[main.first, main.second, main.cheap(), main.dear()]")
