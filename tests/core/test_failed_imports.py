"""Imports that fail in programs that go on: differences that random programs have
found."""

from __future__ import annotations

from .harness import Project


def test_a_module_of_a_package_that_fails_is_there_only_after_the_attempt(
    project: Project,
) -> None:
    """The first import of it tries the package, and fails; a later one finds it in
    sys.modules. It has to run after a walk in which the latter was all there was."""
    made = "class C:\n    A = 0\no = C()\n"
    first = "try:\n    from two import o, v, z\nexcept ImportError:\n    o = None\n"
    project.start(
        {
            "m2.py": made,
            "pkg/__init__.py": "from . import sub\nimport missing\n",
            "pkg/sub.py": "from m2 import o\ny = o.A\n",
            "two.py": "from pkg.sub import o\no.B = 1\n",
            "main.py": first,
        }
    )
    project.save(
        {
            "m2.py": f"{made}v = 1\n",
            "two.py": "from m2 import v\nfrom pkg.sub import o\no.B = 1\n",
            "main.py": f"{first}from two import o\n",
        }
    )
    assert not project.eval("hasattr(main, 'v')")


def test_a_package_that_had_failed_comes_with_its_module(project: Project) -> None:
    project.start(
        {
            "pkg/__init__.py": "from . import sub\nimport missing\n",
            "pkg/sub.py": "x = 1\n",
            "a.py": "try:\n    from pkg.sub import x\nexcept ImportError:\n    x = 0\n",
            "b.py": "from pkg.sub import x\n",
            "main.py": "import a\nimport b\n",
        }
    )
    project.save({"pkg/__init__.py": "", "a.py": "", "main.py": "import b\n"})
    assert project.eval("'pkg' in sys.modules")


def test_what_a_failing_import_imports_runs_on_its_way(project: Project) -> None:
    """two finds pkg in sys.modules, as its import is under way; run for itself it
    would try that import once more, and fail."""
    taken = "try:\n    from pkg.sub import x\nexcept ImportError:\n    x = 0\n"
    project.start(
        {
            "m1.py": "",
            "m2.py": "import pkg.deep\n",
            "pkg/__init__.py": "from m2 import o\n",
            "pkg/sub.py": "",
            "pkg/deep.py": "from m1 import f\n",
            "two.py": "",
            "main.py": taken,
        }
    )
    project.save(
        {
            "m1.py": "import two\nimport pkg.sub as k\n",
            "pkg/sub.py": "x = [1]\n",
            "two.py": taken,
        }
    )
    assert project.eval("__import__('sys').modules['two'].x") == [1]


def test_a_module_stays_that_an_import_did_not_find_a_name_in(
    project: Project,
) -> None:
    """deep fails at first, and with it one; then both come while deep is imported."""
    tried = "try:\n    from one import x\nexcept ImportError:\n    x = None\n"
    project.start(
        {
            "one.py": "from deep import *\n",
            "two.py": tried,
            "three.py": "",
            "deep.py": "from three import d\ndef __getattr__(name):\n    return 1\n",
            "main.py": "from two import *\n",
        }
    )
    project.save(
        {
            "two.py": f"{tried}d = 1\n",
            "three.py": "from two import d\n",
            "main.py": "from deep import dyn\n",
        }
    )
    assert project.eval("'one' in sys.modules")


def test_an_import_that_stored_into_a_module_that_failed_is_tried_again(
    project: Project,
) -> None:
    """Seed 3020384."""
    project.start(
        {
            "one.py": "from two import x\n",
            "two.py": "from three import x\n",
            "three.py": "import one\none.put = 2\n",
            "main.py": "try:\n    import one\nexcept ImportError:\n    one = None\n",
        }
    )
    project.save({"one.py": "from two import x\n"})
    project.save({"one.py": "from two import x, y\n"})
    mended = {"one.py": "from two import x\n"}
    project.save({**mended, "three.py": "import one\none.put = 2\nx = 3\n"})
    assert project.eval("main.one.put") == 2
