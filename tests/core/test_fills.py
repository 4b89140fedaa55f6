# ruff: noqa: E501 (tables of programs, one a line)
"""What functools caches are filled with: by whom first, and from which state."""

from __future__ import annotations

import pytest

from .harness import Project, ran

HEAD = "import functools, os\nconfig = {}\nx = 1\nclass C:\n    a = 1\n"
GIVES = {
    "a variable": ("[os.environ.get('HMR_M')]", "os.environ['HMR_M'] = '{}'"),
    "an item": ("[config.get('a')]", "config['a'] = {}"),
    "a global": ("[x]", "x = {}"),
    "an attribute": ("[C.a]", "C.a = {}"),
}


def program(gives: str, *lines: str) -> dict[str, str]:
    cached = f"@functools.cache\ndef get():\n    return {gives}\n\n\n"
    return {"main.py": HEAD + cached + "".join(f"{line}\n" for line in lines)}


ORDERS = {
    "it comes": (["y = get()"], ["{5}", "y = get()"]),
    "it changes": (["{5}", "y = get()"], ["{6}", "y = get()"]),
    "it moves up": (["y = get()", "{5}"], ["{5}", "y = get()"]),
    "it moves down": (["{5}", "y = get()"], ["y = get()", "{5}"]),
    "the first caller goes": (["y = get()", "{5}", "z = get()"], ["{5}", "z = get()"]),
    "a first caller comes": (["{5}", "z = get()"], ["y = get()", "{5}", "z = get()"]),
    "it changes in between": (
        ["y = get()", "{5}", "z = get()"],
        ["y = get()", "{6}", "z = get()"],
    ),
    "the caller moves": (
        ["w = get()", "{5}", "z = get()", "{6}"],
        ["{5}", "w = get()", "{6}", "z = get()"],
    ),
}


@pytest.mark.parametrize("kind", GIVES)
@pytest.mark.parametrize("order", ORDERS)
def test_a_cache_is_as_full_as_after_a_cold_start(
    project: Project, kind: str, order: str
) -> None:
    gives, stores = GIVES[kind]

    def version(lines: list[str]) -> dict[str, str]:
        return program(
            gives,
            *(stores.format(s[1:-1]) if s[0] == "{" else s for s in lines),
            "last = [1]",
        )

    before, after = ORDERS[order]
    project.start(version(before))
    for lines in (after, before, after):
        report = project.save(version(lines))
        assert "main: last = [1]" not in ran(report)


@pytest.mark.parametrize("kind", GIVES)
def test_what_requests_have_filled_in_is_of_the_edited_program(
    project: Project, kind: str
) -> None:
    gives, stores = GIVES[kind]
    for value in ("5", "6", "7"):
        files = program(gives, stores.format(value), "def f():\n    return get()")
        if value == "5":
            project.start(files)
        else:
            project.save(files)
        assert project.eval("[str(i) for i in main.f()]") == [value]


def test_who_gets_a_variable_out_of_a_cache_depends_on_it(project: Project) -> None:
    lib = "import functools, os\n@functools.cache\ndef get():\n    return [os.getenv('HMR_M')]\n"
    gets = "from lib import get\n{} = get()\n"
    main = "import os\nos.environ['HMR_M'] = '1'\nimport a, b\n"
    project.start(
        {
            "lib.py": lib,
            "a.py": gets.format("x"),
            "b.py": gets.format("y"),
            "main.py": main,
        }
    )
    report = project.edit("main.py", "'1'", "'2'")
    assert project.eval("main.a.x is main.b.y, main.b.y") == (True, ["2"])
    assert len(ran(report)) == 3
    project.edit("main.py", "os.environ['HMR_M'] = '2'", "os.environ['HMR_N'] = '2'")
    assert project.eval("main.b.y") == [None]


def test_a_library_that_asks_for_a_variable_is_seen(project: Project) -> None:
    lib = "import functools, shutil\n@functools.cache\ndef get():\n    return [shutil.get_terminal_size().columns]\n"
    main = "import os\nos.environ['COLUMNS'] = '{}'\nfrom lib import get\nx = get()\ny = get()\n"
    project.start({"lib.py": lib, "main.py": main.format("50")})
    project.save({"main.py": main.format("70")})
    assert project.eval("main.x is main.y, main.y") == (True, [70])


SETTINGS = """
import functools
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    hmr_name: str = "none"

@functools.lru_cache
def get_settings():
    return Settings()
"""


def test_settings_that_requests_have_got_follow_a_variable(project: Project) -> None:
    pytest.importorskip("pydantic_settings")
    main = "import os\nos.environ['HMR_NAME'] = '{}'\nfrom conf import get_settings\ndef f():\n    return get_settings().hmr_name\n"
    project.start({"conf.py": SETTINGS, "main.py": main.format("a")})
    assert project.eval("main.f()") == "a"
    project.save({"main.py": main.format("b")})
    assert project.eval("main.f()") == "b"


def test_callers_of_a_full_cache_stay_where_another_comes_first(
    project: Project,
) -> None:
    """A model that was loaded is not loaded again."""
    lib = "import functools\nPATH = 'm'\n@functools.cache\ndef model():\n    return [PATH]\n"
    gets = "from lib import model\n{} = model()\n"
    files = {"lib.py": lib, "a.py": gets.format("x"), "b.py": gets.format("y")}
    project.start({**files, "main.py": "import b\n"})
    project.exec("import b; model = b.y")
    for imports in ("import a\nimport b\n", "import b\nimport a\n", "import b\n"):
        report = project.save({"main.py": imports})
        assert "b: y = model()" not in ran(report)
        assert project.eval("model is __import__('b').y")
    report = project.edit("lib.py", "'m'", "'n'")
    assert "b: y = model()" in ran(report)


def test_a_field_of_a_cached_record_that_cannot_be_compared_any_more(
    project: Project,
) -> None:
    """Its reader looked at a number; now it is a list, which the cache has to make."""
    record = "__import__('collections').namedtuple('R', 'a b')(x, 2)"
    text = f"import functools\nx = {{}}\n@functools.cache\ndef get():\n    return {record}\n"
    read = "from a import get\ny = get().a\n"
    project.start({"a.py": text.format("0"), "main.py": read})
    project.save({"a.py": text.format("[1]"), "main.py": f"{read}y += [2]\n"})
    assert project.eval("main.y") == [1, 2]
    project.save({"a.py": text.format("[3]")})
    assert project.eval("main.y") == [3, 2]
