"""Modules that are imported in the midst of a statement, and look at what that has done
by then."""

from __future__ import annotations

import pytest

from .harness import Project, ran

READS = {
    "a star import": "from two import *\n",
    "by name": "from two import name\n",
    "an attribute": "import two\nname = two.name\n",
    "what is bound by then": "import two\nname = vars(two).get('name')\n",
    "a group": "from two import made\nname = made[-1]\nmade.append(1)\n",
    "whatever is there": "try:\n    from two import name\n"
    "except ImportError:\n    name = None\n",
}
ONE = "made = []\nfor name in ('deep',):\n    made.append(name)\n    __import__(name)\n"
ONE = f"if True:\n    {ONE.replace(chr(10), chr(10) + '    ').rstrip()}\n"
TWO = ONE.replace("'deep',", "'deep', 'json'")


@pytest.mark.parametrize("loop", [ONE, TWO], ids=["in the end", "by then only"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_module_sees_what_the_statement_that_imports_it_has_bound(
    project: Project, read: str, loop: str
) -> None:
    project.start({"deep.py": "", "two.py": "", "main.py": "import two\n"})
    project.save({"deep.py": read, "two.py": loop})
    assert project.eval("two.deep.name if hasattr(two, 'deep') else 0") in (0, "deep")
    project.save({"deep.py": f"x = 1\n{read}"})
    project.save({"deep.py": f"x = 1\n{read}y = 1\n"})
    report = project.edit("deep.py", "y = 1", "y = 2")
    assert ran(report) == ["deep: y = 2"]
    project.save({"two.py": f"z = 1\n{loop}"})
    project.save({"two.py": loop.replace("'deep'", "'json', 'deep'")})
    project.save({"two.py": ""})
