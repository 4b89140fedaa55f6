# ruff: noqa: E501 (tables of programs, one a line)
"""`__getattr__` of modules, and getattr() on them."""

from __future__ import annotations

from .harness import Project


def test_getattr_on_a_module(project: Project) -> None:
    project.start(
        {
            "a.py": "X = 1\n",
            "main.py": "import a\nname = 'X'\ny = getattr(a, name)\n"
            "z = getattr(a, 'Z', None)\nw = hasattr(a, 'W')\n",
        }
    )
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("main.y") == 2
    project.edit("a.py", "X = 2", "X = 2\nZ = 3\nW = 4")
    assert project.eval("(main.z, main.w)") == (3, True)


def test_module_getattr(project: Project) -> None:
    lazy = "def __getattr__(name):\n    return name.upper()\n"
    project.start({"a.py": lazy, "main.py": "from a import x\ny = x\n"})
    project.edit("a.py", "name.upper()", "name * 2")
    assert project.eval("main.y") == "xx"
    project.edit("a.py", "def __getattr__", "x = 5\ndef __getattr__")
    assert project.eval("main.y") == 5


def test_switching_to_module_getattr(project: Project) -> None:
    project.start({"a.py": "x = 1\n", "main.py": "from a import x\ny = x\n"})
    project.save({"a.py": "def __getattr__(name):\n    return 7\n"})
    assert project.eval("main.y") == 7
    project.save({"a.py": "x = 1\n"})
    assert project.eval("main.y") == 1


def test_a_module_getattr_that_comes_and_goes_is_a_read(project: Project) -> None:
    main = "import a\nx = getattr(a, 'x', 0)\nhas = hasattr(a, 'y')\n"
    project.start({"a.py": "b = 1\n", "main.py": main})
    project.edit("a.py", "b = 1\n", "b = 1\n\ndef __getattr__(n):\n    return n\n")
    assert project.eval("main.x, main.has") == ("x", True)
    project.save({"a.py": "b = 1\n"})
    assert project.eval("main.x, main.has") == (0, False)


def test_a_package_in_a_cycle_has_no_getattr_yet(project: Project) -> None:
    package = """
        from .a import f
        LAZY = ["f"]

        def __getattr__(name):
            if name in LAZY:
                return name
            raise AttributeError(name)
        """
    a = "from . import b\n\ndef f():\n    return b.X\n"
    project.start(
        {
            "main.py": "import pkg\nx = pkg.f()\n",
            "pkg/__init__.py": package,
            "pkg/a.py": a,
            "pkg/b.py": "X = 1\n",
        }
    )
    project.edit("pkg/a.py", "from . import b", "if True:\n    from . import b")
    project.save({"pkg/a.py": a})


def test_a_module_imported_by_name_that_lacks_an_attribute(project: Project) -> None:
    """importlib asks the module for its spec with a default: that hides this error."""
    project.start(
        {
            "main.py": """
                import importlib
                backend = importlib.import_module("backend")
                name = getattr(backend, "NAME", "none")
                """,
            "backend.py": "import os\nNAME = os.sep\n",
        }
    )
    project.save(
        {
            "backend.py": "import os\nNAME = os.nosuch\n",
            "main.py": """
                import importlib
                backend = importlib.import_module("back" + "end")
                name = getattr(backend, "NAME", "none")
                """,
        }
    )
    project.edit("backend.py", "os.nosuch", "os.name")


def test_importlib_does_not_ask_a_module_that_it_has_not_run_yet(
    project: Project,
) -> None:
    lazy = "x = 1\n\ndef __getattr__(name):\n    if name == 'y':\n        return x\n    raise AttributeError(name)\n"
    files = {"a.py": "", "lazy.py": lazy, "main.py": "import a\nimport lazy\n"}
    project.start(files)
    project.save({"b.py": "from lazy import y\n", "a.py": "from b import y\n"})
    assert project.eval("a.y") == 1
