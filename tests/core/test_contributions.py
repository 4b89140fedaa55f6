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


ROUTER = """
    from contextlib import asynccontextmanager

    from fastapi import APIRouter, Depends


    def need(n: int = 1):
        return n


    @asynccontextmanager
    async def life(app):
        yield {{"{0}": "up"}}


    router = APIRouter(prefix="/{0}", lifespan=life)
    inner = APIRouter()


    @inner.get("/inner")
    def get_inner():
        return "inner {0}"


    @router.get("/x", dependencies=[Depends(need)])
    def get_x():
        return "{0} 1"


    router.include_router(inner, tags=["in"])
    """
BIG = """
    from fastapi import Depends, FastAPI, Request

    import a, b, c

    app = FastAPI()
    app.include_router(a.router)
    app.include_router(b.router, prefix="/v1", dependencies=[Depends(b.need)])
    app.include_router(c.router, tags=["c"])


    @app.get("/state")
    def state(request: Request):
        return sorted(request.state._state)
    """
INCLUDED = ["/a/x", "/a/inner", "/v1/b/x", "/v1/b/x?n=z", "/v1/b/inner", "/c/x"]
INCLUDED += ["/c/new", "/d/x", "/state", "/openapi.json"]


@pytest.fixture
def routers(project: Project) -> Project:
    """An application that includes routers of three modules."""
    project.asked = INCLUDED
    project.before = lambda: project.ask("requests", targets=INCLUDED)
    files = {f"{name}.py": ROUTER.format(name) for name in "abc"}
    project.start({**files, "main.py": BIG}, attr="app")
    project.edit("c.py", '"c 1"', '"c" + str(1)')
    for old, new in (('"/x"', '"/y"'), ('"/y"', '"/x"')):
        project.edit("c.py", old, new)
    return project


def test_a_route_of_a_router_includes_no_other(routers: Project) -> None:
    report = routers.edit("b.py", '"/x"', '"/new"')
    assert not [line for line in ran(report) if "a.router" in line or "c.r" in line]
    assert [line for line in ran(report) if "include_router(b.router" in line]
    report = routers.edit("b.py", '"/new"', '"/x"')
    assert not [line for line in ran(report) if line.startswith(("a:", "c:"))]


def test_how_a_router_is_included_concerns_no_other(routers: Project) -> None:
    report = routers.edit("main.py", '"/v1"', '"/v2"')
    routers.edit("main.py", '"/v2"', '"/v1"')
    ours = [line for line in ran(report) if "include_router" in line]
    assert ours and all("b.router" in line for line in ours)


def test_routers_that_come_go_and_change_places(routers: Project) -> None:
    routers.save({"d.py": ROUTER.format("d")})
    line = "    app.include_router(a.router)\n"
    text = BIG.replace("a, b, c", "a, b, c, d")
    more = text.replace(line, line + line.replace("a.router", "d.router"))
    routers.save({"main.py": more})
    routers.save({"main.py": text})
    routers.save({"main.py": text.replace(line, "")})
    routers.save({"main.py": BIG})


def test_what_stands_in_front_of_routers_reaches_them(routers: Project) -> None:
    routers.edit("main.py", "FastAPI()", "FastAPI(dependencies=[Depends(a.need)])")
    routers.edit("main.py", "dependencies=[Depends(a.need)]", "")
    for name in "abc":
        routers.edit(f"{name}.py", "lifespan=life", "")


def test_an_override_is_for_the_application_that_serves(routers: Project) -> None:
    routers.edit("b.py", '"/x"', '"/new"')
    override = "main.app.dependency_overrides.update({b.need: lambda: 5})"
    routers.exec(f"import main, b\n{override}")
    routers.edit("b.py", '"/new"', '"/x"', check=False)
    kept = "main.app.dependency_overrides"
    assert routers.eval(f"[f() for f in {kept}.values()]") in ([], [5])
