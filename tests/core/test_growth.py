"""What an engine holds after many edits (growth.py): `./dev growth --engine` makes
thousands."""

from __future__ import annotations

import pytest

from .growth import run
from .harness import Project, Zygote


@pytest.mark.parametrize("seed", [1000, 1001])
def test_random_edits_and_back_leave_nothing_behind(
    few_libraries: Zygote, seed: int
) -> None:
    assert run(few_libraries, seed, cycles=2) == []


def test_a_function_of_a_module_that_is_gone_can_still_be_called(
    project: Project,
) -> None:
    """A request has put it aside."""
    main = "import store\nx = [call() for call in store.held]\n"
    project.start(
        {
            "m.py": "x = [1]\ndef f():\n    return x\n",
            "store.py": "held = []\n",
            "main.py": f"import m\n{main}",
        }
    )
    project.exec("import m, store; store.held.append(m.f)")
    project.save({"m.py": None, "main.py": main}, check=False)
    project.save({"main.py": f"{main}y = x\n"}, check=False)
    report = project.save({"main.py": main.replace("x = ", "x = 1, ")}, check=False)
    assert report.error is None
    assert project.eval("main.x") == (1, [[1]])
