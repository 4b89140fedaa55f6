"""Edits hold nothing on, the short form; ./dev growth is the long one."""

from __future__ import annotations

from . import apps
from .harness import Server
from .load.check import check_server
from .load.growth import Growth
from .load.program import Program

CYCLES = 4  # eleven edits each


def test_a_server_holds_the_same_after_a_hundred_edits(make_server) -> None:
    server: Server = make_server({})
    program = Program(server.folder)
    for name, text in program.files().items():
        server.write(name, text)
    server.start("--no-access-log", env=apps.SHARED_ENV)
    growth = Growth(server, program)
    growth.edit(2 * program.cycle)
    before = growth.settled()
    growth.edit(CYCLES * program.cycle)
    after = growth.settled()
    print(before, after)
    for name in ("functions", "classes", "codes", "threads", "descriptors"):
        # What libraries make once shows late; what an edit leaves behind is more.
        assert after[name] - before[name] < CYCLES, name
    assert not check_server(server)
