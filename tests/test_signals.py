"""Signals that come at a bad moment."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from types import FunctionType

import pytest

from hmr_serve.signals import Signals


def look() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)  # the handler runs here


def test_ctrl_c_in_an_adapter_interrupts_what_runs_after_it() -> None:
    loop = asyncio.new_event_loop()
    signals = Signals(loop, 1.0)
    signals.install()
    steps = []
    try:
        names = {**globals(), "__name__": "hmr_serve.adapters.example"}
        adapter_look = FunctionType(look.__code__, names)
        with pytest.raises(KeyboardInterrupt), signals.importing():
            adapter_look()
            steps.append("looked")
            time.sleep(60)  # the user's code
        assert (steps, signals.count) == (["looked"], 1)
    finally:
        signals.uninstall()
        loop.close()
