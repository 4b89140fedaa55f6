""".env files through python-dotenv and pydantic-settings, edited, gone and back, and
missing at first; after each save the server is what a new process would be."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .conftest import Serve
from .harness import Server, clean_environment

FILES = {
    "plain.py": """\
import os

from dotenv import dotenv_values, load_dotenv

load_dotenv()
NAME = os.environ.get("SHOP_NAME", "nobody")
ALL = dict(dotenv_values(".env"))
""",
    "settings.py": """\
from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", env_prefix="SHOP_", extra="ignore"
    )
    name: str = "nobody"
    currency: str = "EUR"
    limit: int = 1


settings = Settings()


@lru_cache
def get_settings():
    return Settings()
""",
    "main.py": """\
from fastapi import Depends, FastAPI

import plain
from settings import Settings, get_settings, settings

app = FastAPI(title=settings.name)
GREETING = f"hello {settings.name}"


def shown(asked=None):
    asked = asked or get_settings()
    return [plain.NAME, plain.ALL, GREETING, settings.model_dump(), asked.model_dump(),
            app.title]


@app.get("/")
async def root(asked: Settings = Depends(get_settings)):
    return shown(asked)
""",
}


def check(server: Server) -> list:
    """What it answers; a new process has to say the same."""
    answer = server.get()
    assert answer.status == 200, server.log
    code = "import json, main; print(json.dumps(main.shown()))"
    cold = subprocess.run(
        [sys.executable, "-c", code],
        cwd=server.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.json == json.loads(cold.stdout)
    return answer.json


def test_an_env_file_is_edited_goes_and_comes_back(serve: Serve) -> None:
    server = serve({**FILES, ".env": "SHOP_NAME=a0\nSHOP_LIMIT=7\n"})
    assert check(server)[:2] == ["a0", {"SHOP_NAME": "a0", "SHOP_LIMIT": "7"}]
    for number in range(20):
        server.edit(".env", f"a{number}", f"a{number + 1}")
        name, _, greeting, settings, asked, title = server.get().json
        assert {name, settings["name"], asked["name"], title} == {f"a{number + 1}"}
        assert greeting == f"hello a{number + 1}"
    server.write(".env", "SHOP_CURRENCY=CHF\n")  # a variable goes, another comes
    assert check(server)[3] == {"name": "nobody", "currency": "CHF", "limit": 1}
    server.write(".env", "SHOP_LIMIT=many\n")
    assert server.get().json[3]["currency"] == "CHF"
    server.until_log("the last good version keeps answering")
    (server.folder / ".env").unlink()
    assert check(server)[3] == {"name": "nobody", "currency": "EUR", "limit": 1}
    server.edit("main.py", "hello", "hi")  # and now it is missing
    server.write(".env", "SHOP_NAME=b\n")
    assert server.get().json[0] == "b"
    assert "restarting" not in server.log


def test_settings_that_only_requests_ask_for_follow_their_file(serve: Serve) -> None:
    settings = FILES["settings.py"].replace("settings = Settings()\n", "")
    main = """\
from fastapi import Depends, FastAPI
from settings import Settings, get_settings

app = FastAPI()


@app.get("/")
def root(asked: Settings = Depends(get_settings)):
    return asked.name
"""
    files = {"settings.py": settings, "main.py": main, ".env": "SHOP_NAME=a0\n"}
    server = serve(files)
    assert server.get().json == "a0"
    for number in range(5):
        server.edit(".env", f"a{number}", f"a{number + 1}")
        assert server.get().json == f"a{number + 1}"


@pytest.mark.parametrize("reader", ["pydantic-settings", "python-dotenv"])
def test_a_file_that_only_a_request_looked_for_appears(
    serve: Serve, reader: str
) -> None:
    settings = FILES["settings.py"].replace("settings = Settings()\n", "")
    if reader == "python-dotenv":
        settings = """\
from functools import lru_cache

import dotenv


@lru_cache
def get_settings():
    return dotenv.dotenv_values(".env").get("SHOP_NAME", "nobody")
"""
    main = """\
from fastapi import FastAPI
from settings import get_settings

app = FastAPI()


@app.get("/")
def root():
    return getattr(get_settings(), "name", get_settings())
"""
    server = serve({"settings.py": settings, "main.py": main})
    assert server.get().json == "nobody"
    for number in range(3):
        server.write(".env", f"SHOP_NAME=a{number}\n")
        assert server.get().json == f"a{number}"
        (server.folder / ".env").unlink()
        assert server.get().json == "nobody"
    assert "restarting" not in server.log
