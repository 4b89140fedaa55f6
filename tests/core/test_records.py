"""Records that a functools cache gives are compared by the fields that were used."""

from __future__ import annotations

import pytest

from .harness import Project, ran, reasons

HEADS = {
    "dataclass": (
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\n"
        "class Settings:\n"
        "    path: str\n    title: str\n"
    ),
    "dataclass with slots": (
        "from dataclasses import dataclass\n\n@dataclass(slots=True)\nclass Settings:\n"
        "    path: str\n    title: str\n"
    ),
    "pydantic": (
        "from pydantic import BaseModel\n\nclass Settings(BaseModel):\n"
        "    path: str\n    title: str\n"
    ),
    "named tuple": (
        "from typing import NamedTuple\n\nclass Settings(NamedTuple):\n"
        "    path: str\n    title: str\n"
    ),
}
REST = """
PATH = "m.bin"
TITLE = "a"

@lru_cache
def get_settings():
    return Settings(path=PATH, title=TITLE)
"""
MAIN = """
    from settings import get_settings

    def load():
        return [get_settings().path]

    model = load()
    title = get_settings().title
    other = [1]

    def get_title():
        return get_settings().title
    """
MODEL = "main: model = load()"
TITLE = "main: title = get_settings().title"


def settings(kind: str = "dataclass") -> str:
    return "from functools import lru_cache\n" + HEADS[kind] + REST


@pytest.mark.parametrize("kind", HEADS)
def test_who_used_another_field_stays(project: Project, kind: str) -> None:
    project.start({"settings.py": settings(kind), "main.py": MAIN})
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert ran(report) == ["settings: TITLE = 'b'", TITLE]
    assert reasons(report)[TITLE] == "reads title of a cached record, changed"
    assert project.eval("main.title") == "b"
    report = project.edit("settings.py", 'PATH = "m.bin"', 'PATH = "n.bin"')
    assert ran(report) == ["settings: PATH = 'n.bin'", MODEL]
    report = project.edit("settings.py", 'PATH = "n.bin"', 'PATH = "n" + ".bin"')
    assert ran(report) == ["settings: PATH = 'n' + '.bin'"]


def test_the_function_that_makes_the_record_is_edited(project: Project) -> None:
    project.start({"settings.py": settings(), "main.py": MAIN})
    report = project.edit("settings.py", "title=TITLE", "title=TITLE + '!'")
    assert (report.patched, ran(report)) == (["settings:get_settings"], [TITLE])
    assert project.eval("main.get_title()") == "a!"


def test_a_field_is_added(project: Project) -> None:
    project.start({"settings.py": settings(), "main.py": MAIN})
    report = project.edit("settings.py", "title: str", "title: str\n    n: int = 0")
    assert MODEL not in ran(report)
    assert TITLE not in ran(report)


WHOLE = {
    "handed to a function": "shown = str(get_settings())",
    "kept": "shown = [get_settings()]",
    "bound": "current = get_settings(); shown = [current.path]",
    "a method": "shown = get_settings().path + get_settings().describe()",
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_who_has_the_whole_record_runs(project: Project, text: str) -> None:
    head = HEADS["dataclass"] + "\n    def describe(self):\n        return self.title\n"
    source = "from functools import lru_cache\n" + head + REST
    main = (
        f"from settings import get_settings\n\ndef f():\n    {text}\n    return shown\n"
    )
    main += "\nvalue = f()\n\ndef get_value():\n    return str(value)\n"
    project.start({"settings.py": source, "main.py": main})
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert "main: value = f()" in ran(report)


def test_a_mutable_field_counts_as_the_whole(project: Project) -> None:
    source = (
        settings()
        .replace("path: str", "path: list")
        .replace("path=PATH", "path=[TITLE]")
    )
    project.start({"settings.py": source, "main.py": MAIN})
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert MODEL in ran(report)
    assert project.eval("main.model") == [["b"]]


def test_records_by_two_ways_at_once(project: Project) -> None:
    main = """
        from settings import get_settings

        def show(settings):
            return [settings.title]

        def both():
            return [get_settings().path, show(get_settings())]

        value = both()
        """
    project.start({"settings.py": settings(), "main.py": main})
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert "main: value = both()" in ran(report)


def test_an_edit_that_fails_leaves_the_old_record(project: Project) -> None:
    project.start({"settings.py": settings(), "main.py": MAIN})
    report = project.edit("settings.py", 'TITLE = "a"', "TITLE = 1 / 0")
    assert report.error
    assert project.eval("main.get_title()") == "a"
    project.edit("settings.py", "TITLE = 1 / 0", 'TITLE = "b"')
    project.save({"main.py": project.read("main.py") + "\nlast = 1 / 0\n"})
    both = project.read("settings.py").replace('"b"', '"c"')
    report = project.save({"settings.py": both})
    assert report.error
    assert project.eval("main.get_title()") == "b"


def test_a_new_reader_in_the_same_edit(project: Project) -> None:
    project.start({"settings.py": settings(), "main.py": MAIN})
    project.save(
        {
            "settings.py": settings().replace('TITLE = "a"', 'TITLE = "b"'),
            "main.py": MAIN + "\n    second = get_settings().title\n",
        }
    )
    assert project.eval("main.second") == "b"


def test_settings_from_the_environment(project: Project) -> None:
    pytest.importorskip("pydantic_settings")
    source = """
        from functools import lru_cache
        from pydantic_settings import BaseSettings

        class Settings(BaseSettings):
            model_path: str = "m.bin"
            title: str = "a"

        @lru_cache
        def get_settings():
            return Settings()
        """
    main = MAIN.replace(".path", ".model_path")
    project.start({"settings.py": source, "main.py": main})
    report = project.edit("settings.py", 'title: str = "a"', 'title: str = "b"')
    assert MODEL not in ran(report)
    assert project.eval("main.title") == "b"


def test_paths_through_slots_and_named_tuples(project: Project) -> None:
    source = """
        from typing import NamedTuple

        class Slotted:
            __slots__ = ("path", "title")

            def __init__(self, path, title):
                self.path = path
                self.title = title

        class Pair(NamedTuple):
            path: str
            title: str

        TITLE = "a"
        slotted = Slotted("m", TITLE)
        pair = Pair("m", TITLE)
        """
    main = """
        from settings import pair, slotted
        by_slot = [slotted.path]
        by_field = [pair.path]
        titles = [slotted.title, pair.title]
        """
    project.start({"settings.py": source, "main.py": main})
    report = project.edit("settings.py", 'TITLE = "a"', 'TITLE = "b"')
    assert "main: by_slot = [slotted.path]" not in ran(report)
    assert "main: by_field = [pair.path]" not in ran(report)
    assert project.eval("main.titles") == ["b", "b"]
