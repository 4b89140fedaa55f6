# ruff: noqa: E501 (tables of programs, one a line)
"""Imports of every form, modules that come and go."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran


def test_a_diamond_is_never_one_edit_behind(project: Project) -> None:
    project.start(
        {
            "base.py": "X = 1\n",
            "left.py": "from base import X\nL = X * 10\n",
            "right.py": "from base import X\nR = X * 100\n",
            "main.py": "from left import L\nfrom right import R\nS = L + R\n",
        }
    )
    for n in range(2, 6):
        report = project.edit("base.py", f"X = {n - 1}", f"X = {n}")
        assert ran(report).count("main: S = L + R") == 1
        assert project.eval("main.S") == n * 110


def test_star_import_follows_values_and_names(project: Project) -> None:
    project.start(
        {"a.py": "X = 1\n_P = 2\n", "main.py": "from a import *\nother = [1]\n"}
    )
    report = project.edit("a.py", "X = 1", "X = 2")
    assert ran(report) == ["a: X = 2", "main: from a import *"]
    project.edit("a.py", "X = 2\n", "X = 2\nNEW = 3\n")
    assert project.eval("main.NEW") == 3
    project.edit("a.py", "NEW = 3\n", "")
    assert not project.eval("hasattr(main, 'NEW')")


def test_star_import_with_all(project: Project) -> None:
    files = {"a.py": "__all__ = ['X']\nX = 1\nY = 2\n", "main.py": "from a import *\n"}
    project.start(files)
    project.edit("a.py", "['X']", "['X', 'Y']")
    assert project.eval("main.Y") == 2
    project.edit("a.py", "['X', 'Y']", "['Y']")
    assert not project.eval("hasattr(main, 'X')")


def test_star_import_through_two_modules(project: Project) -> None:
    project.start(
        {
            "a.py": "X = 1\n",
            "b.py": "from a import *\n",
            "main.py": "from b import *\ny = X\n",
        }
    )
    project.edit("a.py", "X = 1", "X = 2\nZ = 3")
    assert project.eval("(main.y, main.Z)") == (2, 3)


def test_a_circular_import_of_modules(project: Project) -> None:
    project.start(
        {
            "a.py": "import b\nX = 1\n\ndef get_x():\n    return X + b.Y\n",
            "b.py": "import a\nY = 2\n\ndef get_y():\n    return Y + a.X\n",
            "main.py": "import a\n",
        }
    )
    report = project.edit("a.py", "X = 1", "X = 10")
    assert ran(report) == ["a: X = 10"]
    assert project.eval("main.a.b.get_y()") == 12
    report = project.edit("b.py", "Y + a.X", "Y * a.X")
    assert ran(report) == []


def test_a_circular_import_that_a_cold_start_refuses(project: Project) -> None:
    project.start(
        {
            "settings.py": "X = 1\n",
            "users.py": "from settings import X\nU = X\n",
            "main.py": "from users import U\nNAME = 'm'\n",
        }
    )
    report = project.edit(
        "users.py", "from settings import X\n", "from main import NAME\nX = 1\n"
    )
    assert report.error
    assert "ImportError" in report.error["type"]
    project.edit("users.py", "from main import NAME\n", "")


def test_use_before_def_is_the_error_of_a_cold_start(project: Project) -> None:
    source = "def get_user():\n    return 1\n"
    project.start({"main.py": source})
    report = project.save({"main.py": "D = [get_user]\n" + source})
    assert report.error
    assert "NameError" in report.error["type"]
    project.save({"main.py": source + "D = [get_user]\n"})
    report = project.save({"main.py": "D = [get_user]\n" + source})
    assert report.error


def test_a_name_used_above_its_import(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "from a import X\ny = X\n"})
    report = project.save({"main.py": "y = X\nfrom a import X\n"})
    assert report.error
    assert project.eval("main.y") == 1


def test_a_removed_name_is_the_importers_error(project: Project) -> None:
    project.start({"a.py": "X = 1\nY = 2\n", "main.py": "from a import X\n"})
    report = project.edit("a.py", "X = 1\n", "")
    assert report.error
    assert "cannot import name 'X' from 'a'" in report.error["message"]
    report = project.edit("a.py", "Y = 2\n", "Y = 2\nX = 3\n")
    assert report.error is None
    assert project.eval("main.X") == 3


def test_a_removed_attribute_is_the_readers_error(project: Project) -> None:
    project.start({"a.py": "X = 1\nY = 2\n", "main.py": "import a\nz = a.X\n"})
    report = project.edit("a.py", "X = 1\n", "")
    assert report.error
    assert "AttributeError" in report.error["type"]


def test_a_missing_module_that_appears(project: Project) -> None:
    source = """
        try:
            from local_settings import DEBUG
        except ImportError:
            DEBUG = False
        level = 10 if DEBUG else 20
        """
    project.start({"main.py": source})
    assert project.eval("main.level") == 20
    report = project.save({"local_settings.py": "DEBUG = True\n"})
    must = ["main: try:", "main: level = 10 if DEBUG else 20"]
    expect(report, must, ["local_settings: DEBUG = True"])
    project.edit("local_settings.py", "DEBUG = True", "DEBUG = False")
    assert project.eval("main.level") == 20
    project.edit("local_settings.py", "DEBUG = False", "DEBUG = 3")
    project.delete("local_settings.py")
    assert project.eval("main.level") == 20


def test_a_package_that_appears(project: Project) -> None:
    source = (
        "try:\n    import extra.tool as tool\nexcept ImportError:\n    tool = None\n"
    )
    project.start({"main.py": source})
    project.save({"extra/__init__.py": "", "extra/tool.py": "X = 1\n"})
    assert project.eval("main.tool.X") == 1


def test_a_deleted_module_is_the_importers_error(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "import a\nx = a.X\n"})
    report = project.delete("a.py")
    assert report.error
    assert "ModuleNotFoundError" in report.error["type"]
    assert project.eval("main.x") == 1
    report = project.save({"a.py": "X = 2\n"})
    assert report.error is None
    assert project.eval("main.x") == 2


def test_a_new_module_is_imported(project: Project) -> None:
    project.start({"main.py": "x = [1]\n"})
    project.write({"a.py": "Y = 1\n"})
    report = project.edit("main.py", "x = [1]\n", "x = [1]\nfrom a import Y\n")
    assert ran(report) == ["a: Y = 1", "main: from a import Y"]
    report = project.edit("a.py", "Y = 1", "Y = 2")
    assert ran(report) == ["a: Y = 2", "main: from a import Y"]


def test_a_module_nobody_imports_any_more_is_gone(project: Project) -> None:
    project.start(
        {
            "registry.py": "names = []\n",
            "a.py": "from registry import names\nnames.append('a')\n",
            "main.py": "import registry\nimport a\nx = [1]\n",
        }
    )
    project.edit("main.py", "import a\n", "")
    assert project.eval("main.registry.names") == []
    project.edit("main.py", "x = [1]", "import a\nx = [1]")
    assert project.eval("main.registry.names") == ["a"]


def test_a_renamed_module(project: Project) -> None:
    project.start({"a.py": "X = [1]\n", "main.py": "from a import X\n"})
    (project.root / "a.py").rename(project.root / "b.py")
    project.write({"main.py": "from b import X\n"})
    project.apply(["a.py", "b.py", "main.py"])
    assert project.eval("main.X") == [1]


def test_an_import_as(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "import a as m\ny = m.X\n"})
    report = project.edit("a.py", "X = 1", "X = 2")
    assert ran(report) == ["a: X = 2", "main: y = m.X"]


def test_a_module_held_by_another_name(project: Project) -> None:
    project.start(
        {
            "a.py": "X = 1\n",
            "b.py": "import a\nheld = [a]\n",
            "main.py": "from b import held\ny = held[0].X\n",
        }
    )
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("main.y") == 2


NAMESPACE_READS = {
    "vars": "sorted(k for k in vars(a) if k.isupper())",
    "dir": "[k for k in dir(a) if k.isupper()]",
    "__dict__": "[k for k in a.__dict__ if k.isupper()]",
}


@pytest.mark.parametrize("read", NAMESPACE_READS.values(), ids=NAMESPACE_READS)
def test_reading_a_whole_namespace_sees_new_names(project: Project, read: str) -> None:
    project.start({"a.py": "X = 1\n", "main.py": f"import a\nnames = {read}\n"})
    project.edit("a.py", "X = 1\n", "A = 0\nX = 1\nY = 2\n")
    project.edit("a.py", "X = 1\n", "")
    assert sorted(project.eval("main.names")) == ["A", "Y"]


def test_globals_sees_new_names(project: Project) -> None:
    source = "X = 1\nnames = [k for k in globals() if k.isupper()]\n"
    project.start({"main.py": source})
    project.edit("main.py", "X = 1\n", "X = 1\nY = 2\n")
    assert project.eval("main.names") == ["X", "Y"]
    project.edit("main.py", "Y = 2\n", "")
    assert project.eval("main.names") == ["X"]


def test_the_order_of_names_is_a_cold_starts(project: Project) -> None:
    project.start(
        {"a.py": "a = 1\nc = 3\n", "main.py": "import a\nn = list(vars(a))[-2:]\n"}
    )
    project.edit("a.py", "a = 1\n", "a = 1\nb = 2\n")
    assert project.eval("main.n") == ["b", "c"]


def test_type_checking_imports(project: Project) -> None:
    project.start(
        {
            "a.py": "from __future__ import annotations\n"
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from main import Main\n\n"
            "def f(m: Main) -> Main:\n    return m\n",
            "main.py": "import a\n\nclass Main:\n    pass\n",
        }
    )
    report = project.edit("a.py", "return m", "return [m]")
    assert ran(report) == []


def test_main_guard(project: Project) -> None:
    source = "x = 1\nif __name__ == '__main__':\n    raise SystemExit\n"
    project.start({"main.py": source})
    report = project.edit("main.py", "raise SystemExit", "raise SystemError")
    expect(report, [], ["main: if __name__ == '__main__':"])


def test_importlib_import_module(project: Project) -> None:
    project.start(
        {
            "plugins/__init__.py": "",
            "plugins/one.py": "NAME = 'one'\n",
            "main.py": "import importlib\n"
            "names = [importlib.import_module(f'plugins.{n}').NAME for n in ['one']]\n",
        }
    )
    project.edit("plugins/one.py", "'one'", "'uno'")
    assert project.eval("main.names") == ["uno"]


PLUGINS = {
    "pkgutil": "[m.name for m in pkgutil.iter_modules(plugins.__path__)]",
    "listdir": "sorted(n[:-3] for n in os.listdir(plugins.__path__[0]) if n[0] != '_')",
    "a folder with a slash": "sorted(n[:-3] for n in os.listdir(plugins.__path__[0] + '/') if n[0] != '_')",
    "glob": "sorted(p.stem for p in pathlib.Path(plugins.__path__[0]).glob('[a-z]*.py'))",
    "scandir": "sorted(e.name[:-3] for e in os.scandir(plugins.__path__[0]) if e.name[0] != '_')",
}


@pytest.mark.parametrize("listing", PLUGINS.values(), ids=PLUGINS)
def test_plugins_found_by_listing_a_folder(project: Project, listing: str) -> None:
    main = f"""
        import glob, importlib, os, pathlib, pkgutil
        import plugins

        found = {{
            name: importlib.import_module("plugins." + name).X for name in {listing}
        }}
        """
    files = {"plugins/__init__.py": "", "plugins/one.py": "X = 1\n", "main.py": main}
    project.start(files)
    project.save({"plugins/two.py": "X = 2\n"})
    assert project.eval("main.found") == {"one": 1, "two": 2}
    project.delete("plugins/one.py")
    assert project.eval("main.found") == {"two": 2}


def test_the_order_of_imports_changes(project: Project) -> None:
    project.start(
        {
            "log.py": "order = []\n",
            "a.py": "from log import order\norder.append('a')\n",
            "b.py": "from log import order\norder.append('b')\n",
            "main.py": "import a\nimport b\nfrom log import order\n",
        }
    )
    project.save({"main.py": "import b\nimport a\nfrom log import order\n"})
    assert project.eval("main.order") == ["b", "a"]


def test_an_import_moves_below_a_use_of_its_effects(project: Project) -> None:
    project.start(
        {
            "log.py": "order = []\n",
            "a.py": "from log import order\norder.append('a')\n",
            "main.py": "from log import order\nimport a\nn = len(order)\n",
        }
    )
    project.save({"main.py": "from log import order\nn = len(order)\nimport a\n"})
    assert project.eval("main.n") == 0


def test_an_import_added_high_up_changes_who_imports_first(project: Project) -> None:
    project.start(
        {
            "log.py": "order = []\n",
            "a.py": "from log import order\norder.append('a')\n",
            "b.py": "from log import order\norder.append('b')\n",
            "main.py": "import b\nimport a\nfrom log import order\n",
        }
    )
    project.edit("b.py", "from log", "import a\nfrom log")
    assert project.eval("main.order") == ["a", "b"]


def test_modules_are_plain_modules_between_edits(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "import a\ny = a.X\n"})
    kind = "type(main).__name__, type(main.a).__name__, type(vars(main)).__name__"
    assert project.eval(kind) == ("module", "module", "dict")
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval(kind) == ("module", "module", "dict")


def test_two_roots_of_one_engine(project: Project) -> None:
    """`modules` lists tracked modules only, in the order their imports end."""
    project.start(
        {
            "pkg/__init__.py": "import json\nfrom . import low\n",
            "pkg/low.py": "import other\n",
            "other.py": "",
            "main.py": "import pkg\n",
        }
    )
    assert project.eval("engine.modules()") == ["other", "pkg.low", "pkg", "main"]


def test_importlib_reload(project: Project) -> None:
    project.start({"a.py": "X = 1\n", "main.py": "import a\ny = [a.X]\n"})
    project.exec("import importlib, main; importlib.reload(main.a)")
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("main.y") == [2]


def test_a_symlinked_module(project: Project) -> None:
    project.write({"real/a.py": "X = 1\n", "main.py": "import a\ny = [a.X]\n"})
    (project.root / "a.py").symlink_to(project.root / "real" / "a.py")
    project.start()
    project.edit("real/a.py", "X = 1", "X = 2")
    assert project.eval("main.y") == [2]


def test_sys_modules_holds_the_module_while_it_runs(project: Project) -> None:
    source = "import sys\nme = sys.modules[__name__]\nX = 1\ny = me.X\n"
    project.start({"main.py": source})
    project.edit("main.py", "X = 1", "X = 2")
    assert project.eval("main.y") == 2


def test_dunder_names_are_right_while_statements_run(project: Project) -> None:
    source = """
        facts = (__name__, __package__, __file__[-7:], __spec__.name, __doc__)
        where = __loader__ is not None and __spec__.origin[-7:]
        X = 1
        """
    project.start({"main.py": source})
    project.edit("main.py", "X = 1", "X = facts")
    assert project.eval("main.facts") == ("main", "", "main.py", "main", None)


STORE = "import low\nx = 1\nlow.put = x\n"


def test_an_attribute_stored_anew_is_stored(project: Project) -> None:
    project.start(
        {"low.py": "", "up.py": STORE, "main.py": "import up, low\ny = [1]\n"}
    )
    project.save({"up.py": "from __future__ import annotations\n" + STORE})
    assert project.eval("main.low.put") == 1
    project.save({"up.py": STORE.replace("low.put = x\n", "")})
    assert not project.eval("hasattr(main.low, 'put')")


FAILING = {
    "registry.py": "names = []\n",
    "low.py": "LEVEL = 1\n",
    "extra.py": "from registry import names\nfrom low import LEVEL\nnames.append('e')\n"
    "if LEVEL:\n    raise ValueError(LEVEL)\nX = 5\n",
    "main.py": "try:\n    import extra\n    ok = True\nexcept ValueError:\n    ok = False\n"
    "from registry import names\nn = len(names)\n",
}


def test_an_import_that_fails_in_a_try_is_tried_again_when_it_may_work(
    project: Project,
) -> None:
    project.start(FAILING)
    report = project.edit("main.py", "n = len", "n = 2 * len")
    assert ran(report) == ["main: n = 2 * len(names)"]
    project.edit("low.py", "LEVEL = 1", "LEVEL = 0")
    assert project.eval("(main.ok, main.extra.X, main.n)") == (True, 5, 2)
    project.edit("low.py", "LEVEL = 0", "LEVEL = 2")
    assert project.eval("(main.ok, main.names, main.n)") == (False, ["e"], 2)
    project.edit("extra.py", "append('e')", "extend('ef')")
    assert project.eval("main.names") == ["e", "f"]
    project.edit("extra.py", "if LEVEL:", "if not LEVEL:")
    assert project.eval("main.ok")


def test_an_import_in_a_branch_that_is_not_taken(project: Project) -> None:
    project.start(
        {
            "low.py": "FAST = False\n",
            "a.py": "X = 'a'\n",
            "b.py": "X = 'b'\n",
            "main.py": "from low import FAST\nif FAST:\n    import a as m\n"
            "else:\n    import b as m\nx = [m.X]\n",
        }
    )
    project.edit("low.py", "False", "True")
    assert project.eval("(main.x, 'b' in sys.modules)") == (["a"], False)
    project.edit("a.py", "'a'", "'aa'")
    project.edit("low.py", "True", "False")
    assert project.eval("(main.x, 'a' in sys.modules)") == (["b"], False)


def test_modules_of_one_import_load_in_its_order(project: Project) -> None:
    order = "from log import order\norder.append(__name__)\n"
    project.start(
        {
            "log.py": "order = []\n",
            "pkg/__init__.py": "",
            "pkg/a.py": order,
            "pkg/c.py": order,
            "main.py": "from pkg import a, c\nfrom log import order\nn = [*order]\n",
        }
    )
    project.write({"pkg/b.py": order})
    project.edit("main.py", "import a, c", "import a, b, c")
    assert project.eval("main.n") == ["pkg.a", "pkg.b", "pkg.c"]
    project.edit("main.py", "import a, b, c", "import c, b, a")
    assert project.eval("main.n") == ["pkg.c", "pkg.b", "pkg.a"]


def test_a_module_that_puts_something_else_in_its_place(project: Project) -> None:
    source = "import sys\n\nclass Lazy:\n    X = 1\n\nsys.modules[__name__] = Lazy\n"
    main = "import a\nY = 1\nz = [a.X, Y]\n"
    project.start({"a.py": source, "main.py": main})
    project.edit("main.py", "Y = 1", "Y = 2")
    assert project.eval("main.z") == [1, 2]
    project.edit("main.py", "import a", "import a # again\nimport a as b")
    assert project.eval("main.b is main.a")


def test_a_failed_edit_keeps_the_order_of_names_stored_from_elsewhere(
    project: Project,
) -> None:
    project.start(
        {
            "pkg/sub.py": "y = 1\n",
            "a.py": "x = 1\n",
            "main.py": "from a import x\nfrom pkg import sub\nsub.put = 0.5\n",
        }
    )
    names = "from pkg import sub\nv = [*vars(sub)]\n"
    report = project.save({"main.py": names + "from a import nosuch\n"})
    assert report.error


def test_an_import_by_name_takes_its_place_when_it_is_called(project: Project) -> None:
    project.start(
        {
            "main.py": "import pkg\n",
            "pkg/__init__.py": """
                import importlib
                plain = importlib.import_module("pkg.backend")
                send = plain.send
                """,
            "pkg/backend.py": "from .shared import s\n\ndef send():\n    return s\n",
            "pkg/shared.py": "s = 1\n",
        }
    )
    old = 'plain = importlib.import_module("pkg.backend")'
    project.edit("pkg/__init__.py", old, f"if True:\n    {old}")


def test_a_module_that_was_there_already_keeps_its_place_in_an_import(
    project: Project,
) -> None:
    """It is imported there once the import above it is gone."""
    project.start(
        {
            "pkg/__init__.py": "",
            **{f"pkg/{name}.py": f"import log\nlog.add('{name}')\n" for name in "abc"},
            "log.py": "LOG = []\n\ndef add(name):\n    LOG.append(name)\n",
            "main.py": "import pkg.b\nfrom pkg import a, b, c\n",
        }
    )
    project.edit("main.py", "import pkg.b\n", "")
    assert project.eval("main.b.log.LOG") == ["a", "b", "c"]
    project.edit("main.py", "from pkg", "import pkg.c\nfrom pkg")
    assert project.eval("main.b.log.LOG") == ["c", "a", "b"]


def test_a_loop_that_imports_binds_its_variable_first(project: Project) -> None:
    project.start(
        {
            "main.py": "import pkg\n",
            "pkg/__init__.py": """
                import importlib
                for name in ("pkg.a", "pkg.b"):
                    importlib.import_module(name)
                """,
            "pkg/a.py": "X = 1\n",
            "pkg/b.py": "Y = 1\n",
        }
    )
    project.edit("pkg/a.py", "X = 1", "X = 2")


def test_a_star_import_that_becomes_a_part_of_a_condition(project: Project) -> None:
    project.start(
        {
            "main.py": "from a import *\nx = X\n",
            "a.py": "X = 1\nY = []\n",
        }
    )
    project.save({"main.py": "if True:\n    from a import *\nx = X\n"})
    project.edit("a.py", "Y = []", "Z = []")
    project.save({"main.py": "from a import *\nx = X\n"})


def test_a_module_that_only_a_request_imported_and_that_fails_now_goes(
    project: Project,
) -> None:
    source = "def ask():\n    import late\n    return late.X\n"
    project.start({"late.py": "X = 1\n", "main.py": source})
    assert project.eval("main.ask()") == 1
    report = project.save({"late.py": "X = 1 / 0\n"})
    assert report.error is None  # it is the next request's
    report = project.save({"late.py": "X = 3\n"}, check=False)
    assert (report.error, project.eval("main.ask()")) == (None, 3)
