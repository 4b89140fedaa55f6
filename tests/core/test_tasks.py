"""Celery: after each edit every application has the tasks that a cold start registers,
also one that a request has finalized before. With the real library."""

from __future__ import annotations

from .harness import Project, Report, settled

APP = """\
from celery import Celery

app = Celery("jobs", broker="memory://", backend="cache+memory://")
"""
JOBS = """\
from celery import shared_task
from app import app

RATE = 2

@shared_task
def add(x, y=RATE):
    return x + y

@shared_task(name="jobs.mul", bind=True)
def mul(self, x, y):
    return [self.name, self.max_retries, x * y]

@app.task
def own(x):
    return ["own", x]
"""
MAIN = """\
import jobs
from app import app

def answers():
    names = sorted(name for name in app.tasks if name[:7] != "celery.")
    called = [jobs.add.apply((1,)), jobs.mul.apply((2, 3)), jobs.own.apply((4,))]
    one = [app.tasks[n].apply((5,)).get() for n in names if n[-3:] != "mul"]
    return [names, [each.get() for each in called], one]
"""
# What is registered in an application to come, and how often.
SHARED = (
    "sorted(f.__closure__[0].cell_contents.__qualname__ for f in "
    "sys.modules['celery']._state._on_app_finalizers if f.__closure__ "
    "and hasattr(f.__closure__[0].cell_contents, '__qualname__'))"
)
MORE = """\
@shared_task
def more(x):
    return ["more", x]

"""
EDITS = {
    "a body": ("return x + y", "return x + y + 100"),
    "a default": ("y=RATE", "y=RATE + 1"),
    "a constant": ("RATE = 2", "RATE = 3"),
    "a parameter": ("mul(self, x, y)", "mul(self, x, y=1)"),
    "an option": ("bind=True", "bind=True, max_retries=7"),
    "a name": ('"jobs.mul"', '"jobs.other.mul"'),
    "one more": ("@app.task", f"{MORE}@app.task"),
    "one of the application's": ("def own(x)", "def own(x, y=1)"),
    "one less": (MORE, ""),
}


def edit(project: Project, name: str, old: str, new: str) -> Report:
    """As the server does: adapters are told of edits that were applied. (Not compared
    in all: what the first request lets the library import stays, loggers among it.)"""
    report = project.edit(name, old, new, check=False)
    assert report.restart is None
    if not report.error:
        project.exec("from hmr_serve import adapters; adapters.applied()")
    return report


def start(project: Project) -> None:
    project.start({"app.py": APP, "jobs.py": JOBS, "main.py": MAIN}, check=False)
    settled(project, "main.answers()")  # which finalizes the application


def test_each_edit_registers_what_a_cold_start_does(project: Project) -> None:
    start(project)
    for old, new in EDITS.values():
        report = edit(project, "jobs.py", old, new)
        assert report.error is None
        settled(project, "main.answers()")
        settled(project, SHARED)


def test_twenty_edits_leave_each_task_once(project: Project) -> None:
    start(project)
    for number in range(2, 22):
        edit(project, "jobs.py", f"RATE = {number}\n", f"RATE = {number + 1}\n")
        settled(project, "main.answers()")
    settled(project, SHARED)


def test_a_new_application_has_the_edited_tasks(project: Project) -> None:
    """Those of the one before are callbacks, too: none of an old function is left."""
    start(project)
    for number in range(10):
        edit(project, "jobs.py", "def own(x", f"def own(x, y{number}={number}")
        edit(project, "app.py", '"jobs' + "x" * number, '"jobs' + "x" * (number + 1))
        settled(project, "main.answers()")
        settled(project, SHARED)


def test_a_failed_edit_leaves_the_tasks(project: Project) -> None:
    start(project)
    mul = "(main.app.tasks['jobs.mul'], id(main.app.tasks['jobs.mul']))[1]"
    before = project.eval("main.answers()"), project.eval(SHARED), project.eval(mul)
    for old in ("def mul(self, x, y)", "y=RATE"):
        text = project.read("jobs.py")
        new = old.replace("x, y)", "x, y=2)").replace("RATE", "9")
        failing = text.replace(old, new) + "1 / 0\n"
        assert project.save({"jobs.py": failing}, check=False).error
        after = project.eval("main.answers()"), project.eval(SHARED), project.eval(mul)
        assert after == before
        project.save({"jobs.py": text}, check=False)
