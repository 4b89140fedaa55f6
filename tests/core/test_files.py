# ruff: noqa: E501 (tables of programs, one a line)
"""Files and environment that statements read."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

READS = {
    "open": "open('data.json').read()",
    "with": "pathlib.Path('data.json').read_text()",
    "json": "json.load(open('data.json'))",
    "absolute": "open(os.path.abspath('data.json')).read()",
    "io": "io.open('data.json', 'rb').read()",
    "os.open": "os.read(os.open('data.json', os.O_RDONLY), 100)",
    "a way round": "open(os.path.join(os.getcwd(), 'sub', '..', 'data.json')).read()",
    "two slashes": "open(os.getcwd() + '//./data.json').read()",
    "linecache": "linecache.getline('data.json', 1)",
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_editing_a_data_file_reruns_its_reader(project: Project, read: str) -> None:
    source = f"import io, json, linecache, os, pathlib\ndata = {read}\nother = [1]\n"
    if "linecache" in read:
        source = source.replace("data = ", "linecache.clearcache(); data = ")
    files = {"sub/other.txt": "", "data.json": "[1]\n", "main.py": source}
    project.start(files)
    report = project.save({"data.json": "[2]\n"})
    assert len(ran(report)) in (1, 2)
    assert "main: other = [1]" not in ran(report)
    assert "2" in str(project.eval("main.data"))


def test_who_gets_lines_that_are_read_already_runs(project: Project) -> None:
    line = "import linecache\n{} = linecache.getline('data.txt', 1)\n"
    files = {"data.txt": "1", "a.py": line.format("x"), "b.py": line.format("y")}
    project.start({**files, "main.py": "import a, b\n"})
    report = project.save({"data.txt": "2"})
    assert ran(report) == [
        f"{m}: {n} = linecache.getline('data.txt', 1)" for m, n in ("ax", "by")
    ]
    assert project.eval("main.a.x, main.b.y") == ("2\n", "2\n")
    project.exec("import linecache; text = linecache.getline('data.txt', 1)")
    project.save({"data.txt": "3"})
    project.exec("text += linecache.getline('data.txt', 1)")
    assert project.eval("text") == "2\n3\n"


def test_who_asks_for_its_source_runs_when_that_changes(project: Project) -> None:
    main = "import inspect\ndef f():\n    return 1\n"
    show = "import inspect\nfrom main import f\n{} = inspect.getsource(f)\n"
    files = {"a.py": show.format("x"), "b.py": show.format("y"), "main.py": main}
    project.start({**files, "all.py": "import a, b\n"}, "all")
    project.edit("main.py", "return 1", "return 2")
    assert "return 2" in project.eval("all.a.x")
    assert "return 2" in project.eval("all.b.y")


def test_a_warning_that_is_shown_reads_no_source(project: Project) -> None:
    main = "import warnings\nwarnings.warn('old')\nx = [1]\ny = 1\n"
    project.start({"main.py": main})
    assert ran(project.edit("main.py", "y = 1", "y = 2")) == ["main: y = 2"]


def test_a_data_file_without_a_change_costs_nothing(project: Project) -> None:
    project.start({"data.txt": "1", "main.py": "data = open('data.txt').read()\n"})
    assert ran(project.save({"data.txt": "1"})) == []


def test_readers_of_readers_follow(project: Project) -> None:
    project.start(
        {
            "data.txt": "1",
            "a.py": "def load(p):\n    with open(p) as f:\n        return f.read()\n",
            "main.py": "from a import load\nx = load('data.txt')\ny = x * 2\nz = [1]\n",
        }
    )
    report = project.save({"data.txt": "2"})
    assert ran(report) == ["main: x = load('data.txt')", "main: y = x * 2"]
    assert project.eval("main.y") == "22"


def test_a_file_read_by_a_request_is_no_dependency(project: Project) -> None:
    project.start(
        {"data.txt": "1", "main.py": "def f():\n    return open('data.txt').read()\n"}
    )
    assert project.eval("main.f()") == "1"
    assert ran(project.save({"data.txt": "2"})) == []


LOOKS = {
    "exists": "os.path.exists('.env')",
    "isfile": "os.path.isfile('.env')",
    "access": "os.access('.env', os.R_OK)",
    "stat": "pathlib.Path('.env').exists()",
    "open": "tried('.env')",
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_missing_file_that_appears_is_a_change(project: Project, look: str) -> None:
    source = f"""
        import os, pathlib

        def tried(path):
            try:
                open(path)
            except FileNotFoundError:
                return False
            return True

        found = {look}
        other = [1]
        """
    project.start({"main.py": source})
    report = project.save({".env": "A=1\n"})
    assert len(ran(report)) == 1
    assert project.eval("main.found") is True
    (project.root / ".env").unlink()
    report = project.apply([".env"])
    assert len(ran(report)) == 1
    assert project.eval("main.found") is False


def test_a_listed_folder_is_a_value(project: Project) -> None:
    source = "import os\nnames = sorted(os.listdir('data'))\nother = [1]\n"
    project.start({"data/a.txt": "", "main.py": source})
    project.write({"data/b.txt": ""})
    report = project.apply(["data", "data/b.txt"])
    assert ran(report) == ["main: names = sorted(os.listdir('data'))"]
    report = project.save({"data/b.txt": "text"})
    assert ran(report) == []


def test_watched_names_what_matters(project: Project) -> None:
    source = """
        import os, a
        text = open("data.txt").read()
        names = os.listdir("folder")
        there = os.path.exists("missing.env")
        """
    files = {"a.py": "", "data.txt": "", "folder/x": "", "main.py": source}
    project.start(files)
    root = str(project.root)
    watched, folders = project.eval("engine.watched()")
    for name in ("main.py", "a.py", "data.txt", "missing.env"):
        assert f"{root}/{name}" in watched
    assert f"{root}/folder" in folders
    assert not [p for p in watched if "site-packages" in p]


def test_watched_names_where_a_missing_module_was_looked_for(
    project: Project,
) -> None:
    source = "try:\n    import extra\nexcept ImportError:\n    extra = None\n"
    project.start({"main.py": source})
    watched, _ = project.eval("engine.watched()")
    assert f"{project.root}/extra.py" in watched
    assert f"{project.root}/extra/__init__.py" in watched


def test_the_generation_changes_with_what_is_watched(project: Project) -> None:
    project.start({"a.py": "", "main.py": "x = 1\n"})
    first = project.eval("engine.generation()")
    project.edit("main.py", "x = 1", "x = 2")
    project.edit("main.py", "x = 2", "x = 2\nimport a")
    assert project.eval("engine.generation()") != first
    assert f"{project.root}/a.py" in project.eval("engine.watched()")[0]


def test_a_broken_new_module_is_watched(project: Project) -> None:
    """Or the save that mends it would not be noticed."""
    project.start({"main.py": "x = 1\n"})
    project.write({"a.py": "1 / 0\n"})
    report = project.edit("main.py", "x = 1", "import a")
    assert report.error
    assert f"{project.root}/a.py" in project.eval("engine.watched()")[0]


def test_a_missing_new_module_is_watched(project: Project) -> None:
    project.start({"main.py": "x = 1\n"})
    report = project.edit("main.py", "x = 1", "import a")
    assert report.error
    assert f"{project.root}/a.py" in project.eval("engine.watched()")[0]
    assert project.save({"a.py": "y = 1\n"}).error is None


def test_what_the_program_writes_itself_is_no_change(project: Project) -> None:
    source = """
        open("db.json", "a").close()
        data = open("db.json").read()

        def f():
            with open("db.json", "a") as file:
                file.write("x")
        """
    project.start({"main.py": source})
    project.exec("import main; main.f()")
    report = project.apply(["db.json"], check=False)
    assert ran(report) == []


def test_environment_keys_are_bindings(project: Project) -> None:
    project.start(
        {
            "a.py": "import os\nos.environ['HMR_A'] = 'one'\n",
            "main.py": "import a, os\nx = os.environ.get('HMR_A')\ny = os.getenv('HMR_B')\n",
        }
    )
    report = project.edit("a.py", "'one'", "'two'")
    expect(
        report,
        ["a: os.environ['HMR_A'] = 'two'", "main: x = os.environ.get('HMR_A')"],
    )
    assert project.eval("main.x") == "two"
    project.edit("a.py", "os.environ['HMR_A'] = 'two'\n", "")
    assert project.eval("main.x") is None


def test_a_patched_library_function_goes_back(project: Project) -> None:
    project.start(
        {
            "main.py": """
                import json
                def dumps(x):
                    return "ours"
                json.dumps = dumps
                text = json.dumps(1)
                """
        }
    )
    assert project.eval("main.text") == "ours"
    project.edit("main.py", "json.dumps = dumps\n", "")
    assert project.eval("(main.text, main.json.dumps.__module__)") == ("1", "json")


FOLDERS = """
    import os

    os.chdir("sub")
    names = sorted(os.listdir("plugins"))
    there = os.path.exists("plugins/b.txt")
    text = open("data.txt").read()
    os.chdir("..")
    back = sorted(os.listdir("sub/plugins"))
    """


def test_a_relative_name_is_looked_up_in_the_folder_of_its_place(
    project: Project,
) -> None:
    project.start({"main.py": FOLDERS, "sub/plugins/a.txt": "", "sub/data.txt": "x"})
    report = project.save({"sub/plugins/b.txt": ""})
    assert len(ran(report)) == 3
    assert project.eval("main.names, main.there") == (["a.txt", "b.txt"], True)
    report = project.save({"sub/data.txt": "y"})
    assert ran(report) == ["main: text = open('data.txt').read()"]
    assert project.eval("main.text") == "y"
    assert project.eval("__import__('os').getcwd()") == str(project.root)


@pytest.mark.parametrize("new", ["os.chdir('oth')\n", ""])
def test_another_folder_needs_a_new_process(project: Project, new: str) -> None:
    files = {"sub/data.txt": "x", "oth/data.txt": "y", "data.txt": "z"}
    line = "os.chdir('sub')\n"
    text = f"import os\n{line}text = open('data.txt').read()\n"
    project.start({"main.py": text, **files})
    report = project.edit("main.py", line, new, check=False)
    assert report.restart and "os.chdir()" in report.restart
    assert project.eval("main.text") == "x"
