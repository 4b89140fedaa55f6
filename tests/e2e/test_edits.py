"""Edits: the very next request, sent once and at once, is answered by the new code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from . import apps
from .conftest import Serve
from .harness import Server


def test_the_first_get_is_answered(plain: Server) -> None:
    answer = plain.get()
    assert (answer.status, answer.text) == (200, "hello 1")


def test_an_edited_function_answers_the_next_request(plain: Server) -> None:
    plain.edit("words.py", "hello", "salut")
    assert plain.get().text == "salut 1"
    [line] = plain.reloads(1)
    assert (line.files, line.what) == (["words.py"], "patched greet")


def test_an_edited_handler_is_patched_and_nothing_reruns(shop: Server) -> None:
    shop.edit("routes/items.py", '"version": 1', '"version": 2')
    assert shop.get("/items/7").json == {"item": 7, "version": 2}
    [line] = shop.reloads(1)
    assert (line.files, line.what) == (["routes/items.py"], "patched read_item")


def test_an_edited_threaded_handler_answers_the_next_request(shop: Server) -> None:
    assert shop.get("/items/7/sync").json == {"item": 7, "thread": 1}
    shop.edit("routes/items.py", '"thread": 1', '"thread": 2')
    assert shop.get("/items/7/sync").json == {"item": 7, "thread": 2}


def test_a_constant_reaches_the_modules_that_imported_it(shop: Server) -> None:
    assert shop.get("/items/").json == {"limit": 10, "max": 10}
    shop.edit("settings.py", "LIMIT = 10", "LIMIT = 20")
    assert shop.get("/items/").json == {"limit": 20, "max": 20}
    [line] = shop.reloads(1)
    assert line.files == ["settings.py"]
    assert line.what.startswith("reran ")
    assert "lifespan" in line.kept


def test_a_constant_used_at_request_time_reaches_the_next_request(shop: Server) -> None:
    shop.edit("settings.py", '"hello"', '"salut"')
    assert shop.get().json["greeting"] == "salut"


def test_a_new_route_is_there_and_a_removed_one_is_gone(shop: Server) -> None:
    assert shop.get("/items/7/new").status == 404
    old = shop.read("routes/items.py")
    shop.write(
        "routes/items.py",
        old + '\n\n@router.get("/{item_id}/new")\nasync def new(item_id: int):\n'
        "    return item_id\n",
    )
    assert shop.get("/items/7/new").json == 7
    shop.write("routes/items.py", old)
    assert shop.get("/items/7/new").status == 404


def test_a_new_route_shows_in_the_openapi_document(shop: Server) -> None:
    assert "/extra" not in shop.get("/openapi.json").json["paths"]
    text = shop.read("main.py") + '\n\n@app.get("/extra")\ndef extra():\n    return 1\n'
    shop.write("main.py", text)
    assert "/extra" in shop.get("/openapi.json").json["paths"]
    assert shop.get("/extra").json == 1


def test_a_comment_leaves_the_openapi_document_that_was_made(serve: Serve) -> None:
    """Of a large application it takes seconds."""
    text = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/made")
def made():
    return app.openapi_schema is not None
"""
    server = serve({"main.py": text})
    server.get("/openapi.json")
    server.write("main.py", "# a comment\n" + text)
    assert server.get("/made").json is True
    server.edit("main.py", "not None", "not None and 1")
    assert server.get("/made").json is False


def test_a_changed_signature_is_validated_anew(shop: Server) -> None:
    assert shop.get("/items/abc").status == 422
    shop.edit(
        "routes/items.py", "async def read_item(item_id: int)", "async def read_item("
        "item_id: str, q: int = 5)"
    )  # fmt: skip
    shop.edit("routes/items.py", '"version": 1', '"q": q')
    assert shop.get("/items/abc?q=8").json == {"item": "abc", "q": 8}
    assert shop.get("/items/abc?q=x").status == 422


def test_fifty_edits_beside_a_model_never_load_it_again(shop: Server) -> None:
    assert shop.get("/predict?x=2").json == {"y": 4}
    for number in range(50):
        before = "x * model.weight" if number == 0 else f"{number - 1} + model.weight"
        shop.edit("routes/predict.py", before, f"{number} + model.weight")
        assert shop.get("/predict?x=2").json == {"y": number + 2}
    assert len(shop.reloads(50)) == 50
    assert shop.journal == ["load", "startup"]


def test_a_new_route_beside_a_model_never_loads_it_again(shop: Server) -> None:
    shop.edit(
        "routes/predict.py",
        'return {"y": x * model.weight}',
        'return {"y": x}\n\n\n@router.get("/weight")\nasync def weight():\n'
        "    return model.weight",
    )
    assert shop.get("/weight").json == 2
    assert shop.journal == ["load", "startup"]


def test_an_atomic_save_is_one_update(plain: Server) -> None:
    plain.replace("words.py", plain.read("words.py").replace("hello", "salut"))
    assert plain.get().text == "salut 1"
    assert [line.files for line in plain.reloads(1)] == [["words.py"]]


def test_sed_and_mv_are_saves(plain: Server) -> None:
    subprocess.run(["sed", "-i", "s/hello/salut/", "words.py"], cwd=plain.folder)
    assert plain.get().text == "salut 1"
    plain.write("other.txt", plain.read("words.py").replace("salut", "ciao"))
    os.replace(plain.folder / "other.txt", plain.folder / "words.py")
    assert plain.get().text == "ciao 1"


def test_two_files_saved_in_a_burst_are_both_applied(plain: Server) -> None:
    for number in range(2, 12):
        plain.write("limits.py", f"LIMIT = {number}\n")
        plain.write("words.py", f'def greet():\n    return "word{number}"\n')
        assert plain.get().text == f"word{number} {number}"


def test_a_checkout_of_many_files_is_seen_whole(serve: Serve) -> None:
    names = [f"part{number}" for number in range(40)]
    body = " + ".join(f"{name}.VALUE" for name in names)
    files = {f"{name}.py": "VALUE = 1\n" for name in names}
    files["words.py"] = "\n".join(f"import {name}" for name in names)
    files["words.py"] += f"\n\n\ndef greet():\n    return {body}\n"
    server = serve({**apps.PLAIN, **files})
    assert server.get().text == "40 1"
    script = "for i in range(40): open(f'part{i}.py', 'w').write('VALUE = 2\\n')"
    subprocess.run([sys.executable, "-c", script], cwd=server.folder, check=True)
    assert server.get().text == "80 1"
    server.until_log('"GET / HTTP/1.1" 200 OK', 2)
    assert server.log.count("reloaded  ") < 10


def test_a_module_that_appears_is_imported(plain: Server) -> None:
    plain.write("extra.py", "WORD = 'extra'\n")
    plain.write(
        "words.py", "from extra import WORD\n\n\ndef greet():\n    return WORD\n"
    )
    assert plain.get().text == "extra 1"
    plain.write("extra.py", "WORD = 'more'\n")
    assert plain.get().text == "more 1"


def test_a_folder_that_is_moved_away_and_back_is_still_watched(shop: Server) -> None:
    for number in (2, 3):
        os.rename(shop.folder / "routes", shop.folder / "away")
        assert shop.get("/items/7").json["version"] == number - 1
        os.rename(shop.folder / "away", shop.folder / "routes")
        assert shop.get("/items/7").json["version"] == number - 1
        shop.edit("routes/items.py", f'"version": {number - 1}', f'"version": {number}')
        assert shop.get("/items/7").json["version"] == number
    assert shop.journal == ["load", "startup"]


def test_a_folder_that_is_made_anew_is_still_watched(shop: Server) -> None:
    for number in (2, 3):
        texts = {
            n: shop.read(f"routes/{n}.py") for n in ("__init__", "items", "predict")
        }
        shutil.rmtree(shop.folder / "routes")
        assert shop.get("/items/7").json["version"] == number - 1
        for name, text in texts.items():
            shop.write(f"routes/{name}.py", text)
        shop.edit("routes/items.py", f'"version": {number - 1}', f'"version": {number}')
        assert shop.get("/items/7").json["version"] == number


def test_a_touched_file_reruns_nothing(plain: Server) -> None:
    os.utime(plain.folder / "words.py")
    plain.write("words.py", plain.read("words.py"))
    assert plain.get().text == "hello 1"
    plain.edit("words.py", "hello", "salut")
    assert plain.get().text == "salut 1"
    assert [line.what for line in plain.reloads(2)] == [
        "nothing reran",
        "patched greet",
    ]
    assert plain.journal == ["main"]


def test_a_comment_reruns_nothing(plain: Server) -> None:
    plain.write("main.py", "# A comment.\n\n" + plain.read("main.py"))
    assert plain.get().text == "hello 1"
    [line] = plain.reloads(1)
    assert line.what == "nothing reran"
    assert plain.journal == ["main"]


def test_a_file_that_nothing_read_is_no_change(plain: Server) -> None:
    for number in range(20):
        plain.write("server.log", "line\n" * number)
    plain.write("unrelated.py", "syntax error here")
    plain.edit("words.py", "hello", "salut")
    assert plain.get().text == "salut 1"
    assert [line.files for line in plain.reloads(1)] == [["words.py"]]


def test_explain_gives_a_reason_for_each_statement(serve: Serve) -> None:
    server = serve(apps.PLAIN, "--explain")
    server.write("limits.py", "LIMIT = 2\n")
    assert server.get().text == "hello 2"
    server.reloads(1)
    log = server.until_log("  main:2  ")
    lines = [line.split("  ") for line in log.splitlines() if line.startswith("    ")]
    assert [line[2:4] for line in lines] == [
        ["limits:1", "LIMIT"],
        ["main:2", "LIMIT"],
    ] or ([line[2] for line in lines] == ["limits:1", "main:2"])
    assert lines[0][4] == "changed"
    assert "limits.LIMIT" in lines[1][4]


def test_a_slow_statement_is_named_with_its_cost_and_the_chain_of_reasons(
    serve: Serve,
) -> None:
    predict = (
        "import time\n\nfrom limits import LIMIT\n\n\ndef load(limit):\n"
        "    time.sleep(0.6)\n    return limit + 0\n\n\nmodel = load(LIMIT)\n"
    )
    main = apps.PLAIN["main.py"].replace("{LIMIT}", "{model}")
    main = main.replace("from limits import LIMIT", "from predict import model")
    server = serve({**apps.PLAIN, "main.py": main, "predict.py": predict})
    server.edit("limits.py", "1", "2")
    assert server.get().text == "hello 2"
    server.edit("predict.py", "+ 0", "+ 1")
    assert server.get().text == "hello 3"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 3"
    server.reloads(3)
    lines = [line for line in server.log.splitlines() if line.startswith("slow  ")]
    fields = [re.split("  +", line) for line in lines]
    for slow in fields:
        assert slow[1:3] == ["predict:11", "model"]
        assert re.fullmatch(r"6\d\d ms|[1-9]\.\d\d s", slow[3])
    assert [slow[4:] for slow in fields] == [
        [
            "reads predict.LIMIT, changed; predict:3",
            "from limits import LIMIT",
            "reads limits.LIMIT, changed; limits:1",
            "LIMIT",
            "changed",
        ],
        ["called load, changed; predict:load", "only its body changed"],
    ]


# A library that counts its models: how many there are, and were at once.
MODELS = """\
import time

living = most = 0


class Model:
    def __init__(self, name):
        global living, most
        living += 1
        most = max(most, living)
        self.name, self.weights = name, b"w" * (80 << 20)
        time.sleep(0.5)
        if not name:
            raise ValueError("a model needs a name")

    def __del__(self):
        global living
        living -= 1
"""


@pytest.mark.parametrize("release", [True, False])
def test_a_large_model_is_not_in_memory_twice(serve: Serve, release: bool) -> None:
    main = apps.PLAIN["main.py"].replace(
        "{greet()} {LIMIT}", "{model.name} {models.living} {models.most}"
    )
    files = {
        **apps.PLAIN,
        "main.py": f"import models\nfrom predict import model\n{main}",
        "predict.py": "import models\n\nmodel = models.Model('one')\n",
        "libraries/site-packages/models.py": MODELS,
    }
    options = [] if release else ["--no-release-first"]
    environ = {"PYTHONPATH": "libraries/site-packages"}
    server = serve(files, *options, env=environ)
    assert server.get().text == "one 1 1"
    server.edit("predict.py", "'one'", "'two'")
    assert server.get().text == f"two 1 {1 if release else 2}"
    log = server.until_log("slow  ")
    assert ("its old value was released first" in log) == release
    if release:
        server.edit("predict.py", "'two'", "''")
        assert server.get().text == "two 1 1"
        server.until_log("the last good version keeps answering")


@pytest.mark.parametrize("loop", ["auto", "asyncio"])
def test_asyncio_run_works_at_import_and_in_an_update(serve: Serve, loop: str) -> None:
    text = "import asyncio\n\n\nasync def load():\n    await asyncio.sleep(0)\n"
    text += "    return 1\n\n\nLIMIT = asyncio.run(load())\n"
    server = serve({**apps.PLAIN, "limits.py": text}, "--loop", loop)
    assert server.get().text == "hello 1"
    server.edit("limits.py", "return 1", "return 2")
    assert server.get().text == "hello 2"
    server.edit("limits.py", "return 2", "return asyncio.get_running_loop().time() > 0")
    assert server.get().text == "hello True"


def test_no_reload_applies_nothing(serve: Serve) -> None:
    server = serve(apps.PLAIN, "--no-reload")
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "hello 1"
    assert "reloaded" not in server.log


PROPERTY = """\
from words import greet


class App:
    @property
    def openapi_schema(self):
        return {"openapi": "3.1.0"}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": greet().encode()})


app = App()
"""


def test_another_framework_may_call_its_schema_as_fastapi_does(serve: Serve) -> None:
    server = serve({"main.py": PROPERTY, "words.py": apps.PLAIN["words.py"]})
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut"
    assert [reload.files for reload in server.reloads(1)] == [["words.py"]]
    assert "ERROR" not in server.log
