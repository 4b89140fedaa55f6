# ruff: noqa: E501 (tables of programs, one a line)
"""Packages and their modules; what else an import may find in a module's place."""

from __future__ import annotations

import pytest

from .harness import Project, ran

PACKAGE = {
    "pkg/__init__.py": "from .a import A\nfrom .b import *\n__all__ = ['A', 'B']\n",
    "pkg/a.py": "from . import c\nA = c.C + 1\n",
    "pkg/b.py": "from .c import C\nB = [C]\n",
    "pkg/c.py": "C = 1\n",
    "main.py": "from pkg import A, B\nimport pkg.c\nx = pkg.c.C\n",
}


def test_a_reexport_through_a_package(project: Project) -> None:
    project.start(PACKAGE)
    project.edit("pkg/c.py", "C = 1", "C = 5")
    assert project.eval("(main.A, main.B, main.x)") == (6, [5], 5)
    report = project.edit("pkg/a.py", "c.C + 1", "c.C + 2")
    assert ran(report) == [
        "pkg.a: A = c.C + 2",
        "pkg: from .a import A",
        "main: from pkg import A, B",
    ]


def test_a_package_grows_a_module(project: Project) -> None:
    project.start(PACKAGE)
    project.write({"pkg/d.py": "from .c import C\nD = C * 100\n"})
    project.edit("main.py", "import pkg.c", "import pkg.c\nfrom pkg.d import D")
    assert project.eval("main.D") == 100
    project.edit("pkg/c.py", "C = 1", "C = 2")
    assert project.eval("main.D") == 200


def test_a_submodule_is_an_attribute_of_its_package(project: Project) -> None:
    project.start(
        {
            "pkg/__init__.py": "",
            "pkg/sub.py": "X = 1\n",
            "main.py": "import pkg\nfrom pkg import sub\ny = pkg.sub.X\n",
        }
    )
    project.edit("pkg/sub.py", "X = 1", "X = 2")
    assert project.eval("main.y") == 2
    project.edit("main.py", "from pkg import sub\n", "import pkg.sub as sub\n")


def test_a_namespace_package(project: Project) -> None:
    project.start(
        {"space/a.py": "X = 1\n", "main.py": "from space.a import X\ny = [X]\n"}
    )
    report = project.edit("space/a.py", "X = 1", "X = 2")
    assert ran(report)[0] == "space.a: X = 2"
    assert project.eval("main.y") == [2]


def test_a_module_that_becomes_a_package(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "from a import X\ny = X\n"})
    (project.root / "a.py").unlink()
    project.write({"a/__init__.py": "X = 2\n"})
    project.apply(["a.py", "a/__init__.py"])
    assert project.eval("main.y") == 2
    (project.root / "a/__init__.py").unlink()
    (project.root / "a").rmdir()
    project.write({"a.py": "X = 3\n"})
    project.apply(["a.py", "a/__init__.py"])
    assert project.eval("main.y") == 3


def test_a_package_that_fails_leaves_its_modules(project: Project) -> None:
    """importlib drops the package that raised, not what it had imported."""
    source = "try:\n    from pkg.sub import C\nexcept ValueError:\n    C = None\n"
    project.start({"pkg/__init__.py": "", "pkg/sub.py": "C = 1\n", "main.py": source})
    broken = "from .sub import *\nraise ValueError\n"
    project.save({"pkg/__init__.py": broken})
    project.edit("pkg/sub.py", "C = 1", "C = 2")
    assert project.eval("(main.C, 'pkg' in sys.modules)") == (None, False)
    project.save(
        {"main.py": source + source.replace("C", "D").replace("D", "C as D", 1)}
    )
    project.save({"pkg/__init__.py": "from .sub import *\n"})
    assert project.eval("main.C") == 2


def test_a_namespace_package_nobody_imports_any_more_is_gone(project: Project) -> None:
    main = "import space.a\nx = [1]\n"
    project.start({"space/a.py": "X = 1\n", "main.py": main})
    project.edit("main.py", "import space.a\n", "")
    assert not project.eval("'space' in sys.modules")
    project.save({"main.py": main + "y = space.a.X\nz = [space]\n"})
    report = project.edit("space/a.py", "X = 1", "X = 2")
    assert ran(report) == ["space.a: X = 2", "main: y = space.a.X"]
    project.save({"space/__init__.py": "Y = 1\n"})
    assert project.eval("main.space.Y") == 1
    project.delete("space/__init__.py")
    assert project.eval("hasattr(main.space, 'Y')") is False


def test_a_package_that_failed_is_tried_again_by_the_next_import(
    project: Project,
) -> None:
    files = {"pkg/__init__.py": "", "pkg/sub.py": "X = 1\n"}
    attempt = "try:\n    import pkg.extra\nexcept ImportError:\n    pass\n"
    project.start({**files, "main.py": attempt + "from pkg.sub import X\n"})
    report = project.save({"pkg/__init__.py": "import nosuch\n"})
    assert report.error and "ModuleNotFoundError" in report.error["type"]


def test_a_submodule_that_its_package_no_longer_imports(project: Project) -> None:
    project.start(
        {
            "pkg/__init__.py": "from .sub import *\n",
            "pkg/sub.py": "",
            "main.py": "import pkg.sub\ntry:\n    import pkg.sub\nfinally:\n    pass\n",
        }
    )
    project.save({"pkg/__init__.py": ""})
    project.save({"main.py": "try:\n    import pkg.sub\nfinally:\n    pass\n"})
    project.save({"pkg/__init__.py": "from .sub import *\n"})
    project.save({"pkg/__init__.py": ""})
    assert project.eval("'pkg.sub' in sys.modules")


BROKEN = {
    "a name": ("X = os.sep", "X = os.sepp"),
    "an attribute of a module": ("import os", "import sys as os"),
    "a missing module": ("import os", "import oss as os"),
}


@pytest.mark.parametrize("edit", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("how", ["from . import sub", "import pkg.sub as sub"])
def test_the_error_of_a_submodule_that_a_function_imports(
    project: Project, edit: tuple[str, str], how: str
) -> None:
    project.start(
        {
            "main.py": "import pkg\nx = pkg.go()\n",
            "pkg/__init__.py": "def go():\n    from .user import y\n    return y\n",
            "pkg/user.py": f"{how}\ny = sub.X\n",
            "pkg/sub.py": "import os\nX = os.sep\n",
        }
    )
    assert project.edit("pkg/sub.py", *edit).error
    assert project.edit("pkg/sub.py", *reversed(edit)).error is None


@pytest.mark.parametrize("new", ["B = 2\nA = 1\n", "A = 2\nB = 1\n", "A = 1\nC = 3\n"])
def test_names_of_a_package_stay_in_order_where_modules_are_skipped(
    project: Project, new: str
) -> None:
    project.start(
        {
            "main.py": "import pkg.low\nimport pkg.high\nx = pkg.high.Y\n",
            "pkg/__init__.py": "from .base import *\nfrom . import base\nLAST = 1\n",
            "pkg/base.py": "A = 1\nB = 2\n",
            "pkg/low.py": "X = 1\n",
            "pkg/high.py": "from . import low\nY = low.X\n",
        }
    )
    project.save({"pkg/base.py": new})
    project.edit("pkg/__init__.py", "LAST = 1", "FIRST = 0\nLAST = 1")


def test_a_module_of_a_namespace_package_that_goes(project: Project) -> None:
    project.start(
        {
            "main.py": "import space.a\nimport space.b\n",
            "space/a.py": "X = 1\n",
            "space/b.py": "Y = 1\n",
        }
    )
    project.edit("main.py", "import space.b\n", "")
    project.edit("main.py", "import space.a\n", "import space.a, space.b\n")
    project.edit("main.py", "import space.a, space.b\n", "import space.b\n")


def test_a_package_beside_a_module_of_its_name_takes_its_place(
    project: Project,
) -> None:
    project.start(
        {
            "a.py": "X = 1\n",
            "pkg/__init__.py": "",
            "pkg/b.py": "Y = 1\n",
            "main.py": "from a import X\nfrom pkg.b import Y\nother = [1]\n",
        }
    )
    report = project.save({"a/__init__.py": "X = 2\n"})
    assert ran(report) == ["a: X = 2", "main: from a import X"]
    report = project.save(
        {"pkg/b/__init__.py": "from .c import Y\n", "pkg/b/c.py": "Y = 5\n"}
    )
    assert project.eval("(main.X, main.Y)") == (2, 5)
    report = project.delete("a/__init__.py", "pkg/b/__init__.py", "pkg/b/c.py")
    assert project.eval("(main.X, main.Y)") == (1, 1)
    assert "main: other = [1]" not in ran(report)


def test_a_package_that_takes_a_modules_place_and_fails(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "from a import X\n"})
    assert project.save({"a/__init__.py": "Z = 2\n"}).error
    report = project.delete("a/__init__.py")
    assert (ran(report), report.error) == ([], None)
    assert project.save({"a/__init__.py": "X = (\n"}).error
    assert project.save({"a/__init__.py": "X = 3\n"}).error is None


def test_a_file_earlier_on_the_path_takes_a_modules_place(project: Project) -> None:
    project.start(
        {
            "late/a.py": "X = 1\n",
            "early/note.txt": "",
            "main.py": "import sys\n"
            "sys.path[:0] = [sys.path[0] + '/early', sys.path[0] + '/late']\n"
            "import a\nY = a.X\n",
        }
    )
    project.save({"early/a.py": "X = 2\n"})
    assert project.eval("main.Y") == 2
    project.delete("early/a.py")
    assert project.eval("main.Y") == 1


def test_a_file_with_the_name_of_a_loaded_library_needs_a_new_process(
    project: Project,
) -> None:
    project.start({"main.py": "import textwrap\nX = textwrap.dedent(' a')\n"})
    report = project.save({"textwrap.py": "def dedent(text):\n    return 1\n"})
    assert "library textwrap" in (report.restart or "")


def test_what_may_stand_before_a_module_is_watched(project: Project) -> None:
    project.start({"a.py": "", "pkg/__init__.py": "", "main.py": "import a, pkg\n"})
    files = project.eval("sorted(engine.watched()[0])")
    root = str(project.root)
    assert f"{root}/a/__init__.py" in files
    assert f"{root}/pkg/__init__/__init__.py" not in files


NATIVE = {
    "import": "import pkg._native\nX = pkg._native.V\n",
    "from": "from pkg import _native\nX = _native.V\n",
    "as": "import pkg._native as n\nX = n.V\n",
}


@pytest.mark.parametrize("source", NATIVE.values(), ids=NATIVE)
def test_a_submodule_that_is_not_tracked_stays_bound(
    project: Project, source: str
) -> None:
    library = project.scratch / "native"
    library.mkdir()
    (library / "_native.py").write_text("V = 1\n")
    head = f"__path__.append({str(library)!r})\n"
    project.start(
        {
            "pkg/__init__.py": head + "A = 1\n",
            "other.py": "import pkg._native\nY = pkg._native.V\n",
            "main.py": source + "Z = 1\n",
        }
    )
    project.edit("pkg/__init__.py", "A = 1", "A = 2\nB = 3")
    project.save({"main.py": "import os\n" + source + "Z = 1\n"})
    project.save({"main.py": "import os\n" + source + "import other\nZ = 1\n"})
    project.save({"main.py": "import other\nimport os\n" + source + "Z = 2\n"})
    project.edit("pkg/__init__.py", "A = 2\n", "")
    project.save({"main.py": "import pkg\nZ = 1\n"})
    project.save({"main.py": source})


def test_a_module_that_becomes_a_package_makes_its_objects_itself(
    project: Project,
) -> None:
    library = project.scratch / "site"
    library.mkdir()
    (library / "outside.py").write_text("SHARED = []\n")
    source = "import outside\ntry:\n    x = outside.SHARED\n    y = len\nfinally:\n    pass\n"
    main = f"import sys\nsys.path.append({str(library)!r})\nimport m\n"
    project.start({"m.py": source, "main.py": main})
    project.save(
        {
            "m.py": None,
            "m/__init__.py": source,
            "main.py": main + "seen = [vars(m)['x'], vars(m)['y'](m.x)]\n",
        }
    )
