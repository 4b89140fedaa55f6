"""What applications keep in objects: differences that random programs of such kinds
(applications.py, models.py) have found."""

from __future__ import annotations

import pytest

from .harness import Project, ran

CONTAINER = """
class C:
    held = []

    @classmethod
    def add(cls, x):
        cls.held.append(x)

    def put(self, x):
        self.held.append(x)


class Sub(C):
    pass


o = Sub()
"""


@pytest.mark.parametrize(
    "fill",
    [
        "Sub.held.append(1)",
        "o.held.append(1)",
        "Sub.add(1)",
        "C.add(1)",
        "o.put(1)",
        "x = o.put(1)",
        "Sub.held += [1]",
        "for i in range(2):\n    Sub.held.append(i)",
    ],
)
def test_who_fills_a_container_of_a_base_class_can_go(
    project: Project, fill: str
) -> None:
    project.start({"a.py": CONTAINER, "main.py": f"from a import C, Sub, o\n{fill}\n"})
    project.save({"main.py": "from a import C, Sub, o\n"})
    assert project.eval("main.C.held") == []


OPEN = """
import pydantic


class Open(pydantic.BaseModel):
    late: 'Late | None' = None
"""
LATE = "class Late(pydantic.BaseModel):\n    x: int = 1\n\n\n"


def test_a_model_that_nobody_rebuilds_any_more_is_incomplete(project: Project) -> None:
    main = f"import pydantic\nfrom a import Open\n\n\n{LATE}"
    build = "Open.model_rebuild(_types_namespace={'Late': Late})\n"
    project.start({"a.py": OPEN, "main.py": main + build})
    project.save({"main.py": main})
    assert not project.eval("main.Open.__pydantic_complete__")
    project.save({"main.py": main + build})
    assert project.eval("main.Open.__pydantic_complete__")
    project.edit("main.py", "x: int = 1", "x: int = 2")
    assert project.eval("main.Open(late={}).late.x") == 2


@pytest.mark.parametrize("decorator", ["cache", "lru_cache(maxsize=3)"])
def test_an_attribute_of_a_cached_function_is_set_by_its_statement(
    project: Project, decorator: str
) -> None:
    make = f"import functools\n\n\n@functools.{decorator}\ndef f():\n    return 1\n"
    sets = "from a import f\nf.label = 1\n"
    project.start({"a.py": make, "main.py": f"{sets}f()\n"})
    project.save(
        {"main.py": "from a import f\ny = getattr(f, 'label', 0)\nf.label = 1\n"}
    )
    assert project.eval("main.y") == 0
    project.save({"main.py": "from a import f\ny = getattr(f, 'label', 0)\n"})
    assert project.eval("hasattr(main.f, 'label')") is False
    assert ran(project.edit("main.py", ", 0)", ", 2)")) == [
        "main: y = getattr(f, 'label', 2)"
    ]


def test_a_module_below_a_package_that_fails_is_not_found_by_requests(
    project: Project,
) -> None:
    ask = "def get_x():\n    from pkg.sub import x\n    return x\n"
    project.start({"pkg/__init__.py": "", "pkg/sub.py": "", "main.py": ask})
    project.save({"pkg/__init__.py": "missing\n", "pkg/sub.py": "x = 2\n"})
    project.save({"pkg/__init__.py": ""})
    assert project.eval("main.get_x()") == 2


@pytest.mark.parametrize(
    "init", ["from . import sub\n", "import pkg.sub\n", "from .sub import x\n"]
)
def test_a_module_that_a_failing_package_has_missed_appears(
    project: Project, init: str
) -> None:
    attempt = "try:\n    from pkg.sub import x\nexcept ImportError:\n    x = None\n"
    project.start({"pkg/__init__.py": init, "main.py": attempt})
    watched = project.eval("engine.watched()")[0]
    assert str(project.root / "pkg/sub.py") in watched
    project.save({"pkg/sub.py": "y = 1\n"})
    project.save({"pkg/sub.py": "x = 1\n"})
    assert project.eval("main.x") == 1


def test_what_a_failing_module_of_requests_has_imported_goes(project: Project) -> None:
    ask = "def get_x():\n    from sub import x\n    return x\n"
    project.start({"deep.py": "", "sub.py": "", "main.py": ask})
    fails = "from deep import missing\n"
    project.save({"sub.py": fails, "main.py": "y = 1\n"})
    assert not project.eval("'deep' in __import__('sys').modules")
    project.save({"deep.py": "missing = 1\n", "sub.py": f"{fails}x = 1\n"})
    project.save({"main.py": ask})
    assert project.eval("main.get_x()") == 1


PROXY = """
class Proxy:
    def __init__(self, target):
        self.target = target

    def __getattr__(self, name):
        return getattr(self.target, name)
"""
SETTINGS = """
class Settings:
    A = 1


inner = Settings()
outer = Proxy(Proxy(inner))
"""


ASKS = """
    def __getattr__(self, name):
        raise AttributeError(name)
"""
ASKS_ALWAYS = """
    def __getattribute__(self, name):
        return object.__getattribute__(self, name)
"""


@pytest.mark.parametrize("asks", ["", ASKS, ASKS_ALWAYS], ids=["", "asks", "always"])
def test_who_asks_a_proxy_of_a_proxy_sees_what_there_is_at_its_place(
    project: Project, asks: str
) -> None:
    settings = SETTINGS.replace("    A = 1\n", f"    A = 1\n{asks}")
    project.start(
        {"a.py": PROXY + settings, "main.py": "from a import inner\ninner.A = 2\n"}
    )
    reads = "from a import outer, inner\nx = [outer.A]\ninner.A = 2\n"
    project.save({"main.py": reads})
    assert project.eval("main.x") == [1]


def test_a_cache_holds_what_its_first_caller_has_filled_it_with(
    project: Project,
) -> None:
    cached = "import functools\n\n\n@functools.cache\ndef f():\n    return [x]\n\n\n"
    project.start({"main.py": f"x = 1\n{cached}y = f()\nx += 5\n"})
    project.save({"main.py": f"x = 1\n{cached}x += 5\ny = f()\n"})
    assert project.eval("main.y") == [6]


def test_what_a_new_class_has_computed_at_once_stays(project: Project) -> None:
    kept = "import functools\n\n\nclass C:\n    @functools.cached_property\n"
    made = f"{kept}    def y(self):\n        return [x]\n\n\nx = 1\no = C()\n"
    project.start({"main.py": ""})
    project.save({"a.py": made, "main.py": "from a import o\no.y\n"})
    assert project.eval("main.o.__dict__") == {"y": [1]}
    project.edit("a.py", "x = 1", "x = 2")
    assert project.eval("main.o.__dict__") == {"y": [2]}
