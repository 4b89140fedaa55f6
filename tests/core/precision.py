"""Precision: what an update ran, against the least that had to run.

Before an update the live process forks, and the fork waits. Afterwards it makes the
same update once for each statement that ran, in a fork of its own, and leaves that one
as it was (Engine.spare). Where the process then looks like a cold start all the same,
the statement ran in vain.
"""

from __future__ import annotations

import os
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .worker import Worker


class Spares:
    """The fork of a worker as it was before an update.

    Responsibilities: try the update without single statements; end.
    """

    def __init__(self, worker: Worker) -> None:
        self.connection, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.connection.close()
            in_fork(lambda: serve(worker, theirs))
        theirs.close()

    def try_without(
        self, paths: list[str], statements: list[tuple[str, int]], expected: Any
    ) -> list[bool]:
        """For each (module, line): does the update without it look as expected?"""
        self.connection.send((paths, statements, expected))
        return self.connection.recv()

    def close(self) -> None:
        self.connection.close()
        os.waitpid(self.pid, 0)


def serve(worker: Worker, connection: Connection) -> None:
    try:
        paths, statements, expected = connection.recv()
    except EOFError:
        return  # nothing to try
    connection.send([tried(worker, paths, s, expected) for s in statements])


def tried(
    worker: Worker, paths: list[str], statement: tuple[str, int], expected: Any
) -> bool:
    out, inner = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        in_fork(
            lambda: os.write(inner, b"%d" % same(worker, paths, statement, expected))
        )
    os.close(inner)
    answer = os.read(out, 1)
    os.close(out)
    os.waitpid(pid, 0)
    return answer == b"1"


def same(
    worker: Worker, paths: list[str], statement: tuple[str, int], expected: Any
) -> bool:
    worker.engine.spare(*statement)
    report = worker.engine.apply(paths)
    if report.error is not None or report.restart is not None:
        return False
    if statement in [(module, line) for module, _, line, _, _ in report.reran]:
        return False  # it is new: there is nothing to leave as it was
    return look(worker) == expected


def look(worker: Worker) -> Any:
    """What is compared: answers of the program's functions, and all that it holds."""
    return worker.do_answers("get_"), worker.do_digests(keep=False)


def in_fork(work: Any) -> None:
    """Do the work, and end this process at once, whatever happens."""
    try:
        work()
    finally:
        os._exit(0)
