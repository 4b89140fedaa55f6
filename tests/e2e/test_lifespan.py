"""The lifespan: kept while what it read stays, restarted exactly once when it does
not."""

from __future__ import annotations

import pytest

from . import apps
from .conftest import Serve
from .harness import Server


def test_startup_runs_before_the_first_request_and_shutdown_at_the_end(
    shop: Server,
) -> None:
    assert shop.journal == ["load", "startup"]
    assert shop.get("/items/pool").json == {"pool": "open"}
    assert shop.stop() == 0
    assert shop.journal == ["load", "startup", "shutdown"]
    assert "Application shutdown complete." in shop.log


def test_a_handler_edit_keeps_the_lifespan(shop: Server) -> None:
    shop.edit("routes/items.py", '"version": 1', '"version": 2')
    assert shop.get("/items/7").json["version"] == 2
    assert shop.journal == ["load", "startup"]


def test_a_new_app_object_keeps_the_lifespan_and_the_state_object(shop: Server) -> None:
    for hits in (1, 2, 3):
        assert shop.get().json["hits"] == hits
    before = shop.get("/state").json
    shop.edit("main.py", "app.include_router(items.router)", (
        "app.include_router(items.router, prefix='/v2')"
    ))  # fmt: skip
    assert shop.get("/v2/items/7").status == 200
    assert shop.get("/items/7").status == 404
    assert shop.get("/state").json == before
    assert shop.get().json["hits"] == 4
    assert shop.get("/v2/items/pool").json == {"pool": "open"}
    assert shop.journal == ["load", "startup"]
    [line] = shop.reloads(1)
    assert "lifespan" in line.kept


def test_an_edited_lifespan_is_restarted_once(shop: Server) -> None:
    shop.edit("main.py", '{"pool": "open"}', '{"pool": "wide open"}')
    assert shop.get("/items/pool").json == {"pool": "wide open"}
    assert shop.journal == ["load", "startup", "shutdown", "startup"]
    [line] = shop.reloads(1)
    assert line.restarted == ["lifespan"]
    assert shop.stop() == 0
    assert shop.journal == ["load", "startup", "shutdown", "startup", "shutdown"]


def test_the_old_shutdown_runs_in_the_old_world(serve: Serve) -> None:
    files = {
        **apps.slow_app(),
        "main.py": apps.slow_app()["main.py"]
        .replace('note("startup")', "note(word())")
        .replace('note("shutdown")', "note(word())"),
    }
    server = serve(files)
    server.edit("words.py", "old", "new")
    assert server.get().text == "new new"
    assert server.journal == ["old", "old", "new"]


def test_a_shutdown_closes_what_its_startup_has_put_into_a_module(
    serve: Serve,
) -> None:
    files = {
        "journal.py": apps.JOURNAL,
        "words.py": "WORD = 'old'\n",
        "pools.py": "pool = None\n",
        "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal
import pools
import words


@asynccontextmanager
async def lifespan(app):
    pools.pool = [words.WORD]
    yield
    if pools.pool is not None:
        journal.note(pools.pool[0])


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root():
    return pools.pool
""",
    }
    server = serve(files)
    for before, after in (("old", "new"), ("new", "newer")):
        server.edit("words.py", before, after)
        assert server.get().json == [after]
    assert server.stop() == 0
    assert server.journal == ["old", "new", "newer"]


def test_a_failing_startup_gives_the_edit_up_and_starts_the_old_one(
    shop: Server,
) -> None:
    shop.edit("main.py", 'journal.note("startup")', "1 / 0")
    assert shop.get("/items/7").json["version"] == 1
    assert shop.get("/items/pool").json == {"pool": "open"}
    log = shop.until_log("the last good version keeps answering")
    assert log.count("ZeroDivisionError") == 1
    assert shop.journal == ["load", "startup", "shutdown", "startup"]
    shop.edit("main.py", "1 / 0", 'journal.note("mended")')
    assert shop.get("/items/7").status == 200
    assert shop.journal[-2:] == ["shutdown", "mended"]
    assert shop.journal.count("load") == 1


def test_a_failing_first_startup_answers_503_until_it_is_mended(serve: Serve) -> None:
    main = apps.SHOP["main.py"].replace('journal.note("startup")', "1 / 0")
    server = serve({**apps.SHOP, "main.py": main})
    answer = server.get()
    assert answer.status == 503
    assert "ZeroDivisionError" in answer.text
    assert server.log.count("ZeroDivisionError") == 1
    server.edit("main.py", "1 / 0", 'journal.note("startup")')
    assert server.get("/items/7").status == 200
    assert server.journal == ["load", "startup"]


def test_a_failing_startup_without_reload_is_exit_code_3(make_server) -> None:
    main = apps.SHOP["main.py"].replace('journal.note("startup")', "1 / 0")
    server = make_server({**apps.SHOP, "main.py": main})
    server.start("--no-reload", wait=False)
    assert server.wait() == 3
    assert "ZeroDivisionError" in server.log
    assert "Application startup failed. Exiting." in server.log


def test_an_application_without_lifespan_is_served(plain: Server) -> None:
    assert "ASGI 'lifespan' protocol appears unsupported." in plain.log
    assert plain.get().status == 200


def test_lifespan_on_takes_an_exception_for_a_failure(make_server) -> None:
    server = make_server(apps.PLAIN)
    server.start("--lifespan", "on", "--no-reload", wait=False)
    assert server.wait() == 3
    assert "NotImplementedError: lifespan" in server.log


def test_lifespan_off_does_not_start_it(serve: Serve) -> None:
    server = serve(apps.SHOP, "--lifespan", "off")
    assert server.get("/items/7").status == 200
    assert server.stop() == 0
    assert server.journal == ["load"]


@pytest.mark.parametrize("routes_first", [True, False])
def test_routes_that_a_startup_adds_are_on_the_new_app(
    serve: Serve, routes_first: bool
) -> None:
    main = apps.SHOP["main.py"].replace(
        "    app.state.started = True\n",
        "    app.add_api_route('/added', lambda: 1)\n    app.state.started = True\n",
    )
    server = serve({**apps.SHOP, "main.py": main})
    assert server.get("/added").json == 1
    if routes_first:
        server.edit("main.py", "app.include_router(predict.router)\n", "")
    else:
        server.edit("settings.py", '"hello"', '"salut"')
    assert server.get("/added").json == 1
    assert server.get().json["hits"] == 1
