"""dependency-injector: functions are wired as a cold start would wire them, to
containers that are not made anew for that. With the real library."""

from __future__ import annotations

import pytest

from .harness import Project, Report, ran, settled

SERVICES = """\
def name(url):
    return url + "!"


class Repo:
    def __init__(self, url):
        self.url = url

    def get(self):
        return self.url


class Service:
    def __init__(self, repo, size=3):
        self.repo, self.size = repo, size

    def value(self):
        return [self.repo.get(), self.size]
"""
CONTAINER = """\
from dependency_injector import containers, providers
from shop.services import Repo, Service

URL = "a:"


class Container(containers.DeclarativeContainer):
    repo = providers.Singleton(Repo, url=URL)
    service = providers.Factory(Service, repo=repo)
"""
API = """\
from dependency_injector.wiring import Provide, Provider, inject
from shop.container import Container

LIMIT = 10


@inject
def items(limit=LIMIT, service=Provide[Container.service]):
    return [limit, service.value()]


@inject
async def slow(repo=Provide["repo"]):
    return ["slow", repo.get(), helper(1)]


@inject
def helper(number, make=Provider[Container.service]):
    return [number, make().value()]


class Held:
    @inject
    def __init__(self, repo=Provide[Container.repo]):
        self.repo = repo

    @classmethod
    @inject
    def of_class(cls, repo=Provide[Container.repo]):
        return ["of_class", repo.get()]

    @staticmethod
    @inject
    def of_none(repo=Provide[Container.repo]):
        return ["of_none", repo.get()]
"""
MARKERS = """\
from typing import Annotated
from dependency_injector.wiring import Provide, inject
from shop.container import Container
from shop.services import Repo, Service

attribute = Provide[Container.service]
annotated: Annotated[Repo, Provide["repo"]]
SIZE = 1


def plain(service=Provide[Container.service]):
    return [SIZE, service.value()]


class Marked:
    service: Service = Provide[Container.service]

    def method(self, repo=Provide[Container.repo]):
        return ["method", repo.get()]
"""
ANSWERS = """\


def answers():
    import asyncio
    from shop.api import views

    held = views.Held()
    called = [views.items(), asyncio.run(views.slow()), views.helper(2)]
    return [*called, held.repo.get(), held.of_class(), held.of_none()]


def marked():
    from shop.api import markers

    found = [markers.attribute.value(), markers.annotated.get(), markers.plain()]
    return [*found, markers.Marked.service.value(), markers.Marked().method()]
"""
AT_THE_TOP = """\
from shop.container import Container

container = Container()
container.wire(packages=["shop.api"])
from shop.api import views
"""
IN_A_FUNCTION = """\
from shop.container import Container
import shop.api.views


def create():
    made = Container()
    made.wire(modules=[shop.api.views])
    return made


container = create()
"""
IN_ITS_CLASS = """\
from shop.container import Container

container = Container()
"""
CONFIGURED = CONTAINER.replace(
    "    repo =",
    "    wiring_config = containers.WiringConfiguration(packages=['shop.api'])\n"
    "    repo =",
    1,
)
LAYOUTS = {
    "at the top": (AT_THE_TOP, CONTAINER),
    "in a function": (IN_A_FUNCTION, CONTAINER),
    "in its class": (IN_ITS_CLASS, CONFIGURED),
}
UNWIRE = "container.unwire()\n"
# What there is of the program's own in the library's registry.
REGISTERED = (
    "sorted(f.__qualname__ for f in sys.modules['dependency_injector.wiring']"
    "._patched_registry._callables)"
)
VIEWS, SHOP = "shop/api/views.py", "shop/services.py"
EDITS = {
    "a body": (VIEWS, "[limit, service", "[limit + 1, service"),
    "a default": (VIEWS, "limit=LIMIT", "limit=7"),
    "a constant": (VIEWS, "LIMIT = 10", "LIMIT = 20"),
    "another provider": (VIEWS, 'Provide["repo"]', "Provide[Container.repo]"),
    "another parameter": (VIEWS, "def helper(number", "def helper(number, *"),
    "a coroutine": (VIEWS, "slow(repo", "slow(*, repo"),
    "a method": (VIEWS, "__init__(self, repo", "__init__(self, *, repo"),
    "a class method": (VIEWS, "of_class(cls, repo", "of_class(cls, *, repo"),
    "a static method": (VIEWS, "of_none(repo", "of_none(*, repo"),
    "one more": (
        VIEWS,
        "@inject\ndef helper",
        "@inject\ndef more(repo=Provide[Container.repo]):\n    return repo.url\n\n\n"
        "MORE = [1]\n\n\n@inject\ndef helper",
    ),
    "what a container is made of": ("shop/container.py", '"a:"', '"b:"'),
    "a provider": ("shop/container.py", "repo=repo", "repo=repo, size=9"),
    "a new provider": (
        "shop/container.py",
        "    repo = ",
        "    port = providers.Object(5)\n    repo = ",
    ),
    "a class": (SHOP, "size=3", "size=4"),
    "how a class is made": (SHOP, "self.url = url", "self.url = url + url"),
    "what that calls": (SHOP, "self.url = url", "self.url = name(url)"),
    "what is called then": (SHOP, '"!"', '"?"'),
}


def edit(project: Project, name: str, old: str, new: str) -> Report:
    """As the server does: adapters are told of edits that were applied."""
    report = project.edit(name, old, new)
    if not report.error:
        project.exec("from hmr_serve import adapters; adapters.applied()")
    return report


def start(project: Project, main: str, container: str = CONTAINER) -> None:
    files = {
        "shop/__init__.py": "",
        SHOP: SERVICES,
        "shop/container.py": container,
        "shop/api/__init__.py": "",
        VIEWS: API,
        "main.py": main + ANSWERS,
    }
    project.start(files)
    project.exec("main.answers()")  # the request makes the singletons


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_edit_is_wired_as_by_a_cold_start(project: Project, layout: str) -> None:
    start(project, *LAYOUTS[layout])
    for change in EDITS.values():
        report = edit(project, *change)
        assert report.error is None and report.restart is None
        settled(project, "main.answers()")
        settled(project, REGISTERED)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_twenty_edits_leave_each_function_once(project: Project, layout: str) -> None:
    start(project, *LAYOUTS[layout])
    for number in range(10, 30):
        edit(project, VIEWS, f"LIMIT = {number}", f"LIMIT = {number + 1}")
        assert settled(project, "main.answers()")[0][0] == number + 1
    settled(project, REGISTERED)


def test_a_container_and_what_it_holds_stay(project: Project) -> None:
    start(project, AT_THE_TOP)
    project.exec("first, repo = main.container, main.container.repo()")
    report = edit(project, VIEWS, "LIMIT = 10", "LIMIT = 11")
    assert ran(report) == ["shop.api.views: LIMIT = 11", "shop.api.views: def items"]
    report = edit(project, VIEWS, "def helper(number", "def helper(number, *")
    assert ran(report) == ["shop.api.views: def helper"]
    edit(project, SHOP, "return self.url", "return 2 * self.url")
    settled(project, "main.answers()")
    assert project.eval("main.container is first and first.repo() is repo")
    edit(project, SHOP, "self.url = url", "self.url = name(url)")
    settled(project, "main.answers()")
    assert project.eval("main.container is first and first.repo() is not repo")


def test_a_failed_edit_leaves_what_is_wired(project: Project) -> None:
    start(project, AT_THE_TOP)
    before = project.eval("main.answers()"), project.eval(REGISTERED)
    for name, mend in ((VIEWS, "LIMIT = 10"), ("shop/container.py", 'URL = "a:"')):
        assert edit(project, name, mend, f"{mend[:-1]}5'\n1 / 0").error
        assert (project.eval("main.answers()"), project.eval(REGISTERED)) == before
        text = mend.replace("10", "8").replace("a:", "c:")
        assert project.save({name: project.read(name).replace(mend, text)}).error
        broken = f"{mend[:-1]}5'\n1 / 0"
        assert project.read(name).count(broken) == 1
        edit(project, name, broken, text)
        settled(project, "main.answers()")
        before = project.eval("main.answers()"), project.eval(REGISTERED)


def test_what_is_not_wired_any_more(project: Project) -> None:
    start(project, AT_THE_TOP)
    bound = "sorted((f.__qualname__, bool(p.injections)) for f, p in sys.modules["
    bound += "'dependency_injector.wiring']._patched_registry._callables.items())"
    wire = 'container.wire(packages=["shop.api"])\n'
    assert {there for _, there in settled(project, bound)} == {True}
    text = project.read("main.py")
    for new, there in (("", False), (wire, True), (f"{wire}{UNWIRE}", False)):
        # Not compared in all: the class knows itself from the first wiring on.
        project.save({"main.py": text.replace(wire, new)}, check=False)
        project.exec("from hmr_serve import adapters; adapters.applied()")
        assert {each for _, each in settled(project, bound)} == {there}


def test_functions_of_modules_that_are_not_wired(project: Project) -> None:
    """A module is wired with all that it has imported."""
    start(project, IN_A_FUNCTION)
    other = API.replace("def items", "def others").replace("return [limit", "return ['")
    project.save({"shop/other.py": other.replace("return ['", "return [limit")})
    edit(project, VIEWS, "LIMIT = 10", "from shop.other import others\nLIMIT = 10")
    settled(project, "sys.modules['shop.api.views'].others()")
    for number in range(10, 13):
        edit(project, "shop/other.py", f"= {number}\n", f"= {number + 1}\n")
        settled(project, "sys.modules['shop.api.views'].others()")


MARKED = {
    "a function": ("def plain(service", "def plain(*, service"),
    "a constant": ("SIZE = 1", "SIZE = 2"),
    "a method": ("def method(self, repo", "def method(self, *, repo"),
    "an attribute": ("attribute = ", "other = attribute = "),
    "an annotation": ('Provide["repo"]', "Provide[Container.repo]"),
    "the class": ("class Marked:", "class Marked:\n    size = 5\n"),
}


@pytest.mark.parametrize("layout", ["at the top", "in its class"])
def test_markers_outside_of_parameters(project: Project, layout: str) -> None:
    start(project, *LAYOUTS[layout])
    project.save({"shop/api/markers.py": MARKERS})
    settled(project, "main.marked()")
    for old, new in MARKED.values():
        edit(project, "shop/api/markers.py", old, new)
        settled(project, "main.marked()")
    for old, new in (('"a:"', '"b:"'), ("repo=repo", "repo=repo, size=8")):
        edit(project, "shop/container.py", old, new)
        settled(project, "main.marked()")


def test_a_first_marker_in_a_module_needs_a_restart(project: Project) -> None:
    start(project, AT_THE_TOP)
    new = "LIMIT = 10\nmarked = Provide[Container.repo]"
    report = edit(project, VIEWS, "LIMIT = 10", new)
    assert project.restarts == ["marked has a marker, which is wired at the start"]
    assert report.error is None
    assert project.eval("sys.modules['shop.api.views'].marked.get()") == "a:"


def test_markers_in_a_module_that_only_the_wiring_imports(project: Project) -> None:
    marks = (
        "from dependency_injector.wiring import Provide\nfrom box import Container\n"
        "attribute = Provide[Container.n]\n"
        "def plain(n=Provide[Container.n]):\n    return n\n"
    )
    box = (
        "from dependency_injector import containers, providers\n"
        "class Container(containers.DeclarativeContainer):\n"
        "    n = providers.Object(5)\n"
    )
    wiring = "container = Container()\ncontainer.wire(packages=['pkg'])\n"
    files = {"pkg/__init__.py": "", "pkg/marks.py": marks, "box.py": box}
    project.start({**files, "main.py": "from box import Container\n" + wiring})
    wired = "(lambda m: (m.attribute, m.plain()))(sys.modules['pkg.marks'])"
    for number in range(5, 9):
        old, new = ("n=", "*, n=") if number % 2 else ("*, n=", "n=")
        project.edit("pkg/marks.py", f"plain({old}", f"plain({new}", check=False)
        assert project.eval(wired) == (number, number)
        edit = f"Object({number})", f"Object({number + 1})"
        project.edit("box.py", *edit, check=False)
        assert project.eval(wired) == (number + 1, number + 1)
