"""Load while editing, the short form; ./dev load is the long one."""

from __future__ import annotations

import os

import pytest

from . import apps
from .harness import Server
from .load.check import check_server
from .load.drive import Load, drive, drive_restarts, report
from .load.program import Program


def test_nothing_fails_and_nothing_is_stale_while_files_are_saved(make_server) -> None:
    server: Server = make_server({})
    program = Program(server.folder)
    for name, text in program.files().items():
        server.write(name, text)
    server.start("--no-access-log", env=apps.SHARED_ENV)
    load = Load(seconds=2.2, every=0.1, pause=0.05)
    record = drive(server, program, load)
    report(record, load)
    assert record.good
    assert record.requests > load.clients
    assert record.messages >= load.sockets and record.lines >= load.streams
    assert not check_server(server)
    for kind in program.kinds:
        assert kind.version >= 3  # two saves and the last one
        assert f"reloaded  {kind.file}" in server.log


@pytest.mark.skipif(
    "HMR_SANITIZER" in os.environ,
    reason="a sanitized child takes longer to start than requests are held for it",
)
def test_a_restart_fails_no_request_and_no_connection(make_server) -> None:
    server: Server = make_server({})
    program = Program(server.folder, restarts=True)
    for name, text in program.files().items():
        server.write(name, text)
    server.start("--no-access-log", env=apps.SHARED_ENV)
    load = Load(clients=32, sockets=20, streams=20, every=0.02, pause=0.02)
    record = drive_restarts(server, program, load, 1)
    report(record, load, 1)
    assert record.good
    assert record.returned == load.sockets + load.streams
    assert not check_server(server, 1)
