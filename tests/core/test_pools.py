"""Workers of process pools never run the code before an edit; what they are doing they
finish."""

from __future__ import annotations

import os
import signal
import time

import pytest

from .harness import Project

POOLS = {
    "executor": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "pool = ProcessPoolExecutor(2, multiprocessing.get_context('fork'))\n",
        "pool.submit(work, n).result()",
        "pool.submit(time.sleep, 0.3)",
    ),
    "pool": (
        "pool = multiprocessing.get_context('fork').Pool(2)\n",
        "pool.apply(work, (n,))",
        "pool.apply_async(time.sleep, (0.3,))",
    ),
}
MAIN = """\
import multiprocessing, time

def work(n):
    return n + 0

{make}
def use(n):
    return {use}

def begin():
    return {begin}
"""


CHILDREN = "__import__('multiprocessing').active_children()"
SHOW = f"[__import__('os').kill(c.pid, {signal.SIGUSR1:d}) for c in {CHILDREN}]"
CHILDREN_WAIT = 60.0  # seconds
KILL = f"[c.kill() for c in {CHILDREN}]"
SANITIZER_WAIT = 15.0


def until_children(project: Project, most: int) -> None:
    # gcc's AddressSanitizer does not take its locks at a fork: a child of a process
    # with threads may wait for one for ever. Seen once, in its allocator.
    sanitizer = bool(os.environ.get("HMR_SANITIZER"))
    end = time.monotonic() + (SANITIZER_WAIT if sanitizer else CHILDREN_WAIT)
    while (count := project.eval(f"len({CHILDREN})")) > most:
        if time.monotonic() > end:
            if sanitizer:
                project.exec(KILL if most == 0 else "")
                return
            project.exec(SHOW)
            pytest.fail(f"{count} children are left\n{project.worker.errors()}")
        time.sleep(0.01)


@pytest.mark.parametrize(("make", "use", "begin"), POOLS.values(), ids=POOLS)
def test_workers_are_replaced(
    project: Project, make: str, use: str, begin: str
) -> None:
    text = MAIN.format(make=make, use=use, begin=begin)
    project.start({"main.py": text}, check=False)
    assert project.eval("main.use(1)") == 1
    project.exec("from hmr_serve import adapters; pool = sys.modules['main'].pool")
    project.exec("running = sys.modules['main'].begin()")
    for number in range(10):
        edit = (f"n + {number}", f"n + {number + 1}")
        report = project.edit("main.py", *edit, check=False)
        assert report.patched == ["main:work"]
        project.exec("adapters.applied()")  # as the server does
        assert project.eval("main.use(1)") == number + 2
        assert project.eval("main.pool is pool")
    wait = "result(20)" if "submit" in begin else "get(20)"
    assert project.eval(f"running.{wait}") is None
    until_children(project, 2)
    project.exec("engine.dispose()")
    until_children(project, 0)  # else they outlive the process that made them
