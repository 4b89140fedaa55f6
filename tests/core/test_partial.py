"""An update visits only the modules that it may affect, and all where it must."""

from __future__ import annotations

import pytest

from .harness import Project, ran

SHOP = {
    "settings.py": "LIMIT = 3\nNAME = 'shop'\n",
    "models.py": "from settings import NAME\n\nclass Item:\n    shop = NAME\n",
    "items.py": "from models import Item\nfrom settings import LIMIT\nmost = [LIMIT]\n",
    "users.py": "from models import Item\nowner = [Item]\n",
    "main.py": "import items\nimport users\nfirst = [items, users]\n",
}


def test_an_edit_of_a_leaf_visits_it_and_whoever_leads_there(project: Project) -> None:
    project.start(SHOP)
    report = project.edit("users.py", "[Item]", "[Item, 1]")
    assert ran(report) == ["users: owner = [Item, 1]"]
    assert sorted(report.visited) == ["main", "users"]


def test_a_patch_visits_nothing(project: Project) -> None:
    project.start({**SHOP, "users.py": "def f():\n    return 1\n"})
    assert project.edit("users.py", "return 1", "return 2").visited == []


def test_a_change_visits_its_readers(project: Project) -> None:
    project.start(SHOP)
    report = project.edit("settings.py", "LIMIT = 3", "LIMIT = 4")
    assert ran(report) == [
        "settings: LIMIT = 4",
        "items: from settings import LIMIT",
        "items: most = [LIMIT]",
    ]
    assert "users" not in report.visited
    assert project.eval("items.most") == [4]


@pytest.mark.parametrize(
    "line",
    [
        "from pkg.limits import LIMIT",
        "from .limits import LIMIT",
        "import pkg.limits; LIMIT = pkg.limits.LIMIT",
        "import pkg.limits as limits; LIMIT = limits.LIMIT",
        "from pkg import limits; LIMIT = limits.LIMIT",
        "from . import limits; LIMIT = limits.LIMIT",
    ],
)
@pytest.mark.parametrize("init", [True, False])
def test_a_change_in_a_package_visits_its_readers(
    project: Project, line: str, init: bool
) -> None:
    """Each statement runs once: the walk needs no second attempt as a whole one."""
    line = line.replace("; ", "\n")
    project.start(
        {
            **({"pkg/__init__.py": ""} if init else {}),
            "pkg/limits.py": "LIMIT = 3\n",
            "pkg/items.py": f"{line}\nmost = [LIMIT]\n",
            "pkg/users.py": "users = []\n",
            "main.py": "import pkg.users, pkg.items\nfrom pkg import items\n",
        }
    )
    for number in (4, 5):
        report = project.save({"pkg/limits.py": f"LIMIT = {number}\n"})
        assert len(ran(report)) == len(set(ran(report)))
        assert ran(report)[-1] == "pkg.items: most = [LIMIT]"
        assert set(report.visited) == {"main", "pkg.items", "pkg.limits"}
        assert project.eval("main.items.most") == [number]


def test_a_reader_that_was_passed_already_is_visited(project: Project) -> None:
    """b reads a.X while a is still being imported, and a sets X last."""
    project.start(
        {
            "a.py": "X = [1]\nimport b\nX = [b.n]\n",
            "b.py": "import a\nn = len(a.X)\n",
            "main.py": "import a\nseen = a.X\n",
        }
    )
    report = project.edit("a.py", "X = [1]\n", "X = [1, 1]\n")
    assert "b: n = len(a.X)" in ran(report)
    assert project.eval("main.seen") == [2]


def test_a_removed_name_is_missed_by_its_readers(project: Project) -> None:
    project.start(SHOP)
    report = project.edit("settings.py", "NAME = 'shop'\n", "")
    assert report.error is not None
    report = project.edit("settings.py", "LIMIT = 3\n", "LIMIT = 3\nNAME = 'new'\n")
    assert project.eval("models.Item.shop") == "new"


def test_another_order_of_imports_visits_all(project: Project) -> None:
    project.start(SHOP)
    report = project.edit(
        "main.py", "import items\nimport users\n", "import users\nimport items\n"
    )
    assert sorted(report.visited) == sorted(name[:-3] for name in SHOP)


def test_another_name_from_a_module_that_is_imported_visits_no_more(
    project: Project,
) -> None:
    project.start(SHOP)
    report = project.edit("items.py", "import LIMIT", "import LIMIT, NAME")
    assert sorted(report.visited) == ["items", "main"]


def test_a_registry_of_several_modules_is_filled_in_order(project: Project) -> None:
    """Which version a member meets depends on modules that nobody edited."""
    member = "from registry import add\n\n@add\ndef {0}():\n    return 1\n"
    project.start(
        {
            "registry.py": "ALL = []\n\ndef add(f):\n    ALL.append(f)\n    return f\n",
            "one.py": member.format("one"),
            "two.py": member.format("two"),
            "three.py": member.format("three"),
            "main.py": "import one, two, three\nfrom registry import ALL\n"
            "names = [f.__name__ for f in ALL]\n",
        }
    )
    project.edit("two.py", "def two", "def other")
    assert project.eval("main.names") == ["one", "other", "three"]


def test_a_name_that_another_module_puts_there_keeps_its_place(
    project: Project,
) -> None:
    project.start(
        {
            "a.py": "x = [1]\n",
            "b.py": "import a\na.put = '9'\n",
            "main.py": "import a, b\nboth = [a.put]\n",
        }
    )
    project.edit("a.py", "x = [1]\n", "x = [1]\ny = [2]\n")
    assert project.eval("list(vars(__import__('a')))[-3:]") == ["x", "y", "put"]


def test_a_module_below_a_package_stays_in_its_place(project: Project) -> None:
    project.start(
        {
            "pkg/__init__.py": "",
            "pkg/sub.py": "x = 1\n",
            "main.py": "from pkg.sub import x\n",
        }
    )
    project.save({"pkg/__init__.py": "class C:\n    limit = 1\n"})
    project.save({"pkg/__init__.py": "from . import sub\nclass C:\n    limit = 2\n"})


def test_a_failed_update_is_followed_by_a_right_one(project: Project) -> None:
    project.start(SHOP)
    assert project.edit("users.py", "[Item]", "[Item, nosuch]").error
    assert project.edit("settings.py", "'shop'", "'other'").error
    report = project.edit("users.py", "nosuch", "2")
    assert project.eval("users.owner[0].shop") == "other"
    assert report.error is None


IN_FUNCTION = "def f():\n    import late\n    return late.x\n"
NEW = {
    "by a function": IN_FUNCTION + "x = f()\n",
    "by a class body": IN_FUNCTION + "class C:\n    x = f()\ny = C.x\n",
    "in a try": "try:\n    from late import x\nexcept ImportError:\n    x = 0\n",
}


@pytest.mark.parametrize("text", NEW.values(), ids=NEW)
def test_a_new_statement_that_imports_runs_once_in_both_walks(
    project: Project, text: str
) -> None:
    """It runs in a partial walk, which then turns out not to do."""
    files = {"late.py": "x = 1\n", "leaf.py": "z = 1\n", "main.py": "import leaf\n"}
    project.start(files)
    report = project.save({"leaf.py": text})
    assert len(report.executed) == len(set(report.executed))


def test_an_edited_module_that_nobody_imports_any_more_goes(project: Project) -> None:
    """Its alias has to run again, and no partial walk ever comes to it."""
    alias = "type A = list[C]\n"
    project.start(
        {
            "a.py": f"class C: ...\n{alias}",
            "b.py": "from a import C\n",
            "main.py": "from b import C\n",
        }
    )
    project.save({"a.py": alias, "b.py": "", "main.py": ""})
    assert "a" not in project.eval("list(sys.modules)")
