"""The public API in a real server: what statements and lifespans started ends with
them."""

from __future__ import annotations

from . import apps
from .conftest import Serve

MAIN = """\
import asyncio
from contextlib import asynccontextmanager

import hmr_serve
import journal
from fastapi import FastAPI
from limits import LIMIT


class Worker:
    def __init__(self, name):
        self.name = name
        journal.note(f"start-{name}")

    def stop(self):
        journal.note(f"stop-{self.name}")


worker = Worker("one")
hmr_serve.on_dispose(worker.stop)


async def consume():
    journal.note("task")
    try:
        await asyncio.Event().wait()
    finally:
        journal.note("cancelled")


@asynccontextmanager
async def lifespan(app):
    journal.note(f"up-{LIMIT}-{hmr_serve.is_reloading()}")
    hmr_serve.on_dispose(lambda: journal.note("lifespan-over"))
    app.state.task = asyncio.create_task(consume())
    yield
    journal.note("down")


app = FastAPI(lifespan=lifespan)


@app.get("/")
def root():
    return {"worker": worker.name, "reloading": hmr_serve.is_reloading()}
"""
FILES = {
    "main.py": MAIN,
    "limits.py": "LIMIT = 1\n",
    "journal.py": apps.JOURNAL,
}


def running(journal: list[str]) -> list[str]:
    """Who was started once more than stopped, and nobody twice."""
    names: list[str] = []
    for word in journal:
        verb, _, name = word.partition("-")
        if verb == "start":
            assert name not in names, journal
            names.append(name)
        elif verb == "stop":
            names.remove(name)
    return names


def test_a_lifespan_that_restarts_leaves_nothing_running(serve: Serve) -> None:
    server = serve(FILES)
    server.until_noted("task")
    for number in range(1, 21):
        server.write("limits.py", f"LIMIT = {number + 1}\n")
        assert server.get().json == {"worker": "one", "reloading": False}
    journal = server.journal
    assert journal[:3] == ["start-one", "up-1-False", "task"]
    assert journal[3:8] == ["down", "cancelled", "lifespan-over", "up-2-True", "task"]
    assert journal.count("task") == journal.count("cancelled") + 1 == 21
    assert journal.count("start-one") == 1
    assert server.stop() == 0
    assert server.journal[-4:] == ["down", "cancelled", "lifespan-over", "stop-one"]


def test_a_statement_is_disposed_of_before_it_runs_again(serve: Serve) -> None:
    server = serve(FILES)
    server.until_noted("task")
    server.edit("main.py", 'Worker("one")', 'Worker("two")')
    assert server.get().json["worker"] == "two"
    assert server.journal[3:] == ["stop-one", "start-two"]


def test_a_failed_edit_starts_again_what_it_disposed_of(serve: Serve) -> None:
    server = serve(FILES)
    server.until_noted("task")
    two = MAIN.replace('Worker("one")', 'Worker("two")')
    server.write("main.py", f"{two}\n1 / 0\n")
    assert server.get().json["worker"] == "one"
    server.until_log("the last good version keeps answering")
    assert running(server.journal) == ["one"]
    server.write("main.py", two)
    assert server.get().json["worker"] == "two"
    assert server.journal[-2:] == ["stop-one", "start-two"]
    assert running(server.journal) == ["two"]
    assert server.log.count("not applied") == 1


def test_a_startup_that_fails_starts_again_what_the_edit_disposed_of(
    serve: Serve,
) -> None:
    server = serve(FILES)
    server.until_noted("task")
    two = MAIN.replace('Worker("one")', 'Worker("two")')
    bad = two.replace('    journal.note(f"up', '    1 / 0\n    journal.note(f"up')
    for number in range(1, 4):
        server.write("main.py", bad)
        assert server.get().json["worker"] == "one"
        server.until_log("the last good version keeps answering", number)
        assert running(server.journal) == ["one"]
        server.until_noted("task", number + 1)
        assert server.journal.count("cancelled") == number
        server.write("main.py", two if number == 3 else MAIN)
        expected = "two" if number == 3 else "one"
        assert server.get().json["worker"] == expected
        assert running(server.journal) == [expected]
    assert "stays so until one works" not in server.log
    server.write("limits.py", "LIMIT = 2\n")
    assert server.get().json["worker"] == "two"
    assert "up-2-True" in server.journal
    assert server.stop() == 0
    assert running(server.journal) == []


def test_callbacks_around_an_edit(serve: Serve) -> None:
    calls = (
        "hmr_serve.before_reload(lambda: journal.note('before'))\n"
        "hmr_serve.after_reload(lambda: journal.note(f'after-{worker.name}'))\n"
    )
    main = MAIN.replace("\n\nasync def consume", f"\n{calls}\n\nasync def consume")
    server = serve({**FILES, "main.py": main})
    server.until_noted("task")
    server.edit("main.py", 'Worker("one")', 'Worker("two")')
    assert server.get().json["worker"] == "two"
    noted = ["before", "stop-one", "start-two", "after-two"]
    assert server.journal[3:] == noted
    server.edit("main.py", "app = FastAPI", "app = (FastAPI")
    assert server.get().json["worker"] == "two"
    server.edit("main.py", "app = (FastAPI", "app = FastAPI")
    assert server.get().json["worker"] == "two"
    assert server.journal[3:] == [*noted, "before"]
