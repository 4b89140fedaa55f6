"""A changed route is built alone: what the others had added to the application is
added to the new one. Every edit is compared with a cold start (harness.py)."""

from __future__ import annotations

import importlib.util

import pytest

from .harness import Project, ran

if importlib.util.find_spec("fastapi") is None:
    pytest.skip("fastapi cannot be installed on this Python", allow_module_level=True)

APP = """
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()


    class Item(BaseModel):
        name: str = "ann"


    @app.get("/first")
    def first():
        return 1


    @app.get("/a")
    def a(q: int = 1) -> Item:
        return Item(name=str(q))


    @app.get("/b")
    @app.get("/bb")
    def b():
        return "b"


    @app.websocket("/socket")
    async def socket(websocket):
        await websocket.accept()


    @app.get("/{name}")
    def named(name: str):
        return name
    """
TARGETS = ["/first", "/a", "/a?q=x", "/b", "/bb", "/c", "/openapi.json"]
CREATOR = "main: app = FastAPI()"
KEPT = "[id(f) for f in (main.first, main.b, main.named)]"


@pytest.fixture
def routes(project: Project) -> Project:
    """The first route that a process builds has more to import; it has run twice."""
    project.asked = TARGETS
    project.before = lambda: project.ask("requests", targets=TARGETS)
    project.start({"main.py": APP}, attr="app")
    project.edit("main.py", '"/{name}"', '"/x{name}"')
    project.edit("main.py", '"/x{name}"', '"/{name}"')
    return project


def test_editing_a_route_builds_no_other(routes: Project) -> None:
    before = routes.eval(KEPT)
    report = routes.edit("main.py", "q: int = 1", "q: int = 2")
    assert ran(report) == [CREATOR, "main: def a"]
    assert before == routes.eval("[id(f) for f in (main.first, main.b, main.named)]")


def test_adding_and_removing_a_route_builds_no_other(routes: Project) -> None:
    new = '@app.get("/c")\ndef c():\n    return "c"\n\n\n'
    report = routes.edit("main.py", '@app.get("/b")', new + '@app.get("/b")')
    assert ran(report) == [CREATOR, "main: def c"]
    report = routes.edit("main.py", new, "")
    assert ran(report) == [CREATOR]


def test_routes_that_change_places_match_in_the_new_order(routes: Project) -> None:
    last = '@app.get("/{name}")\ndef named(name: str):\n    return name\n'
    text = routes.read("main.py").replace(last, "")
    report = routes.save(
        {"main.py": text.replace('@app.get("/first")', last + '@app.get("/first")')}
    )
    assert CREATOR in ran(report) and "main: def first" not in ran(report)


def test_editing_a_model_builds_the_routes_that_use_it(routes: Project) -> None:
    report = routes.edit("main.py", '"ann"', '"bob"')
    assert set(ran(report)) == {CREATOR, "main: class Item", "main: def a"}


def test_editing_the_application_builds_all_routes(routes: Project) -> None:
    report = routes.edit("main.py", "FastAPI()", "FastAPI(deprecated=True)")
    assert report.error is None
    assert len(ran(report)) == 6


def test_a_setting_of_the_router_builds_the_routes_below(routes: Project) -> None:
    routes.edit(
        "main.py", '@app.get("/b")', 'app.router.tags.append("old")\n\n\n@app.get("/b")'
    )
    routes.edit("main.py", "q: int = 1", "q: int = 2")
    report = routes.edit("main.py", '"old"', '"new"')
    setting = "main: app.router.tags.append('new')"
    assert ran(report) == [
        CREATOR,
        setting,
        "main: def b",
        "main: def socket",
        "main: def named",
    ]


def test_a_decorator_of_the_program_runs_again(project: Project) -> None:
    project.asked = ["/a", "/b", "/openapi.json"]
    marked = """def marked(f):
        app.router.tags.append('m')
        return f


    class Item"""
    text = APP.replace('@app.get("/b")', '@marked\n    @app.get("/b")')
    text = text.replace("class Item", marked)
    project.start({"main.py": text}, attr="app")
    project.edit("main.py", "q: int = 1", "q: int = 2")
    report = project.edit("main.py", "q: int = 2", "q: int = 3")
    assert {"main: def a", "main: def b", "main: def named"} <= set(ran(report))


def test_22_one_route_among_300_is_built_alone(project: Project) -> None:
    text = "from fastapi import FastAPI\n\napp = FastAPI()\n" + "".join(
        f"\n\n@app.get('/r{n}')\ndef handler{n}(q: int = {n}):\n    return q\n"
        for n in range(300)
    )
    project.asked = ["/r0", "/r150", "/x150", "/r299"]
    project.start({"main.py": text}, attr="app")
    report = project.edit("main.py", "'/r150'", "'/x150'")
    # the first route that was built had more to import
    assert set(ran(report)) - {"main: def handler0"} == {
        CREATOR,
        "main: def handler150",
    }
    report = project.edit("main.py", "q: int = 150", "q: str = 'x'")
    assert ran(report) == [CREATOR, "main: def handler150"]


def test_overrides_of_dependencies_build_all_routes(routes: Project) -> None:
    routes.exec("main.app.dependency_overrides[len] = len")
    report = routes.edit("main.py", "q: int = 1", "q: int = 2", check=False)
    assert len(ran(report)) == 6


def test_a_route_that_fails_leaves_the_application_as_it_was(routes: Project) -> None:
    report = routes.edit("main.py", "q: int = 1", "q: {} = 1")
    assert report.error is not None
    report = routes.edit("main.py", "q: {} = 1", "q: int = 3")
    assert ran(report) == [CREATOR, "main: def a"]


def test_twenty_edits_in_a_row_leave_no_route_twice(routes: Project) -> None:
    for n in range(2, 22):
        routes.edit("main.py", f"q: int = {n - 1}", f"q: int = {n}")
    assert routes.eval("len(main.app.routes)") == 4 + 6


def test_applications_that_were_replaced_are_freed(routes: Project) -> None:
    routes.exec(
        "import gc\n"
        "def alive():\n"
        "    gc.collect()\n"
        "    return sum(type(o) is type(main.app) for o in gc.get_objects())\n"
    )
    counts = []
    for n in range(2, 14):
        routes.edit("main.py", f"q: int = {n - 1}", f"q: int = {n}", check=False)
        old, new = ("/first", "/one") if n % 2 == 0 else ("/one", "/first")
        routes.edit("main.py", f'"{old}"', f'"{new}"', check=False)
        counts.append(routes.eval("alive()"))
    assert counts[-1] <= counts[3], counts


def test_a_router_of_another_file(project: Project) -> None:
    project.asked = ["/v1/a", "/v1/b", "/openapi.json"]
    routers = APP.replace("FastAPI", "APIRouter").replace("app", "router")
    main = """
        from fastapi import FastAPI
        from users import router

        app = FastAPI()
        app.include_router(router, prefix="/v1")
        """
    project.start({"users.py": routers, "main.py": main}, attr="app")
    project.edit("users.py", "q: int = 1", "q: int = 2")
    report = project.edit("users.py", "q: int = 2", "q: int = 3")
    assert ran(report)[:2] == ["users: router = APIRouter()", "users: def a"]
    assert not {"users: def b", "users: def named"} & set(ran(report))
