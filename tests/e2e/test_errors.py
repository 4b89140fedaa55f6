"""Broken code: the last good version answers, or 503 where there never was one."""

from __future__ import annotations

import pytest

from . import apps
from .conftest import Serve
from .harness import Server

BROKEN = {
    "syntax": ("def greet(:\n", "SyntaxError"),
    "exception": ("WORD = 1 / 0\n", "ZeroDivisionError"),
    "missing module": ("import no_such_module\n", "No module named 'no_such_module'"),
    "missing name": ("from limits import NOTHING\n", "cannot import name 'NOTHING'"),
    "exit": ("import sys\n\nsys.exit('no')\n", "SystemExit: no"),
}
GOOD = 'def greet():\n    return "mended"\n'


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_save_keeps_the_last_good_version(plain: Server, kind: str) -> None:
    text, message = BROKEN[kind]
    plain.write("words.py", text)
    for _ in range(3):
        assert plain.get().text == "hello 1"
    plain.until_log("the last good version keeps answering")
    assert plain.log.count(message) == 1
    assert plain.log.count("words.py") >= 1
    plain.write("words.py", GOOD)
    assert plain.get().text == "mended 1"
    assert len(plain.reloads(1)) == 1
    assert plain.journal == ["main"]


def test_a_broken_save_changes_nothing_of_the_other_files(plain: Server) -> None:
    """Both files of a save that fails are applied by the save that mends it."""
    plain.write("main.py", plain.read("main.py").replace("greet()", "greet().upper()"))
    assert plain.get().text == "HELLO 1"
    plain.write("limits.py", "LIMIT = 1 / 0\n")
    assert plain.get().text == "HELLO 1"
    plain.write("limits.py", "LIMIT = 5\n")
    assert plain.get().text == "HELLO 5"


def test_the_same_error_is_shown_once(plain: Server) -> None:
    plain.write("words.py", "WORD = 1 / 0\n")
    plain.until_log("the last good version keeps answering")
    plain.write("words.py", "WORD = 1 / 0  # again\n\n\n")
    plain.until_log("keeps answering", 2)
    assert plain.log.count("Traceback") <= 2


def test_the_traceback_shows_the_users_frames_only(plain: Server) -> None:
    plain.write("words.py", "def boom():\n    return 1 / 0\n\n\nboom()\n")
    log = plain.until_log("the last good version keeps answering")
    assert "words.py" in log
    assert "hmr_serve/" not in log
    assert "importlib" not in log


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_start_answers_503_until_it_is_mended(serve: Serve, kind: str) -> None:
    text, message = BROKEN[kind]
    server = serve({**apps.PLAIN, "words.py": text})
    answer = server.get()
    assert answer.status == 503
    assert message in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    page = server.get(Accept="text/html,*/*")
    assert page.status == 503
    assert page.text.startswith("<!doctype html>")
    assert page.headers["content-type"].startswith("text/html")
    assert server.log.count(message) == 1
    server.write("words.py", GOOD)
    answer = server.get()
    assert (answer.status, answer.text) == (200, "mended 1")


def test_a_broken_entry_module_answers_503_until_it_is_mended(serve: Serve) -> None:
    server = serve({**apps.PLAIN, "main.py": "import words\nthis is no Python\n"})
    assert server.get().status == 503
    server.write("main.py", "import words\nx = 1 / 0\n")
    answer = server.get()
    assert answer.status == 503
    assert "ZeroDivisionError" in answer.text
    server.write("main.py", apps.PLAIN["main.py"])
    assert server.get().text == "hello 1"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"


def test_a_broken_start_without_reload_is_an_exit(make_server) -> None:
    server = make_server({**apps.PLAIN, "words.py": "1 / 0\n"})
    server.start("--no-reload", wait=False)
    assert server.wait() == 1
    assert "ZeroDivisionError" in server.log


def test_a_handler_that_raises_is_a_500_with_its_traceback_in_the_log(
    shop: Server,
) -> None:
    shop.edit("routes/items.py", '"version": 1', '"version": 1 / 0')
    assert shop.get("/items/7").status == 500
    log = shop.until_log("ZeroDivisionError")
    assert 'routes/items.py", line' in log
    assert shop.get("/items/").status == 200


def test_a_renamed_application_is_an_error_with_a_hint(plain: Server) -> None:
    plain.write("main.py", plain.read("main.py").replace("def app(", "def server("))
    assert plain.get().text == "hello 1"
    plain.until_log("module main has no attribute app")
    plain.write("main.py", apps.PLAIN["main.py"].replace("greet()", "greet() * 2"))
    assert plain.get().text == "hellohello 1"
