"""What statements put into a dict or a list of others stands in the order of a cold
start, not in that of the edits.

`outside` is a library that nobody tracks.
"""

from __future__ import annotations

import pytest

from .harness import Project, ran

LIBRARY = """
HANDLERS = {"base": None}
ORDERED = []

class Registry:
    pass

registry = Registry()
registry.base = 0
"""
ON_PATH = "import sys\nsys.path.insert(0, '../site-packages')\nimport outside\n"
PLACES = {
    "the environment": (
        "import os\nos.environ['PUT_{0}'] = '{1}'\n",
        "import os\nx = [k for k in os.environ if k[:4] == 'PUT_']\n",
    ),
    "setdefault": (
        "import os\nos.environ.setdefault('PUT_{0}', '{1}')\n",
        "import os\nx = [k for k in os.environ.copy() if k[:4] == 'PUT_']\n",
    ),
    "a dict": (
        "import outside\noutside.HANDLERS['PUT_{0}'] = '{1}'\n",
        "import outside\nx = [k for k in outside.HANDLERS if k[:4] == 'PUT_']\n",
    ),
    "an instance": (
        "import outside\noutside.registry.PUT_{0} = '{1}'\n",
        "import outside\nx = [k for k in vars(outside.registry) if k[:4] == 'PUT_']\n",
    ),
    "a module": (
        "import outside\noutside.PUT_{0} = '{1}'\n",
        "import outside\nx = [k for k in vars(outside) if k[:4] == 'PUT_']\n",
    ),
    "sys.path": (
        "import sys\nsys.path.append('PUT_{0}')\ny = '{1}'\n",
        "import sys\nx = [k for k in sys.path if k[:4] == 'PUT_']\n",
    ),
    "sys.path, in front": (
        "import sys\nsys.path.insert(0, 'PUT_{0}')\ny = '{1}'\n",
        "import sys\nx = [k for k in sys.path[::-1] if k[:4] == 'PUT_']\n",
    ),
    "a list": (
        "import outside\noutside.ORDERED.append('PUT_{0}')\ny = '{1}'\n",
        "import outside\nx = list(outside.ORDERED)\n",
    ),
}


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def place(request: pytest.FixtureRequest, project: Project) -> tuple[Project, str]:
    """A program whose modules a, b and c put something into one place each."""
    put, read = request.param
    project.write({"../site-packages/outside.py": LIBRARY})
    files = {f"{name.lower()}.py": put.format(name, "1") for name in "ABC"}
    project.start({**files, "main.py": f"{ON_PATH}import a, b, c\n{read}"})
    assert project.eval("main.x") == ["PUT_A", "PUT_B", "PUT_C"]
    return project, put


def test_modules_that_change_places(place: tuple[Project, str]) -> None:
    project, _ = place
    project.edit("main.py", "a, b, c", "c, b, a")
    assert project.eval("main.x") == ["PUT_C", "PUT_B", "PUT_A"]
    project.edit("main.py", "c, b, a", "b, c, a")
    assert project.eval("main.x") == ["PUT_B", "PUT_C", "PUT_A"]
    project.edit("main.py", "b, c, a", "a, b, c")
    assert project.eval("main.x") == ["PUT_A", "PUT_B", "PUT_C"]


def test_one_that_goes_and_comes_back(place: tuple[Project, str]) -> None:
    project, put = place
    project.save({"a.py": ""})
    assert project.eval("main.x") == ["PUT_B", "PUT_C"]
    project.save({"a.py": put.format("A", "2")})
    assert project.eval("main.x") == ["PUT_A", "PUT_B", "PUT_C"]


def test_one_that_runs_again_stays_where_it_was(place: tuple[Project, str]) -> None:
    project, put = place
    project.save({"a.py": put.format("A", "2")})
    assert project.eval("main.x") == ["PUT_A", "PUT_B", "PUT_C"]
    project.save({"b.py": put.format("D", "2")})
    assert project.eval("main.x") == ["PUT_A", "PUT_D", "PUT_C"]


def test_a_failed_edit_leaves_the_order(place: tuple[Project, str]) -> None:
    project, _ = place
    order = "[k for k in __import__('os').environ if k[:4] == 'PUT_']"
    was = project.eval("main.x"), project.eval(order)
    project.save({"main.py": f"{ON_PATH}import c, b, a\n1 / 0\n"})
    assert (project.eval("main.x"), project.eval(order)) == was


def test_only_the_reader_of_all_names_runs(project: Project) -> None:
    put, read = PLACES["the environment"]
    files = {f"{name.lower()}.py": put.format(name, "1") for name in "AB"}
    one = "y = os.environ['PUT_A']\n"
    project.start({**files, "main.py": f"import a, b\n{read}{one}"})
    report = project.edit("main.py", "a, b", "b, a")
    assert project.eval("main.x") == ["PUT_B", "PUT_A"]
    assert [line[:20] for line in ran(report)] == [
        "main: import b, a",
        "main: x = [k for k i",
    ]


def test_a_list_whose_module_is_imported_twice(project: Project) -> None:
    """What the first import gave its name is not kept, but where that is is known."""
    puts = (
        "import sys\nsys.path.append('PUT_B')\nimport sys\nsys.path.append('PUT_C')\n"
    )
    project.start({"main.py": puts})
    project.save({"main.py": f"{puts}x = 1\n"})
    put, read = PLACES["sys.path"]
    project.save({"a.py": put.format("A", "1"), "main.py": f"import a\n{puts}{read}"})
    assert project.eval("main.x") == ["PUT_A", "PUT_B", "PUT_C"]
