"""Files that requests read into caches and globals: what was made of them is made anew
when they change."""

from __future__ import annotations

import pytest

from .harness import Project, ran, settled

CACHED = """\
import functools

def read():
    with open("settings.txt") as file:
        return file.read()

@functools.lru_cache
def get_settings():
    return [read()]

def get_other():
    return read()
"""
LAZY = """\
_settings = None

def read():
    with open("settings.txt") as file:
        return file.read()

def get_settings():
    global _settings
    if _settings is None:
        _settings = [read()]
    return _settings
"""


@pytest.mark.parametrize("text", [CACHED, LAZY], ids=["a cache", "a global"])
def test_settings_read_by_a_request_follow_their_file(
    project: Project, text: str
) -> None:
    project.start({"main.py": text, "settings.txt": "one"})
    assert settled(project, "main.get_settings()") == ["one"]
    assert project.eval(
        "[p for p in engine.watched()[0] if p.endswith('settings.txt')]"
    )
    report = project.save({"settings.txt": "two"})
    assert report.files == ["settings.txt"]
    assert report.reran == []
    assert settled(project, "main.get_settings()") == ["two"]
    project.edit("main.py", "[read()]", "[read(), 1]")
    assert settled(project, "main.get_settings()") == ["two", 1]
    project.save({"settings.txt": "three"})
    assert settled(project, "main.get_settings()") == ["three", 1]


def test_the_server_is_told_of_a_file_once(project: Project) -> None:
    project.start({"main.py": CACHED, "settings.txt": "one"})
    project.exec("told = []\nengine.on_watched(lambda: told.append(1))")
    before = project.eval("engine.generation()")
    project.eval("main.get_other()")
    assert project.eval("told") == []
    project.eval("(main.get_settings(), main.get_settings())")
    project.eval("(main.get_settings.cache_clear(), main.get_settings())")
    assert project.eval("told") == [1]
    assert project.eval("engine.generation()") != before


CONFIG = """\
from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_prefix="T_")
    path: str = "p"
    size: int = 10

@lru_cache
def get_settings() -> Settings:
    return Settings()
"""
USERS = """\
from config import get_settings

model = [get_settings().path]

def size():
    return get_settings().size
"""


def test_settings_that_a_statement_was_the_first_to_read(project: Project) -> None:
    """What requests get of the cache follows the file, and the statement runs only for
    what it uses."""
    project.start({"config.py": CONFIG, "main.py": USERS, ".env": "T_SIZE=5\n"})
    assert settled(project, "main.size()") == 5
    for size in (1, 2):
        report = project.save({".env": f"T_SIZE={size}\n"})
        assert (report.files, report.reran) == ([".env"], [])
        assert settled(project, "main.size()") == size
    report = project.save({".env": "T_SIZE=2\nT_PATH=q\n"})
    assert ran(report) == ["main: model = [get_settings().path]"]
    report = project.delete(".env")
    assert ran(report) == ["main: model = [get_settings().path]"]
    assert settled(project, "main.size()") == 10
    project.save({".env": "T_SIZE=3\n"})
    assert settled(project, "main.size()") == 3


def test_a_list_that_a_statement_was_the_first_to_read(project: Project) -> None:
    text = CACHED + "\nfirst = get_settings()[0]\nsecond = len(get_settings())\n"
    project.start({"main.py": text, "settings.txt": "one"})
    report = project.save({"settings.txt": "two"})
    assert len(report.reran) == 2
    assert settled(project, "main.get_settings()") == ["two"]


def test_a_new_setting_leaves_who_does_not_use_it(project: Project) -> None:
    """Though the cached function is another one: its annotation names the class."""
    project.start({"config.py": CONFIG, "main.py": USERS, ".env": "T_SIZE=5\n"})
    model = "main: model = [get_settings().path]"
    for number in (11, 12):
        report = project.edit("config.py", f"= {number - 1}", f"= {number}")
        assert model not in ran(report)
        assert settled(project, "main.size()") == 5
    report = project.edit("config.py", "= 12", "= 12\n    other: int = 1")
    assert model not in ran(report)
    report = project.edit("config.py", '"p"', '"q"')
    assert model in ran(report)
    report = project.edit("config.py", "= 12", "= 1 / 0", check=False)
    assert report.error
    report = project.edit("config.py", "= 1 / 0", "= 13")
    assert model not in ran(report)
    report = project.save({".env": "T_PATH=r\n"})
    assert ran(report) == [model]
    assert settled(project, "main.size()") == 13
