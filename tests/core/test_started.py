"""What statements start ends before they run again: after twenty edits there is one of
each, as in a cold start."""

from __future__ import annotations

import pytest

from .harness import Project, ran

THREADS = "sorted(t.name for t in __import__('threading').enumerate())"
SCHEDULER = """\
from apscheduler.schedulers.background import BackgroundScheduler

def job():
    return 1

scheduler = BackgroundScheduler()
scheduler.add_job(job, "interval", seconds=1000, id="a")

@scheduler.scheduled_job("interval", seconds=50, id="b")
def other():
    return 2

scheduler.start()
x = 1
"""
JOBS = (
    "(main.scheduler.running, sorted((j.id, str(j.trigger), j.func()) "
    "for j in main.scheduler.get_jobs()))"
)


def test_a_scheduler_runs_once(project: Project) -> None:
    project.start({"main.py": SCHEDULER}, check=False)
    threads = project.eval(THREADS)
    project.exec("first = sys.modules['main'].scheduler")
    report = project.edit("main.py", "x = 1", "x = 2", check=False)
    assert ran(report) == ["main: x = 2"]
    report = project.edit("main.py", "return 2", "return 3", check=False)
    assert ran(report) == []
    assert project.eval("main.scheduler is first")
    for number in range(1000, 1020):
        edit = (f"seconds={number}", f"seconds={number + 1}")
        report = project.edit("main.py", *edit, check=False)
        assert report.error is None and report.restart is None
        assert project.eval(THREADS) == threads
    assert project.eval("first.running") is False
    jobs = [("a", "interval[0:17:00]", 1), ("b", "interval[0:00:50]", 3)]
    assert project.eval(JOBS) == (True, jobs)
    project.edit("main.py", "scheduler.start()\n", "", check=False)
    assert project.eval("main.scheduler.running") is False
    assert len(project.eval(THREADS)) < len(threads)


def test_a_failed_edit_leaves_a_scheduler_that_runs(project: Project) -> None:
    project.start({"main.py": SCHEDULER}, check=False)
    threads = project.eval(THREADS)
    text = SCHEDULER.replace("1000", "7")
    assert project.save({"main.py": text + "1 / 0\n"}, check=False).error
    project.exec("engine.redo()")
    assert project.eval(JOBS)[1][0][:2] == ("a", "interval[0:16:40]")
    assert project.eval("main.scheduler.running")
    assert project.eval(THREADS) == threads


LOG_QUEUE = """\
import logging, queue

class Application:
    # As Litestar: each has its own queue, whose listener starts with it.
    def __init__(self, name):
        from logging.handlers import QueueHandler, QueueListener

        self.name, self.records = name, []
        self.handler = QueueHandler(queue.SimpleQueue())
        self.listener = QueueListener(self.handler.queue, self)
        self.listener.start()

    level = 0

    def handle(self, record):
        self.records.append(record.getMessage())

app = Application("a0")
x = 1
"""
LOGGED = (
    "(main.app.handler.enqueue(__import__('logging').makeLogRecord({'msg': 'hello'})), "
    "main.app.listener.stop(), main.app.records, main.app.listener.start())[2]"
)


def test_the_listener_of_a_log_queue_runs_once(project: Project) -> None:
    project.start({"main.py": LOG_QUEUE}, check=False)
    alive = project.eval(f"len({THREADS})")
    project.exec("first = sys.modules['main'].app")
    for number in range(20):
        edit = (f'("a{number}")', f'("a{number + 1}")')
        report = project.edit("main.py", *edit, check=False)
        assert report.error is None and report.restart is None
        assert ran(report) == [f"main: app = Application('a{number + 1}')"]
        assert project.eval(f"len({THREADS})") == alive
    assert not project.eval("first.listener._thread.is_alive()")
    project.exec("first.listener.stop()")  # as its own atexit callback may
    assert project.eval(LOGGED) == ["hello"]
    failed = project.read("main.py").replace('"a20"', '"a21"') + "1 / 0\n"
    assert project.save({"main.py": failed}, check=False).error
    project.exec("engine.redo()")
    assert project.eval("main.app.listener._thread.is_alive()")
    assert project.eval(f"len({THREADS})") == alive


# What is started, and one child of it that is to be counted.
SLEEP = "import time; time.sleep(1000)"
CHILDREN = {
    "Popen": (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', '{SLEEP}'], bufsize=-1)\n",
        "-1",
    ),
    "a process": (
        "import multiprocessing, time\n"
        "child = multiprocessing.get_context('fork').Process(\n"
        "    target=time.sleep, args=(1000,)\n)\nchild.start()\n",
        "1000",
    ),
    "a pool": (
        "import multiprocessing, operator\n"
        "pool = multiprocessing.get_context('fork').Pool(1, maxtasksperchild=100)\n"
        "three = pool.apply(operator.add, (1, 2))\n",
        "=100",
    ),
    "an executor": (
        "import multiprocessing, operator\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "context = multiprocessing.get_context('fork')\n"
        "pool = ProcessPoolExecutor(1, context, initializer=int, initargs=(5,))\n"
        "three = pool.submit(operator.add, 1, 2).result()\n",
        "5,",
    ),
}
# Those that live, as the system tells; threads and children end while one reads.
COUNT = """
import glob, time

def read(path):
    try:
        return open(path).read().split()
    except OSError:
        return []

def count():
    tasks = glob.glob("/proc/self/task/*/children")
    found = {child for task in tasks for child in read(task)}
    states = [read(f"/proc/{child}/stat")[2:3] for child in found]
    return sum(state not in ([], ["Z"]) for state in states)

def wait_for(number):
    end = time.monotonic() + 20
    while count() != number and time.monotonic() < end:
        time.sleep(0.01)
    return count()
"""


@pytest.mark.parametrize(("text", "old"), CHILDREN.values(), ids=CHILDREN)
def test_one_child_is_left_of_twenty(project: Project, text: str, old: str) -> None:
    project.start({"main.py": f"{text}x = 1\n"}, check=False)
    project.exec(COUNT)
    assert project.eval("count()") == 1
    report = project.edit("main.py", "x = 1", "x = 2", check=False)
    assert ran(report) == ["main: x = 2"]
    for number in range(20):
        new = f"{old.rstrip('0123456789,') or ''}{number + 10}{',' * (',' in old)}"
        report = project.edit("main.py", old, new, check=False)
        assert report.error is None and report.restart is None
        old = new
    assert project.eval("wait_for(1)") == 1
    project.exec("engine.dispose()")
    assert project.eval("wait_for(0)") == 0


def test_a_command_that_was_waited_for_is_no_child(project: Project) -> None:
    text = (
        "import subprocess\n"
        "version = subprocess.run(['echo', '1'], capture_output=True).stdout\nx = 1\n"
    )
    project.start({"main.py": text})
    assert project.edit("main.py", "x = 1", "x = 1 / 0").error
    assert project.eval("engine.undone()") is False
    report = project.edit("main.py", "x = 1 / 0", "x = 2")
    assert ran(report) == ["main: x = 2"]


LISTENER = """\
from prometheus_client import start_http_server

NAME = "127.0.0.1"
server, thread = start_http_server(0, NAME)
x = 1
"""


def test_a_listener_is_closed_before_it_is_opened_again(project: Project) -> None:
    project.start({"main.py": LISTENER}, check=False)
    threads = project.eval(THREADS)
    for number in range(2, 5):
        edit = (f'"127.0.0.{number - 1}"', f'"127.0.0.{number}"')
        report = project.edit("main.py", *edit, check=False)
        assert report.error is None and report.restart is None
        assert project.eval("main.server.server_address[0]") == f"127.0.0.{number}"
        assert len(project.eval(THREADS)) == len(threads)
