"""Signals that come at a bad moment."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from types import FunctionType

import pytest

from hmr_serve.signals import Signals


def look() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)  # the handler runs here


@pytest.fixture
def signals() -> Iterator[Signals]:
    loop = asyncio.new_event_loop()
    signals = Signals(loop, 1.0)
    signals.install()
    yield signals
    signals.uninstall()
    loop.close()


@pytest.mark.parametrize("module", ["hmr_serve.adapters", "hmr_serve.adapters.example"])
def test_ctrl_c_in_an_adapter_interrupts_what_runs_after_it(
    signals: Signals, module: str
) -> None:
    steps = []
    adapter_look = FunctionType(look.__code__, {**globals(), "__name__": module})
    with pytest.raises(KeyboardInterrupt), signals.importing():
        adapter_look()
        steps.append("looked")
        time.sleep(60)  # the user's code
    assert (steps, signals.count) == (["looked"], 1)


def test_ctrl_c_that_something_swallowed_comes_again(signals: Signals) -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), signals.importing():
        try:
            look()
        except BaseException as error:
            steps.append(type(error))
        time.sleep(60)
    assert (steps, signals.count) == ([KeyboardInterrupt], 1)
