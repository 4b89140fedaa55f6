"""A cold start of the edited code in a child process: does it work, and what does it
raise?

Asked before a restart, and before a library's complaint about code that ran again is
taken for the user's mistake. The child imports the application as a plain Python would,
answers one line of JSON, and ends without cleaning up. What it prints is not shown.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from subprocess import DEVNULL, PIPE
from subprocess import _args_from_interpreter_flags as interpreter_flags
from types import TracebackType
from typing import NoReturn

from .entry import Entry, load_env_file, prepare_path
from .log import error_place

JOB = "HMR_SERVE_COLD"  # the variable that carries what the child has to import
START = "from hmr_serve.cold import main; main()"
UNKNOWN = "the new process ended without an answer"


async def cold_start(
    entry: Entry, env_file: str | None, environ: dict[str, str]
) -> str | None:
    """Import `entry` in a new process, with `environ` as its environment; None if that
    works, else what it raised, in one line. The child dies with a cancelled call."""
    job = json.dumps({"entry": asdict(entry), "env_file": env_file})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *interpreter_flags(),
        "-c",
        START,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**environ, JOB: job},
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return json.loads(line)["error"] if line.endswith(b"\n") else UNKNOWN


def main() -> NoReturn:
    """The child."""
    job = json.loads(os.environ.pop(JOB))
    answer = os.dup(1)
    os.dup2(2, 1)  # what the application prints goes nowhere
    error: str | None = None
    try:
        entry = Entry(**job["entry"])
        if sys.path[:1] == [""]:
            del sys.path[0]  # of python -c; a command has none
        prepare_path(entry)
        if job["env_file"]:
            load_env_file(job["env_file"])
        entry.load()
    except BaseException as exc:
        error = error_place(exc)
    os.write(answer, json.dumps({"error": error}).encode() + b"\n")
    os._exit(0)


def raised_in_library(error: BaseException, roots: Sequence[str]) -> bool:
    """Whether the code that raised is not the user's: it may have complained about
    being asked a second time. Syntax and missing modules are no such complaint."""
    if isinstance(error, (SyntaxError, ImportError)):
        return False
    trace: TracebackType | None = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next:
        trace = trace.tb_next
    return not is_user_file(trace.tb_frame.f_code.co_filename, roots)


def is_user_file(path: str, roots: Sequence[str]) -> bool:
    """Whether the code is the user's, and no library's."""
    path = os.path.realpath(path)
    users = any(path.startswith(os.path.join(root, "")) for root in roots)
    return users and f"{os.sep}site-packages{os.sep}" not in path
