"""os.environ: each key is a binding, whoever reads or sets it for a statement.

Each edit is compared with a cold start, os.environ included.
"""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

READS = {
    "subscript": "x = os.environ['HMR_A']",
    "get": "x = os.environ.get('HMR_A')",
    "getenv": "x = os.getenv('HMR_A')",
    "in": "x = 'HMR_A' in os.environ and os.environ['HMR_A']",
    "bytes": "x = os.environb.get(b'HMR_A')",
    "a copy": "x = os.environ.copy().get('HMR_A')",
    "items": "x = dict(os.environ.items()).get('HMR_A')",
    "in a function": "f = lambda: os.environ['HMR_A']\nx = f()",
    "a library": "x = os.path.expandvars('$HMR_A')",
    "a child process": "x = os.popen('echo $HMR_A').read()",
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_whoever_read_a_key_runs_when_it_changes(project: Project, read: str) -> None:
    if "popen" in read:
        read = "x = os.environ['HMR_A'], os.popen('echo $HMR_A').read()"
    files = {
        "a.py": "import os\nos.environ['HMR_A'] = 'one'\n",
        "main.py": f"import a, os\n{read}\n",
    }
    project.start(files)
    project.edit("a.py", "'one'", "'two'")
    x = project.eval("main.x")
    assert "two" in str(x)
    report = project.edit("a.py", "import os", "import os\ny = 1")
    assert ran(report) == ["a: y = 1"]


WRITES = {
    "store": "os.environ['HMR_A'] = 'one'",
    "setdefault": "os.environ.setdefault('HMR_A', 'one')",
    "update": "os.environ.update(HMR_A='one')",
    "or": "os.environ |= {'HMR_A': 'one'}",
    "bytes": "os.environb[b'HMR_A'] = b'one'",
    "in a function": "def f():\n    os.environ['HMR_A'] = 'one'\nf()",
    "twice": "os.environ['HMR_A'] = 'zero'\nos.environ['HMR_A'] = 'one'",
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_a_statement_set_goes_with_it(project: Project, write: str) -> None:
    text = f"import os\n{write}\nx = os.environ.get('HMR_A')\n"
    project.start({"main.py": text})
    assert project.eval("main.x") == "one"
    project.save({"main.py": text.replace("one", "two")})
    assert project.eval("main.x") == "two"
    project.save({"main.py": "import os\nx = os.environ.get('HMR_A')\n"})
    assert project.eval("main.x") is None
    project.save({"main.py": text})
    assert project.eval("main.x") == "one"


DELETES = {
    "del": "del os.environ['HMR_A']",
    "pop": "y = os.environ.pop('HMR_A')",
    "clear": "os.environ.clear()",
    "reload": "os.unsetenv('HMR_A'); getattr(os, 'reload_environ', os.environ.clear)()",
}


@pytest.mark.parametrize("delete", DELETES.values(), ids=DELETES)
def test_what_a_statement_deleted_comes_back(project: Project, delete: str) -> None:
    text = "import os\nos.environ['HMR_A'] = 'one'\n# here\nx = os.getenv('HMR_A')\n"
    project.start({"main.py": text})
    project.save({"main.py": text.replace("# here", delete)})
    assert project.eval("main.x") is None
    project.save({"main.py": text})
    assert project.eval("main.x") == "one"


def test_a_key_is_not_the_environment(project: Project) -> None:
    project.start(
        {
            "a.py": "import os\nos.environ['HMR_A'] = '1'\nos.environ['HMR_B'] = '2'\n",
            "main.py": "import a, os\nx = os.environ['HMR_A']\n"
            "y = os.environ['HMR_B']\nnames = sorted(os.environ)\n"
            "z = os.getenv('HMR_C')\n",
        }
    )
    report = project.edit("a.py", "'2'", "'3'")
    expect(report, ["a: os.environ['HMR_B'] = '3'", "main: y = os.environ['HMR_B']"])
    project.edit("a.py", "import os\n", "import os\nos.environ['HMR_D'] = '4'\n")
    assert "HMR_D" in project.eval("main.names")
    report = project.edit("a.py", "'4'", "'5'")
    assert ran(report) == ["a: os.environ['HMR_D'] = '5'"]


def test_an_equal_value_stops_there(project: Project) -> None:
    project.start(
        {
            "a.py": "import os\nn = 1\nos.environ['HMR_A'] = 'x' * n\n",
            "main.py": "import a, os\nx = os.environ['HMR_A']\n",
        }
    )
    report = project.edit("a.py", "'x' * n", "'x' * (n + 0)")
    assert ran(report) == ["a: os.environ['HMR_A'] = 'x' * (n + 0)"]


def test_order_counts(project: Project) -> None:
    first, second = "os.environ['HMR_A'] = 'one'\n", "x = os.getenv('HMR_A')\n"
    project.start({"main.py": f"import os\n{first}{second}"})
    project.save({"main.py": f"import os\n{second}{first}"})
    assert project.eval("main.x") is None
    project.edit("main.py", "'one'", "'two'")
    assert project.eval("(main.x, os.environ['HMR_A'])") == (None, "two")


LATER = {
    "early.py": "import os\nx = os.getenv('HMR_A')\nn = 'HMR_A' in list(os.environ)\n",
    "late.py": "import os\nos.environ['HMR_A'] = 'one'\n",
    "last.py": "import os\nx = os.getenv('HMR_A')\nn = 'HMR_A' in list(os.environ)\n",
    "main.py": "import early, late, last\n",
}


def test_modules_before_and_after_the_one_that_sets_it(project: Project) -> None:
    project.start(LATER)
    for name in ("early", "last", "late"):
        project.save({f"{name}.py": LATER[f"{name}.py"] + "y = 1\n"})
        text = LATER[f"{name}.py"].replace("os.getenv", "os.environ.get")
        project.save({f"{name}.py": text.replace("list(", "sorted(")})
        assert project.eval("(early.x, last.x)") == (None, "one")
        project.save({f"{name}.py": LATER[f"{name}.py"]})
    report = project.edit("late.py", "'one'", "'two'")
    assert ran(report) == [
        "late: os.environ['HMR_A'] = 'two'",
        "last: x = os.getenv('HMR_A')",
    ]
    project.edit("late.py", "'HMR_A'", "'HMR_B'")
    assert project.eval("(early.n, last.n)") == (False, False)


def test_a_failed_edit_leaves_the_environment(project: Project) -> None:
    project.start({"main.py": "import os\nos.environ['HMR_A'] = 'one'\n"})
    text = "import os\nos.environ['HMR_A'] = 'two'\nos.environ['HMR_B'] = 'x'\n1 / 0\n"
    report = project.save({"main.py": text})
    assert report.error
    read = "(os.environ['HMR_A'], 'HMR_B' in os.environ)"
    assert project.eval(read) == ("one", False)
    assert project.eval("os.popen('echo $HMR_A-$HMR_B').read()") == "one-\n"
    project.save({"main.py": text.replace("1 / 0\n", "")})
    assert project.eval(read) == ("two", True)


def test_what_a_request_sets_stays(project: Project) -> None:
    text = "import os\nos.environ['HMR_A'] = 'one'\nx = os.environ['HMR_A']\n"
    project.start({"main.py": text})
    project.exec("import os; os.environ['HMR_A'] = 'theirs'")
    project.edit("main.py", "import os", "import os\ny = 1", check=False)
    assert project.eval("(main.x, os.environ['HMR_A'])") == ("one", "theirs")
    project.edit("main.py", "x = os", "x = 'and ' + os", check=False)
    assert project.eval("(main.x, os.environ['HMR_A'])") == ("and one", "theirs")
    project.edit("main.py", "'one'", "'two'", check=False)
    assert project.eval("(main.x, os.environ['HMR_A'])") == ("and two", "two")


def test_between_updates_nothing_is_watched(project: Project) -> None:
    project.start({"main.py": "import os\nold = type(os.environ)\n"})
    project.edit("main.py", "old = type(os.environ)", "old = type(os.environ), 1")
    types = "(type(os.environ) is main.old[0], type(os.environ._data) is dict)"
    assert project.eval(types) == (True, True)
    assert project.eval("os.environ._data is os.environb._data")


def test_the_old_world_has_its_own_environment(project: Project) -> None:
    project.start({"main.py": "import os\nos.environ['HMR_A'] = 'one'\n"})
    project.edit("main.py", "'one'", "'two'")
    read = "(os.environ['HMR_A'], os.popen('echo $HMR_A').read())"
    project.exec("engine.swap_back()")
    assert project.eval(read) == ("one", "one\n")
    project.exec("engine.swap_forward()")
    assert project.eval(read) == ("two", "two\n")


def test_what_a_lifespan_read_and_set(project: Project) -> None:
    source = """
        import os
        os.environ["HMR_A"] = "one"

        def startup():
            os.environ["HMR_B"] = os.environ["HMR_A"]
        """
    project.start({"main.py": source})
    start = "import main; engine.begin('l'); main.startup(); engine.end('l')"
    project.exec(start)
    report = project.edit("main.py", "import os", "import os\nx = 1", check=False)
    assert report.stale == []
    assert project.eval("os.environ['HMR_B']") == "one"
    report = project.edit("main.py", '"one"', '"two"', check=False)
    assert report.stale == ["l"]
    assert project.eval("'HMR_B' in os.environ") is False
    project.exec(start)
    assert project.eval("os.environ['HMR_B']") == "two"


ON_PATH = "import os, sys\nsys.path.insert(0, '../site-packages')\n"


def library(project: Project, text: str) -> None:
    """A library named outside, that nobody tracks."""
    project.write({"../site-packages/outside.py": text})


def test_what_a_library_read_when_it_was_imported(project: Project) -> None:
    library(project, "import os\nseen = os.environ.get('HMR_A')\n")
    text = f"{ON_PATH}os.environ['HMR_A'] = 'one'\nimport outside\n"
    project.start({"main.py": text + "x = outside.seen\n"})
    report = project.edit("main.py", "'one'", "'two'")
    assert "read the environment" in (report.restart or "")
    assert project.eval("main.x") == "two"
    report = project.edit("main.py", "import outside", "import outside, re")
    assert report.restart is None
    report = project.edit("main.py", "'two'", "'three'")
    assert report.restart
    assert project.eval("main.x") == "three"


def test_what_a_library_set_when_it_was_imported(project: Project) -> None:
    library(project, "import os\nos.environ.setdefault('HMR_A', 'theirs')\n")
    text = f"{ON_PATH}early = os.getenv('HMR_A')\nimport outside\n"
    project.start({"main.py": text})
    report = project.edit("main.py", "import outside", "import outside, re")
    assert ran(report) == ["main: import outside, re"]
    assert project.eval("(main.early, os.environ['HMR_A'])") == (None, "theirs")
    report = project.save({"main.py": project.read("main.py") + "x = 1\n"})
    assert ran(report) == ["main: x = 1"]


def test_variables_that_change_outside(project: Project) -> None:
    source = """
        import os
        os.environ["HMR_A"] = "ours"
        a = os.environ["HMR_A"]
        b = os.getenv("HMR_B")
        names = [n for n in sorted(os.environ) if n in ("HMR_B", "HMR_C")]
        """
    project.start({"main.py": source})
    project.exec("r = engine.apply([], environ={'HMR_A': 'x', 'HMR_B': 'y'})")
    assert project.eval("(main.a, main.b, main.names)") == ("ours", "y", ["HMR_B"])
    assert project.eval("[s.line for s in r.reran]") == [5, 6]
    project.exec("r = engine.apply([], environ={'HMR_B': None, 'HMR_C': 'z'})")
    assert project.eval("(main.a, main.b, main.names)") == ("ours", None, ["HMR_C"])
    project.exec("r = engine.apply([], environ={'HMR_C': 'other', 'HMR_E': 'e'})")
    assert project.eval("(os.environ['HMR_C'], os.environ['HMR_E'])") == ("other", "e")
    project.edit("main.py", 'os.environ["HMR_A"] = "ours"\n', "", check=False)
    assert project.eval("main.a") == "x"


def test_variables_of_an_edit_that_fails(project: Project) -> None:
    project.start({"main.py": "import os\nx = int(os.getenv('HMR_A', '1'))\n"})
    project.exec("r = engine.apply([], environ={'HMR_A': 'x', 'HMR_B': 'y'})")
    assert project.eval("type(r.error).__name__") == "ValueError"
    assert project.eval("(main.x, os.getenv('HMR_A'), os.getenv('HMR_B'))") == (
        1,
        None,
        None,
    )
    project.exec("r = engine.apply([], environ={'HMR_A': '3'})")
    assert project.eval("(main.x, r.error)") == (3, None)


def test_apply_wants_a_dict_of_text(project: Project) -> None:
    project.start({"main.py": "x = 1\n"})
    with pytest.raises(AssertionError, match="TypeError"):
        project.exec("engine.apply([], environ=[1])")


# python-dotenv and pydantic-settings

DOTENV = """
    import os
    from dotenv import load_dotenv
    load_dotenv()
    x = os.getenv("HMR_A")
    y = os.getenv("HMR_B")
    """


def test_load_dotenv_sees_the_edited_file(project: Project) -> None:
    pytest.importorskip("dotenv")
    project.start({".env": "HMR_A=one\nHMR_B=1\n", "main.py": DOTENV})
    assert project.eval("(main.x, main.y)") == ("one", "1")
    report = project.save({".env": "HMR_A=two\nHMR_B=1\n"})
    assert ran(report) == ["main: load_dotenv()", "main: x = os.getenv('HMR_A')"]
    project.save({".env": "HMR_B=2\n"})
    assert project.eval("(main.x, main.y)") == (None, "2")
    project.edit("main.py", "load_dotenv()", "load_dotenv(override=True)")
    project.edit("main.py", "load_dotenv(override=True)\n", "")
    assert project.eval("(main.x, main.y)") == (None, None)


def test_load_dotenv_sees_a_file_that_appears(project: Project) -> None:
    pytest.importorskip("dotenv")
    project.start({"main.py": DOTENV})
    project.save({".env": "HMR_A=one\n"})
    assert project.eval("main.x") == "one"
    project.save({".env": None})
    assert project.eval("main.x") is None


SETTINGS = """
    import os
    from pydantic_settings import BaseSettings, SettingsConfigDict

    class Settings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="HMR_", env_file=".env")
        a: str = "default"
        b: int = 0

    settings = Settings()
    a = settings.a
    """


def test_settings_read_the_environment_and_a_file(project: Project) -> None:
    pytest.importorskip("pydantic_settings")
    set_a = "import os\nos.environ['HMR_A'] = 'one'\n"
    project.start({"env.py": set_a, "main.py": "\n    import env" + SETTINGS})
    assert project.eval("main.a") == "one"
    project.edit("env.py", "'one'", "'two'")
    assert project.eval("main.a") == "two"
    project.save({".env": "HMR_A=file\nHMR_B=3\n"})
    assert project.eval("(main.a, main.settings.b)") == ("two", 3)
    project.save({"env.py": "import os\n"})
    assert project.eval("main.a") == "file"
    project.save({".env": None})
    assert project.eval("main.a") == "default"
    project.exec("engine.apply([], environ={'HMR_A': 'outside'})")
    assert project.eval("main.a") == "outside"


SETS = "import os\nos.environ['HMR_A'] = '7'\ny = 2\n"
ASKS = "import os\nv = os.environ.get('HMR_A')\ny = 2\n"


SET_ANEW = "z = 1\nos.environ.setdefault('HMR_A', '7')\n"


def test_who_sets_a_variable_passes_imports(project: Project) -> None:
    """To the edit it is a new statement, which sets the same."""
    import_it = "import os\nfrom inner import y\n"
    files = {"inner.py": ASKS, "main.py": "import outer\n"}
    project.start({**files, "outer.py": f"{import_it}z = 1\n{SET_ANEW}"})
    project.save({"outer.py": f"import os\n{SET_ANEW}from inner import y\nz = 1\n"})
    assert project.eval("sys.modules['inner'].v") == "7"


@pytest.mark.parametrize(("outer", "inner"), [(SETS, ASKS), (ASKS, SETS)])
def test_an_import_that_passes_who_sets_or_asks(
    project: Project, outer: str, inner: str
) -> None:
    """What sets the variable is the same statement as before (seed 5001560)."""
    files = {"inner.py": inner, "main.py": "import outer\n"}
    project.start({**files, "outer.py": f"from inner import y\n{outer}"})
    for _ in range(2):
        project.save({"outer.py": f"{outer}from inner import y\n"})
        project.save({"outer.py": f"from inner import y\n{outer}"})
