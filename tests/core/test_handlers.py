"""What statements ask the process to call: handlers of signals, and at its end."""

from __future__ import annotations

import pytest

from .harness import Project, ran, settled

# Deliver the signal; what the handler left in a library's list.
NOTED = "[__import__('signal').raise_signal(12), __import__('outside').notes[:]][1]"
HEAD = "import sys\nsys.path.insert(0, '../site-packages')\nimport outside\n"
SIGNALS = f"""{HEAD}import signal

def handler(number, frame):
    outside.notes[:] = ["one"]

signal.signal(signal.SIGUSR2, handler)
x = 1
"""


@pytest.fixture
def outside(project: Project) -> Project:
    project.write({"../site-packages/outside.py": "notes = []\n"})
    return project


def test_a_signals_handler_is_that_of_the_edited_code(outside: Project) -> None:
    outside.start({"main.py": SIGNALS})
    assert settled(outside, NOTED) == ["one"]
    old = '"one"'
    for number in range(20):
        new = f'"{number}"'
        report = outside.edit("main.py", old, new)
        assert ran(report) == []
        assert settled(outside, NOTED) == [str(number)]
        old = new
    outside.edit("main.py", "(number, frame)", "(number, frame, more=())")
    assert settled(outside, NOTED) == ["19"]
    outside.edit("main.py", "SIGUSR2", "SIGUSR1")
    assert settled(outside, "repr(__import__('signal').getsignal(12))").endswith("0>")
    outside.edit("main.py", "SIGUSR1", "SIGUSR2")
    outside.edit("main.py", "signal.signal(signal.SIGUSR2, handler)\n", "")
    assert settled(outside, "repr(__import__('signal').getsignal(12))").endswith("0>")


def test_a_failed_edit_leaves_the_handlers(outside: Project) -> None:
    outside.start({"main.py": SIGNALS})
    text = SIGNALS.replace("handler(number", "handler(n").replace("one", "two")
    assert outside.save({"main.py": text + "1 / 0\n"}).error
    assert outside.eval(NOTED) == ["one"]


ENDS = f"""{HEAD}import atexit
from atexit import register

NAME = "one"

@atexit.register
def bye():
    outside.notes.append("bye " + NAME)

atexit.register(outside.notes.append, NAME)
register(outside.notes.append, "last")
del register  # ours: the oracle would see another function than atexit's
x = 1
"""
ENDED = "(__import__('atexit')._run_exitfuncs(), __import__('outside').notes)[1]"


@pytest.mark.parametrize("failed", [False, True])
def test_the_end_calls_what_the_edited_code_registered(
    outside: Project, failed: bool
) -> None:
    outside.start({"main.py": ENDS})
    if failed:
        text = ENDS.replace('"one"', '"two"').replace('"last"', '"end"')
        assert outside.save({"main.py": text + "1 / 0\n"}).error
        outside.save({"main.py": ENDS})
        assert settled(outside, ENDED) == ["last", "one", "bye one"]
        return
    old = '"one"'
    for number in range(20):
        new = f'"{number}"'
        outside.edit("main.py", old, new)
        old = new
    assert settled(outside, ENDED) == ["last", "19", "bye 19"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    {
        "removed": (
            "atexit.register(outside.notes.append, NAME)\n",
            "",
            ["last", "bye one"],
        ),
        "another function": ("def bye():", "def bye(*, more=1):", None),
        "unregistered": ("x = 1", "atexit.unregister(bye)", ["last", "one"]),
        "nothing": ("x = 1", "x = 2", ["last", "one", "bye one"]),
    }.values(),
)
def test_what_is_registered_for_the_end_keeps_its_order(
    outside: Project, old: str, new: str, expected: list[str] | None
) -> None:
    outside.start({"main.py": ENDS})
    outside.edit("main.py", old, new)
    assert settled(outside, ENDED) == (expected or ["last", "one", "bye one"])
