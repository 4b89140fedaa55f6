"""What statements put into libraries goes with them, as a cold start would have it.

With the real libraries: each edit's outcome is compared with a cold start by what the
library itself says.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness import Project, Report, ran, settled

# ---- logging

LOGGERS = (
    "[(n, l.level, l.propagate, l.disabled, [(type(h).__name__, h.level) for h in "
    "l.handlers], len(l.filters)) for n, l in [('', __import__('logging').root), "
    "*sorted((n, l) for n, l in __import__('logging').root.manager.loggerDict.items() "
    "if n in ('a', 'b', 'a.x') and hasattr(l, 'level'))] "
    "if not n or l.level or l.handlers or l.filters or l.disabled or not l.propagate]"
)
LOGGING = {
    "basicConfig": "logging.basicConfig(level=logging.INFO)",
    "another level": "logging.basicConfig(level=logging.DEBUG)",
    "a level": "logging.getLogger('a').setLevel(10)",
    "a named logger": "log = logging.getLogger('a')\nlog.setLevel(20)",
    "a handler": "logging.getLogger('a').addHandler(logging.StreamHandler())",
    "two handlers": (
        "log = logging.getLogger('a')\nlog.addHandler(logging.NullHandler())\n"
        "log.addHandler(logging.StreamHandler())"
    ),
    "a filter": "logging.getLogger('b').addFilter(print)",
    "propagate": "logging.getLogger('a').propagate = False",
    "in a function": (
        "def setup():\n    logging.getLogger('a').setLevel(30)\n"
        "    logging.basicConfig(level=5)\n\nsetup()"
    ),
    "dictConfig": (
        "import logging.config\nlogging.config.dictConfig({'version': 1, "
        "'disable_existing_loggers': False, 'handlers': {'h': {'class': "
        "'logging.StreamHandler', 'level': 'ERROR'}}, 'loggers': {'a': {'handlers': "
        "['h'], 'level': 'INFO', 'propagate': False}}, 'root': {'level': 'DEBUG'}})"
    ),
    "disable": "logging.disable(10)",
    "nothing": "",
}


@pytest.mark.parametrize("before", LOGGING, ids=LOGGING)
def test_logging_is_configured_as_the_edited_code_says(
    project: Project, before: str
) -> None:
    head, tail = "import logging\n", "\nx = 1\n"
    project.start({"main.py": head + LOGGING[before] + tail})
    for after in LOGGING.values():
        project.save({"main.py": head + after + tail})
        settled(project, LOGGERS)
        settled(project, "__import__('logging').root.manager.disable")
        project.save({"main.py": head + LOGGING[before] + tail})
        settled(project, LOGGERS)


def test_a_failed_edit_leaves_a_level_that_setLevel_refuses(project: Project) -> None:
    """Seed 530796."""
    text = (
        "import logging\nlevel = [3]\nlog = logging.getLogger('b')\nlog.level = level\n"
    )
    project.start({"main.py": text})
    assert project.save({"main.py": text.replace("level = [3]\n", "")}).error
    assert project.eval("main.log.level") == [3]


def test_two_statements_configure_one_logger(project: Project) -> None:
    text = (
        "import logging\nlogging.getLogger('a').setLevel(10)\n"
        "logging.getLogger('a').addHandler(logging.NullHandler())\n"
        "logging.getLogger('a').addHandler(logging.StreamHandler())\nx = 1\n"
    )
    project.start({"main.py": text})
    for number in range(11, 31):
        project.edit("main.py", f"Level({number - 1})", f"Level({number})")
        settled(project, LOGGERS)
    project.edit("main.py", "NullHandler()", "NullHandler(5)")
    settled(project, LOGGERS)
    report = project.edit("main.py", "x = 1", "x = 2")
    assert ran(report) == ["main: x = 2"]


def test_a_later_basicConfig_takes_effect_when_the_first_one_goes(
    project: Project,
) -> None:
    first = "logging.basicConfig(level=10)\n"
    text = f"import logging\n{first}y = 1\nlogging.basicConfig(level=20)\n"
    project.start({"main.py": text})
    project.edit("main.py", first, "")
    assert settled(project, LOGGERS)[0][1] == 20
    project.edit("main.py", "y = 1\n", f"{first}y = 1\n")
    assert settled(project, LOGGERS)[0][1] == 10


def test_an_existing_logger_that_is_disabled_again_needs_a_restart(
    project: Project,
) -> None:
    config = "import logging.config\nlogging.config.dictConfig({'version': 1})\n"
    text = f"{config}import logging\nlog = logging.getLogger('a')\nlog.setLevel(10)\n"
    project.start({"main.py": text})
    report = project.edit("main.py", "'version': 1", "'version':  1, 'root': {}")
    assert project.restarts or report.restart


def test_a_failed_edit_leaves_the_loggers(project: Project) -> None:
    text = "import logging\nlogging.basicConfig(level=10)\nx = 1\n"
    project.start({"main.py": text})
    before = project.eval(LOGGERS)
    handlers = "[id(h) for h in __import__('logging').root.handlers]"
    ids = project.eval(handlers)
    assert project.edit("main.py", "level=10)", "level=20)\n1 / 0").error
    assert project.eval(LOGGERS) == before
    assert project.eval(handlers) == ids


def test_what_a_request_did_to_a_logger_stays(project: Project) -> None:
    text = "import logging\nlogging.basicConfig(level=10)\nx = 1\n"
    project.start({"main.py": text})
    project.exec("import logging; logging.getLogger('a').setLevel(40)")
    project.edit("main.py", "level=10", "level=20", check=False)
    assert project.eval("__import__('logging').getLogger('a').level") == 40


# ---- prometheus_client

METRICS = (
    "[(m.name, m.documentation, m.type, [(s.name, s.labels, s.value) for s in "
    "m.samples if not s.name.endswith('_created')]) "
    "for m in __import__('prometheus_client').REGISTRY.collect() if m.name[:2] == 'x_']"
)
PROMETHEUS = (
    "from prometheus_client import Counter, Gauge, Histogram\n"
    "SEEN = Counter('x_seen', 'Seen.')\n"
    "SIZE = Gauge('x_size', 'Size.')\n"
    "TOOK = Histogram('x_took', 'Took.', buckets=(1, 2))\n"
)


def test_a_changed_metric_replaces_itself_and_others_stay(project: Project) -> None:
    project.start({"main.py": PROMETHEUS})
    ids = project.ids()
    report = project.edit("main.py", "'Size.'", "'How big.'")
    assert ran(report) == ["main: SIZE = Gauge('x_size', 'How big.')"]
    settled(project, METRICS)
    project.edit("main.py", "'x_seen'", "'x_looked_at'")
    settled(project, METRICS)
    project.edit("main.py", "buckets=(1, 2)", "buckets=(1, 3)")
    settled(project, METRICS)
    project.edit("main.py", "SIZE = Gauge('x_size', 'How big.')\n", "")
    settled(project, METRICS)
    now = project.ids()
    assert now["main.SEEN"] != ids["main.SEEN"]


def test_untouched_metrics_keep_their_values_through_edits(project: Project) -> None:
    project.start({"main.py": PROMETHEUS})
    ids = project.ids()
    project.exec("sys.modules['main'].SEEN.inc(7)")
    old = "'Size.'"
    for number in range(20):
        new = f"'Size {number}.'"
        project.edit("main.py", old, new)
        old = new
    assert project.ids()["main.SEEN"] == ids["main.SEEN"]
    names = "list(__import__('prometheus_client').REGISTRY._names_to_collectors)"
    found = project.eval(names)
    assert len(found) == len(set(found))
    get = "__import__('prometheus_client').REGISTRY.get_sample_value('x_seen_total')"
    assert project.eval(get) == 7
    assert [m[1] for m in project.eval(METRICS)] == ["Seen.", "Size 19.", "Took."]


def test_a_failed_edit_leaves_the_metrics(project: Project) -> None:
    project.start({"main.py": PROMETHEUS})
    project.exec("sys.modules['main'].SEEN.inc(7)")
    before, ids = project.eval(METRICS), project.ids()
    text = project.read("main.py").replace("Seen.", "New.") + "1 / 0\n"
    assert project.save({"main.py": text}).error
    assert project.eval(METRICS) == before
    assert project.ids()["main.SEEN"] == ids["main.SEEN"]


def test_a_metric_that_stands_twice_is_an_error_as_in_a_cold_start(
    project: Project,
) -> None:
    project.start({"main.py": PROMETHEUS})
    report = project.edit("main.py", "TOOK =", "MORE = Counter('x_seen', '')\nTOOK =")
    assert "Duplicated timeseries" in report.error["message"]
    project.edit("main.py", "MORE = Counter('x_seen', '')\n", "")
    settled(project, METRICS)


# ---- SQLModel

TABLES = (
    "[(t.name, [(c.name, str(c.type), c.nullable, sorted(f.target_fullname for f in "
    "c.foreign_keys)) for c in t.columns]) for t in "
    "__import__('sqlmodel').SQLModel.metadata.sorted_tables]"
)
MODELS = """
from sqlmodel import Field, Relationship, SQLModel


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")


class Public(SQLModel):
    name: str


LIMIT = 1
"""
USE = """
def use():
    from sqlmodel import Session, create_engine, select
    from sqlmodel import SQLModel as Base
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Hero(name="A", team=Team(name="T")))
        session.commit()
        hero = session.exec(select(Hero)).one()
        return hero.team.name, [h.name for h in hero.team.heroes], type(hero) is Hero
"""


def used(project: Project) -> object:
    return settled(project, "(main.use(), " + TABLES + ")")


def test_a_model_can_be_edited_and_works_with_the_others(project: Project) -> None:
    project.start({"main.py": MODELS + USE})
    assert used(project)[0] == ("T", ["A"], True)
    old = "    name: str\n    team_id"
    for number in range(20):
        new = f"    name: str\n    age_{number}: int | None = None\n    team_id"
        report = project.edit("main.py", old, new, check=False)
        assert report.error is None
        assert "main: class Public(SQLModel):" not in ran(report)
        assert used(project)[0] == ("T", ["A"], True)
        old = new
    report = project.edit("main.py", "LIMIT = 1", "LIMIT = 2", check=False)
    assert ran(report) == ["main: LIMIT = 2"]


def test_tables_come_and_go(project: Project) -> None:
    project.start({"main.py": MODELS + USE})
    more = (
        "\n\nclass Villain(SQLModel, table=True):\n"
        "    id: int | None = Field(default=None, primary_key=True)\n\n\nLIMIT = 1\n"
    )
    project.edit("main.py", "\n\nLIMIT = 1\n", more, check=False)
    assert "villain" in str(used(project))
    project.edit("main.py", more, "\n\nLIMIT = 1\n", check=False)
    assert "villain" not in str(used(project))


def test_a_failed_edit_leaves_the_tables(project: Project) -> None:
    project.start({"main.py": MODELS + USE})
    before = used(project)
    text = project.read("main.py").replace("    team_id", "    age: int\n    team_id")
    report = project.save({"main.py": text + "1 / 0\n"}, check=False)
    assert report.error
    assert (project.eval("main.use()"), project.eval(TABLES)) == before
    project.save({"main.py": text.replace("age: int", "age: int = 0")}, check=False)
    assert "age" in str(used(project))


# ---- warnings, decimal, locale

SETTINGS = {
    "warnings": (
        "import warnings\nwarnings.filterwarnings('ignore', 'one')\n"
        "warnings.filterwarnings('error', 'two')",
        "'one'",
        "'three'",
        "[(f[0], f[1] and f[1].pattern) for f in __import__('warnings').filters]",
    ),
    "simplefilter": (
        "import warnings\nwarnings.simplefilter('ignore')",
        "'ignore'",
        "'error'",
        "[f[0] for f in __import__('warnings').filters]",
    ),
    "decimal": (
        "import decimal\ndecimal.getcontext().prec = 5",
        "5",
        "7",
        "str(__import__('decimal').Decimal(1) / 3)",
    ),
    "traps": (
        "import decimal\ndecimal.getcontext().traps[decimal.Inexact] = True",
        "True",
        "not not 1",
        "__import__('decimal').getcontext().traps[__import__('decimal').Inexact]",
    ),
    "locale": (
        "import locale\nlocale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
        "'C.UTF-8'",
        "'C'",
        "__import__('locale').setlocale(__import__('locale').LC_NUMERIC)",
    ),
}


@pytest.mark.parametrize(
    ("text", "old", "new", "expr"), SETTINGS.values(), ids=SETTINGS
)
def test_settings_of_the_process(
    project: Project, text: str, old: str, new: str, expr: str
) -> None:
    project.start({"main.py": f"{text}\nx = 1\n"})
    for _ in range(3):
        project.edit("main.py", old, new)
        settled(project, expr)
        project.save({"main.py": "x = 1\n"})
        settled(project, expr)
        project.save({"main.py": f"{text}\nx = 1\n"})
        settled(project, expr)


def test_an_adapter_that_fails_is_given_up(project: Project) -> None:
    project.start({"main.py": "import logging\nx = 1\n"})
    project.exec(
        """
        from hmr_serve.adapters import Adapter

        class Broken(Adapter):
            library = "logging"

            def types(self):
                return 1 / 0

        engine.adapt(Broken())
        """
    )
    report: Report = project.edit("main.py", "x = 1", "x = 2")
    assert ran(report) == ["main: x = 2"]
    assert "ZeroDivisionError" in project.worker.errors()


# ---- libraries that change others when they are imported

EXTRA = "import logging\nlogging.getLogger('a').addHandler(logging.NullHandler())\n"


def test_what_the_import_of_a_library_leaves_stays(project: Project) -> None:
    project.write({"../site-packages/extra.py": EXTRA})
    head = "import sys\nsys.path.insert(0, '../site-packages')\n"
    project.start({"main.py": f"{head}import extra\nimport logging\nx = 1\n"})
    project.edit("main.py", "import extra\n", "import extra as e\n")
    settled(project, LOGGERS)
    project.edit("main.py", "x = 1", "logging.basicConfig(level=7)")
    settled(project, LOGGERS)


@pytest.mark.parametrize("late", ["", "raise ImportError\n"], ids=["works", "fails"])
def test_what_a_library_imports_when_it_is_called_leaves_stays(
    project: Project, late: str
) -> None:
    """create_engine() imports the driver, once a process."""
    project.write(
        {
            "../site-packages/extra.py": """
                import logging

                def make(level):
                    logging.getLogger("a").setLevel(level)
                    try:
                        import driver
                        assert driver.__loader__ is driver.__spec__.loader
                        assert type(driver.__loader__).__name__ == "SourceFileLoader"
                    except ImportError:
                        pass
                    logging.getLogger("a.x").setLevel(level)
                    return [level]
                """,
            "../site-packages/driver.py": EXTRA + (late or "import extra_part\n"),
            "../site-packages/extra_part.py": EXTRA.replace("'a'", "'b'"),
        }
    )
    head = "import sys\nsys.path.insert(0, '../site-packages')\nimport extra\n"
    made = "made = extra.make({})\n"
    project.start({"main.py": head + made.format(10)})
    for level in (20, 30):
        report = project.save({"main.py": head + made.format(level)})
        assert report.restart is None
        settled(project, LOGGERS)
    project.save({"main.py": head + "x = 1\n"}, check=False)
    names = [name for name, *_ in project.eval(LOGGERS)]
    assert names == ([""] if late else ["", "a", "b"])


def test_what_is_imported_is_not_what_is_configured(project: Project) -> None:
    project.write({"../site-packages/extra.py": EXTRA})
    head = "import sys\nsys.path.insert(0, '../site-packages')\nimport logging\n"
    tried = (
        "try:\n    logging.getLogger('b').setLevel({0})\n    import extra\n"
        "    logging.getLogger('a').setLevel({0})\nexcept ImportError:\n    pass\n"
    )
    project.start({"main.py": head + tried.format(10)})
    for level in (20, 30):
        report = project.save({"main.py": head + tried.format(level)})
        assert report.restart is None
        settled(project, LOGGERS)


# ---- threads

THREAD = (
    "import threading\nstop = threading.Event()\n"
    "thread = threading.Thread(target=stop.wait, name='poller', args=({},))\n"
    "thread.start()\nx = 1\n"
)
END = "from hmr_serve import on_dispose\n"
ENDED = "def end():\n    stop.set()\n    thread.join()\n\non_dispose(end)\nx = 1\n"


def test_a_thread_that_runs_needs_a_restart_when_its_statement_has_to_run(
    project: Project,
) -> None:
    project.start({"main.py": THREAD.format(30)}, check=False)
    report = project.edit("main.py", "x = 1", "x = 2", check=False)
    assert ran(report) == ["main: x = 2"]
    report = project.edit("main.py", "(30,)", "(31,)", check=False)
    assert "poller is running" in report.restart
    report = project.edit("main.py", "thread.start()\n", "", check=False)
    assert "poller is running" in report.restart
    project.exec("sys.modules['main'].stop.set()")


def test_a_thread_of_a_module_that_nobody_imports_any_more(project: Project) -> None:
    files = {"main.py": "import jobs\nx = 1\n", "jobs.py": THREAD.format(30)}
    project.start(files, check=False)
    report = project.edit("main.py", "import jobs\n", "", check=False)
    assert "poller is running" in report.restart
    project.exec("sys.modules['jobs'].stop.set()")


def test_nothing_runs_once_a_restart_is_needed(project: Project) -> None:
    text = THREAD.format(30)
    project.start({"main.py": text, "more.py": ""}, check=False)
    threads = project.eval("__import__('threading').active_count()")
    later = "threading.Thread(target=stop.wait, name='later').start()\n"
    tried = "try:\n    import more\nexcept BaseException:\n    pass\n"
    edits = (("(30,)", "(31,)"), ("x = 1\n", f"x = 2\n{tried}{later}"))
    for old, new in edits:
        text = text.replace(old, new)
    report = project.save(
        {"main.py": text, "more.py": f"from main import *\n{later}"}, check=False
    )
    assert "poller is running" in report.restart
    assert len(ran(report)) == 1  # which makes another thread, and starts none
    assert project.eval("__import__('threading').active_count()") == threads
    project.exec("sys.modules['main'].stop.set()")


def test_a_timer_may_end_while_another_statement_runs(project: Project) -> None:
    """slowapi's limits start one that does: to end it is not that statement's doing."""
    text = (
        "import os, threading\nread, write = os.pipe()\n"
        "timer = threading.Timer(0, os.read, (read, 1))\ntimer.start()\n"
        "def wait():\n    os.write(write, b'x')\n"
        "    [each.join() for each in threading.enumerate() if 'Timer' in str(each)]\n"
    )
    project.start({"main.py": f"{text}x = wait() or 1\n"}, check=False)
    for number in range(1, 4):
        edit = f"or {number}\n", f"or {number + 1}\n"
        report = project.edit("main.py", *edit, check=False)
        assert report.error is None and report.restart is None
        assert ran(report) == [f"main: x = wait() or {number + 1}"]


def test_a_thread_that_is_disposed_of_is_started_again(project: Project) -> None:
    text = END + THREAD.format(30).replace("x = 1\n", ENDED)
    project.start({"main.py": text}, check=False)
    old = "(30,)"
    for number in range(31, 51):
        new = f"({number},)"
        report = project.edit("main.py", old, new, check=False)
        assert report.restart is None and report.error is None
        assert project.eval("__import__('threading').active_count()") == 2
        old = new
    project.exec("engine.dispose()")
    assert project.eval("__import__('threading').active_count()") == 1


LISTENER = """
    import logging
    import logging.handlers
    import queue

    log = logging.getLogger("a")
    got = []

    class Handler(logging.Handler):
        def emit(self, record):
            got.append([{}, record.getMessage()])

    waiting = queue.Queue()
    log.addHandler(logging.handlers.QueueHandler(waiting))
    listener = logging.handlers.QueueListener(waiting, Handler())
    listener.start()

    def get_value():
        log.warning("hello")
        listener.stop()
        listener.start()
        return got[-1]
    """


def test_a_listener_of_a_queue_is_stopped_and_another_started(project: Project) -> None:
    count = "__import__('threading').active_count()"
    project.start({"main.py": LISTENER.format(1)}, check=False)
    threads = project.eval(count)
    for number in range(1, 5):
        old, new = f"[{number}, record", f"[{number + 1}, record"
        report = project.edit("main.py", old, new, check=False)
        assert report.restart is None and report.error is None
        assert project.eval("main.get_value()") == [number + 1, "hello"]
        report = project.edit("main.py", "Queue()", "Queue(9)", check=False)
        assert report.restart is None and report.error is None
        report = project.edit("main.py", "Queue(9)", "Queue()", check=False)
        report = project.edit("main.py", "log = ", "x = 1 / 0\nlog = ", check=False)
        assert report.error
        assert project.eval("main.get_value()") == [number + 1, "hello"]
        project.edit("main.py", "x = 1 / 0\n", "", check=False)
        assert project.eval(count) == threads
    project.edit("main.py", "listener.start()\n\n", "\n", check=False)
    assert project.eval(count) == threads - 1


# ---- SQLAlchemy's engines

ENGINE = """
from sqlalchemy import create_engine

engine = create_engine("sqlite://", echo=False, echo_pool=False, hide_parameters=True,
                       logging_name="a", query_cache_size=10, pool_pre_ping=True)
other = engine.execution_options(isolation_level="AUTOCOMMIT")
"""


def test_engines_take_every_option(project: Project) -> None:
    project.start({"main.py": ENGINE})
    options = "(main.engine.logging_name, main.engine.hide_parameters)"
    assert settled(project, options) == ("a", True)
    project.edit("main.py", '"a"', '"b"')
    assert settled(project, options) == ("b", True)
    assert project.eval("main.other.pool is main.engine.pool")


# ---- the example of docs/adapters.md

DOCS = Path(__file__).parents[2] / "docs" / "adapters.md"
BOARD = """
    PANELS = {"own": None}

    class Panel:
        def __init__(self, title, locked=False):
            self.title = title
            self.locked = locked

    def add(name, title, **options):
        if name in PANELS:
            raise ValueError(f"panel {name} is there already")
        PANELS[name] = Panel(title, **options)
    """
PANELS = "[(n, p and p.title) for n, p in __import__('board').PANELS.items()]"


@pytest.fixture
def board(project: Project) -> Project:
    text = DOCS.read_text()
    example = text.partition("<!-- example: begin -->\n```python\n")[2]
    example = example.partition("```\n<!-- example: end -->")[0]
    assert 0 < len(example.splitlines()) <= 35
    files = {
        "../site-packages/board.py": BOARD,
        "../site-packages/board_hmr.py": example,
    }
    project.write(files)
    return project


def start_board(board: Project, text: str) -> str:
    head = "import sys\nsys.path.insert(0, '../site-packages')\nimport board\n"
    board.start({"main.py": f"{head}x = 1\n"})
    board.exec("import board_hmr; engine.adapt(board_hmr.Board())")
    board.save({"main.py": head + text})
    return head


def test_the_example_of_the_documentation(board: Project) -> None:
    head = start_board(board, "board.add('a', 'A')\nboard.add('b', 'B')\nx = 1\n")
    assert settled(board, PANELS) == [("own", None), ("a", "A"), ("b", "B")]
    for number in range(20):
        title = f"A{number}"
        text = f"board.add('a', '{title}')\nboard.add('b', 'B')\nx = 1\n"
        report = board.save({"main.py": head + text})
        assert ran(report) == [f"main: board.add('a', '{title}')"]
        assert settled(board, PANELS) == [("own", None), ("a", title), ("b", "B")]
    board.edit("main.py", "board.add('b', 'B')\n", "")
    assert settled(board, PANELS) == [("own", None), ("a", "A19")]
    assert board.edit("main.py", "'A19')", "'A20')\n1 / 0").error
    assert board.eval(PANELS) == [("own", None), ("a", "A19")]


def test_a_place_that_cannot_be_put_back_needs_a_restart(board: Project) -> None:
    start_board(board, "x = 1\nboard.add('a', 'A', locked=True)\n")
    report = board.edit("main.py", "x = 1", "x = 2", check=False)
    assert report.restart == "panel a is locked"
    assert board.eval("main.x") == 1


LATER = "threading.Thread(target=stop.wait, name='late', args=({},)).start()\n"


def test_a_thread_that_a_failed_edit_started_needs_a_restart(project: Project) -> None:
    """Else the next edit would start a second one."""
    text = "import threading\nstop = threading.Event()\nx = 1\n"
    project.start({"main.py": text}, check=False)
    started = text + LATER.format(30)
    report = project.save({"main.py": started + "1 / 0\n"}, check=False)
    assert "ZeroDivisionError" in report.error["traceback"]
    report = project.save({"main.py": started}, check=False)
    assert "late is running" in report.restart
    project.exec("sys.modules['main'].stop.set()")


def test_a_thread_that_an_edit_starts_twice_needs_a_restart(project: Project) -> None:
    """It waits for `stop`, which changes that: so both lines run again."""
    text = "import threading\nstop = threading.Event()\nx = 1\n"
    project.start({"main.py": text}, check=False)
    report = project.save({"main.py": text + LATER.format(30)}, check=False)
    names = "[t.name for t in __import__('threading').enumerate()]"
    assert report.restart or project.eval(names).count("late") == 1
    project.exec("sys.modules['main'].stop.set()")


def test_a_thread_that_a_failed_edit_started_and_that_has_ended(
    project: Project,
) -> None:
    text = "import threading\nx = 1\n"
    project.start({"main.py": text}, check=False)
    late = "threading.Thread(target=len, name='late', args=((),)).start()"
    assert project.save({"main.py": f"{text}{late}\n1 / 0\n"}, check=False).error
    project.exec(
        "import threading\n"
        "[t.join() for t in threading.enumerate() if t.name == 'late']"
    )
    report = project.save({"main.py": f"{text}{late}\n"}, check=False)
    assert report.restart is None
    assert ran(report) == [f"main: {late}"]
