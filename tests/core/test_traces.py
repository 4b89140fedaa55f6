"""Traces (lifespans), entries, and the way back to the old world."""

from __future__ import annotations

from textwrap import dedent

import pytest

from .harness import Project, expect, ran

PROGRAM = {
    "store.py": """
        URL = "db://1"
        SIZE = 10


        def connect():
            return {"url": URL}


        def handler():
            return SIZE
        """,
    "main.py": """
        import store
        from store import SIZE

        pools = []


        async def lifespan():
            pools.append(store.connect())
            yield
            pools.clear()


        def start():
            return store.connect()
        """,
}
STARTUP = """
    import main
    engine.begin("lifespan")
    pool = main.start()
    engine.end("lifespan")
    """


def started(project: Project) -> None:
    project.start(PROGRAM)
    project.exec(STARTUP)


def test_a_trace_is_stale_when_what_it_read_changed(project: Project) -> None:
    started(project)
    report = project.edit("store.py", "db://1", "db://2")
    assert report.stale == ["lifespan"]


def test_a_trace_is_stale_when_what_it_called_changed(project: Project) -> None:
    started(project)
    report = project.edit("store.py", '{"url": URL}', '{"address": URL}')
    assert report.stale == ["lifespan"]


def test_a_trace_is_kept_when_something_else_changed(project: Project) -> None:
    started(project)
    report = project.edit("store.py", "SIZE = 10", "SIZE = 20")
    assert report.stale == []
    report = project.edit("store.py", "return SIZE", "return -SIZE")
    assert report.stale == []
    report = project.edit("store.py", "SIZE = 20", "# why\nSIZE = 20")
    assert report.stale == []


def test_a_trace_that_is_equal_again_is_kept(project: Project) -> None:
    started(project)
    report = project.edit("store.py", '"db://1"', '"db:" "//1"')
    assert report.stale == []


def test_a_dropped_trace_is_never_stale(project: Project) -> None:
    started(project)
    project.exec("engine.drop('lifespan'); engine.drop('nosuch')")
    assert project.edit("store.py", "db://1", "db://2").stale == []


def test_a_trace_begun_again_replaces_the_old(project: Project) -> None:
    started(project)
    project.exec(
        """
        engine.begin("lifespan")
        size = main.store.handler()
        engine.end("lifespan")
        """
    )
    assert project.edit("store.py", "db://1", "db://2").stale == []
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == ["lifespan"]


def test_a_stale_trace_stays_stale_until_it_begins_again(project: Project) -> None:
    started(project)
    assert project.edit("store.py", "db://1", "db://2").stale == ["lifespan"]
    project.exec(STARTUP)
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == []
    assert project.edit("store.py", "db://2", "db://3").stale == ["lifespan"]


def test_two_traces_are_told_apart(project: Project) -> None:
    started(project)
    project.exec(
        """
        engine.begin("second")
        size = main.store.handler()
        engine.end("second")
        """
    )
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == ["second"]
    project.exec(STARTUP)
    project.exec("engine.drop('second')")
    assert project.edit("store.py", "db://1", "db://2").stale == ["lifespan"]


def test_a_trace_of_an_async_startup(project: Project) -> None:
    project.start(PROGRAM)
    project.exec(
        """
        import asyncio, main

        async def run():
            engine.begin("lifespan")
            cycle = main.lifespan()
            await anext(cycle)
            engine.end("lifespan")
            return cycle

        loop = asyncio.new_event_loop()
        cycle = loop.run_until_complete(run())
        """
    )
    assert project.edit("store.py", "return SIZE", "return 0", check=False).stale == []
    report = project.edit("store.py", "db://1", "db://2", check=False)
    assert report.stale == ["lifespan"]


def test_other_tasks_do_not_count_for_a_trace(project: Project) -> None:
    project.start(PROGRAM)
    project.exec(
        """
        import asyncio, main

        async def startup(gate):
            engine.begin("lifespan")
            main.store.connect()
            await gate.wait()
            engine.end("lifespan")

        async def request(gate):
            await asyncio.sleep(0)
            main.store.handler()
            gate.set()

        async def both():
            gate = asyncio.Event()
            await asyncio.gather(startup(gate), request(gate))

        asyncio.run(both())
        """
    )
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == []
    assert project.edit("store.py", "return SIZE", "return 1").stale == []
    assert project.edit("store.py", "db://1", "db://2").stale == ["lifespan"]


def test_other_threads_do_not_count_for_a_trace(project: Project) -> None:
    project.start(PROGRAM)
    project.exec(
        """
        import threading, main
        first, second = threading.Event(), threading.Event()

        def request():
            first.wait()
            main.store.handler()
            second.set()

        thread = threading.Thread(target=request)
        thread.start()
        engine.begin("lifespan")
        main.store.connect()
        first.set()
        second.wait()
        engine.end("lifespan")
        thread.join()
        """
    )
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == []
    assert project.edit("store.py", "db://1", "db://2").stale == ["lifespan"]


def test_a_task_that_a_startup_starts_counts(project: Project) -> None:
    project.start(PROGRAM)
    project.exec(
        """
        import asyncio, main

        async def load():
            return main.store.connect()

        async def startup():
            engine.begin("lifespan")
            await asyncio.create_task(load())
            await asyncio.to_thread(main.store.handler)
            engine.end("lifespan")

        asyncio.run(startup())
        """
    )
    assert project.edit("store.py", "db://1", "db://2").stale == ["lifespan"]
    project.exec("asyncio.run(startup())")
    assert project.edit("store.py", "SIZE = 10", "SIZE = 20").stale == ["lifespan"]


def test_the_entry_runs_again_when_its_app_is_new(project: Project) -> None:
    project.start({"main.py": "app = {'n': [1]}\nother = 1\n"}, attr="app")
    assert project.eval("engine.result('entry') is sys.modules['main'].app")
    project.edit("main.py", "[1]", "[2]")
    assert project.eval("engine.result('entry') is sys.modules['main'].app")
    assert project.eval("engine.result('entry')") == {"n": [2]}


def test_a_factory_is_an_entry(project: Project) -> None:
    source = """
        from config import NAME

        def create_app():
            return {"name": NAME, "index": index}

        def index():
            return 1
        """
    project.start({"config.py": "NAME = 'a'\n", "main.py": source})
    project.exec(
        """
        import importlib

        def make():
            return importlib.import_module("main").create_app()

        app = engine.run("entry", make)
        """
    )
    project.edit("main.py", "return 1", "return 2", check=False)
    assert project.eval("engine.result('entry') is app")
    project.edit("config.py", "'a'", "'b'", check=False)
    assert project.eval("engine.result('entry')['name']") == "b"


def test_an_entry_that_fails_is_an_error_of_the_edit(project: Project) -> None:
    project.start({"main.py": "app = [1]\nx = 1\n"}, attr="app")
    report = project.edit("main.py", "app = [1]\n", "")
    assert report.error
    assert "AttributeError" in report.error["type"]
    assert project.eval("engine.result('entry')") == [1]
    assert project.edit("main.py", "x = 1", "app = [2]").error is None


def test_the_old_world_and_back(project: Project) -> None:
    started(project)
    project.edit("store.py", "db://1", "db://2")
    project.exec("engine.swap_back()")
    assert project.eval("main.store.connect()") == {"url": "db://1"}
    project.exec("engine.swap_forward()")
    assert project.eval("main.store.connect()") == {"url": "db://2"}


def test_the_old_world_has_the_old_code(project: Project) -> None:
    started(project)
    project.edit("store.py", '{"url": URL}', '{"address": URL}')
    project.exec("engine.swap_back()")
    assert project.eval("main.store.connect()") == {"url": "db://1"}
    project.exec("engine.swap_forward()")
    assert project.eval("main.store.connect()") == {"address": "db://1"}


READER = """
    import main
    engine.begin("lifespan")
    seen = read()
    engine.end("lifespan")
    """


def reading(project: Project, expr: str) -> None:
    """Open and close a trace that reads something: its world is kept for it."""
    project.exec(f"import main\ndef read():\n    return {expr}\n{dedent(READER)}")


def test_the_old_world_has_removed_names_and_no_new_ones(project: Project) -> None:
    project.start({"main.py": "a = [1]\nb = [2]\ndef f():\n    return b\n"})
    reading(project, "main.f()")
    before = project.ids()
    report = project.save({"main.py": "a = [1]\nc = [3]\ndef f():\n    return b\n"})
    assert report.stale == ["lifespan"]
    after = project.ids()
    project.exec("engine.swap_back()")
    assert project.ids() == before
    project.exec("engine.swap_forward()")
    assert project.ids() == after
    assert project.edit("main.py", "c = [3]", "c = [4]").error is None


def test_the_old_world_of_an_object_that_grew(project: Project) -> None:
    """An appended statement changed the live group; the old world did not have it."""
    source = "def f():\n    return x\n\nx = []\nx.append(1)\n"
    project.start({"main.py": source})
    reading(project, "main.f()")
    project.save({"main.py": source + "x.append(2)\n"})
    project.exec("engine.swap_back()")
    assert project.eval("sys.modules['main'].x") == [1]
    project.exec("engine.swap_forward()")
    assert project.eval("sys.modules['main'].x") == [1, 2]


def test_the_old_world_has_what_its_startup_had_stored(project: Project) -> None:
    main = "import store\nN = 1\n\ndef up():\n    store.pool = [N]\n"
    project.start({"store.py": "pool = None\n", "main.py": main})
    reading(project, "main.up()")
    report = project.edit("main.py", "N = 1", "N = 2", check=False)
    assert report.stale == ["lifespan"]
    pool = "getattr(sys.modules['store'], 'pool', 'gone')"
    assert project.eval(pool) is None
    project.exec("engine.swap_back()")
    assert project.eval(pool) == [1]
    project.exec("engine.swap_forward()")
    assert project.eval(pool) is None


def test_the_old_world_has_what_a_later_statement_replaces(project: Project) -> None:
    source = "x = [1]\ndef f():\n    return x\n"
    project.start({"main.py": source})
    reading(project, "main.f()")
    for more, now in (("", [2]), ("\ny = 1", [2])):
        project.save({"main.py": source + f"x = [2]{more}\n"})
        assert project.eval("main.x") == now
    project.save({"main.py": source})
    project.save({"main.py": source + "x = [3]\n"})
    project.exec("engine.swap_back()")
    assert project.eval("sys.modules['main'].x") == [1]
    project.exec("engine.swap_forward()")
    assert project.eval("sys.modules['main'].x") == [3]
    project.exec("engine.settle()")
    project.save({"main.py": source})
    assert project.eval("main.x") == [1]


def test_a_reverted_edit_is_given_up(project: Project) -> None:
    started(project)
    before = project.snapshot()
    first = project.apply(["store.py"]).revision
    project.edit("store.py", "db://1", "db://2")
    project.exec("engine.swap_back(); engine.revert()")
    assert project.eval("main.store.connect()") == {"url": "db://1"}
    assert project.snapshot() == before
    report = project.apply(["store.py"])
    assert project.eval("main.store.connect()") == {"url": "db://2"}
    assert report.revision > first


def test_a_reverted_edit_can_be_mended(project: Project) -> None:
    started(project)
    project.edit("store.py", "db://1", "db://2")
    project.exec("engine.swap_back(); engine.revert()")
    report = project.edit("store.py", "db://2", "db://3")
    assert project.eval("main.store.connect()") == {"url": "db://3"}
    expect(report, ["store: URL = 'db://3'"])


def test_a_reverted_edit_undone_by_the_user_is_no_edit(project: Project) -> None:
    started(project)
    project.edit("store.py", "db://1", "db://2")
    project.exec("engine.swap_back(); engine.revert()")
    report = project.edit("store.py", "db://2", "db://1")
    expect(report, [], ["store: URL = 'db://1'"])


def test_a_reverted_new_module_is_forgotten(project: Project) -> None:
    project.start({"main.py": "x = 1\n\ndef f():\n    return x\n"})
    reading(project, "main.f()")
    project.write({"a.py": "y = 1\n"})
    project.edit("main.py", "x = 1", "x = 2\nimport a")
    project.exec("engine.swap_back(); engine.revert()")
    assert project.eval("('a' in sys.modules, engine.modules())") == (False, ["main"])
    project.apply(["main.py"])
    assert project.eval("sys.modules['main'].a.y") == 1


def test_there_is_no_old_world_before_the_first_edit(project: Project) -> None:
    project.start(PROGRAM)
    with pytest.raises(AssertionError, match="RuntimeError"):
        project.exec("engine.swap_back()")
    with pytest.raises(AssertionError, match="RuntimeError"):
        project.exec("engine.revert()")


def test_only_one_engine_is_installed(project: Project) -> None:
    project.start({"main.py": "x = 1\n"})
    with pytest.raises(AssertionError, match="RuntimeError"):
        project.exec("type(engine)(['/nosuch']).install()")


def test_an_uninstalled_engine_leaves_a_plain_process(project: Project) -> None:
    project.start({"main.py": "x = 1\n\ndef f():\n    return x\n"})
    finders = project.eval("[type(f).__name__ for f in sys.meta_path]")
    project.exec("engine.uninstall()")
    left = project.eval(
        "[getattr(f, '__name__', type(f).__name__) for f in sys.meta_path]"
    )
    assert len(left) == len(finders) - 1
    assert project.eval("main.f()") == 1
    assert project.eval("[sys.monitoring.get_tool(i) for i in (3, 4)]") == [None, None]


def test_uninstall_and_another_engine(project: Project) -> None:
    project.start({"main.py": "x = [1]\n"})
    project.exec(
        """
        kind = type(engine)
        engine.uninstall()
        del sys.modules["main"]
        worker.engine = engine = kind([worker.root.rstrip("/")])
        engine.install()
        import importlib
        engine.run("entry", lambda: importlib.import_module("main"))
        """
    )
    report = project.edit("main.py", "[1]", "[2]")
    assert ran(report) == ["main: x = [2]"]


def test_modules_imported_before_stay_untracked(project: Project) -> None:
    project.write({"early.py": "X = 1\n", "main.py": "from early import X\n"})
    project.worker = project.zygote.fork(project.root, project.scratch / "live.err")
    project.exec("import early")
    error = project.ask("start", engine=project.engine, entry="main", attr=None)
    assert error is None
    assert "early" not in project.eval("engine.modules()")
    report = project.edit("early.py", "X = 1", "X = 2", check=False)
    assert report.error is None
