"""examples/fastapi, served and edited as its README says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .harness import Server

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "fastapi"


@pytest.fixture
def example(make_server) -> Server:
    server = make_server({})
    shutil.copytree(
        EXAMPLE,
        server.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return server.start(env={"EXAMPLE_LOAD_SECONDS": "0.5"})


def loaded_at(server: Server) -> float:
    return server.get("/sentiment/model").json["loaded_at"]


def test_the_pages_answer(example: Server) -> None:
    assert "The little shop" in example.get("/").text
    assert example.get("/items/").json[0]["name"] == "apple"
    assert example.get("/users/ada").json["name"] == "Ada"
    assert example.get("/sentiment?text=a+great+day").json["mood"] == "happy"
    assert example.get("/docs").status == 200
    created = example.client().request(
        "POST", "/items/", b'{"name": "dates", "price": 3}',
        {"content-type": "application/json"},
    )  # fmt: skip
    assert (created.status, created.json["id"]) == (201, 4)


def test_a_handler_in_a_router(example: Server) -> None:
    loaded = loaded_at(example)
    example.edit(
        "routes/items.py",
        "-> Item:\n    return item\n",
        "-> Item:\n    return item.model_copy(update={'name': 'edited'})\n",
    )
    assert example.get("/items/1").json["name"] == "edited"
    [line] = example.reloads(1)
    assert line.what == "patched read_item"
    assert loaded_at(example) == loaded


def test_the_env_file(example: Server) -> None:
    loaded = loaded_at(example)
    assert example.get("/items/2/price").json == {"price": "2.50 EUR"}
    example.edit(".env", "SHOP_CURRENCY=EUR", "SHOP_CURRENCY=CHF")
    assert example.get("/items/2/price").json == {"price": "2.50 CHF"}
    assert loaded_at(example) == loaded


def test_the_title_in_the_env_file_makes_a_new_app(example: Server) -> None:
    loaded = loaded_at(example)
    assert "Visit number 1" in example.get("/").text
    example.edit(".env", "The little shop", "The big shop")
    page = example.get("/").text
    assert "The big shop" in page
    assert "Visit number 2" in page
    assert example.get("/openapi.json").json["info"]["title"] == "The big shop"
    assert loaded_at(example) == loaded


def test_a_handler_in_the_file_of_the_model(example: Server) -> None:
    loaded = loaded_at(example)
    example.edit("model.py", '"happy"', '"very happy"')
    assert example.get("/sentiment?text=good").json["mood"] == "very happy"
    assert loaded_at(example) == loaded


def test_a_route_in_the_entry_file(example: Server) -> None:
    loaded = loaded_at(example)
    text = (
        example.read("main.py")
        + '\n\n@app.get("/new")\ndef new() -> int:\n    return 1\n'
    )
    example.write("main.py", text)
    assert example.get("/new").json == 1
    assert loaded_at(example) == loaded


def test_a_changed_route_in_the_file_of_the_model(example: Server) -> None:
    loaded = loaded_at(example)
    example.edit("model.py", '"/sentiment/model"', '"/sentiment/about"')
    assert example.get("/sentiment/about").json["loaded_at"] == loaded
    [line] = example.reloads(1)
    assert line.files == ["model.py"]
    assert line.what.startswith("reran ")
    assert set(line.kept) >= {"model", "lifespan"}


def test_the_template(example: Server) -> None:
    loaded = loaded_at(example)
    example.edit("templates/home.html", "Visit number", "Visit no.")
    assert "Visit no. 1" in example.get("/").text
    assert loaded_at(example) == loaded
