"""Load while editing: clients that request without pause, sockets and streams that stay
open, and a save every few milliseconds, of every kind.

    record = drive(server, program, Load(seconds=60))

Nothing may fail, nothing be reset, nothing be stale; sockets and streams stay open and
show the last version in the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..harness import DEADLINE, Server
from .clients import Record, Requests, Socket, Stream, connect
from .program import Program

IDLE = 2.0  # seconds that a client says nothing


@dataclass(frozen=True)
class Load:
    seconds: float = 60.0
    clients: int = 64
    sockets: int = 100
    streams: int = 100
    every: float = 0.2  # seconds from one save to the next
    pause: float = 0.0  # seconds of each client between an answer and a request


def drive(server: Server, program: Program, load: Load) -> Record:
    """Run the load against a server that serves `program`."""
    return asyncio.run(_drive(server, program, load), loop_factory=_loop_factory())


def drive_restarts(server: Server, program: Program, load: Load, count: int) -> Record:
    """The same with saves that restart the process. Sockets and streams, which no
    process can hand over, come back."""
    return asyncio.run(
        _restarts(server, program, load, count), loop_factory=_loop_factory()
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _drive(server: Server, program: Program, load: Load) -> Record:
    record = Record()
    [word] = [kind for kind in program.kinds if kind.name == "word"]
    makes: list[Callable] = [lambda: Socket(record)] * load.sockets
    makes += [lambda: Stream(record)] * load.streams
    spoken = [await connect(server.port, make) for make in makes]
    clients = [
        await connect(
            server.port, lambda n=n: Requests(record, program.kinds, n, load.pause)
        )
        for n in range(load.clients)
    ]
    for _ in range(round(load.seconds / load.every)):
        await asyncio.sleep(load.every)
        if program.breaks_next:
            await _until(lambda: program.applied, record, "a save does not show")
        program.save()
    program.mend()
    await _until(
        lambda: all(peer.version == word.version for peer in spoken if peer.open),
        record,
        "a socket or stream does not show the last version",
    )
    await _leave([*spoken, *clients], record)
    return record


async def _restarts(server: Server, program: Program, load: Load, count: int) -> Record:
    """Saves that need a new process, each made when the one before shows; meanwhile
    clients request without pause, wait idly, and connect."""
    record = Record()
    [kind] = program.kinds
    makes = [
        lambda pause=pause: Requests(record, program.kinds, 0, pause)
        for pause in (load.pause, IDLE)
        for _ in range(load.clients // 2)
    ]
    clients = [await connect(server.port, make) for make in makes]
    spoken: list[Callable] = [lambda: Socket(record, returns=True)] * load.sockets
    spoken += [lambda: Stream(record, returns=True)] * load.streams
    present: dict[int, Socket | Stream] = {}
    newcomers: list[Requests] = []

    async def stay(number: int, make: Callable) -> None:
        while True:
            present[number] = peer = await connect(server.port, make)
            await peer.gone.wait()

    def newcomer() -> Requests:
        return Requests(record, program.kinds, 0, 0, once=True)

    async def arrive() -> None:
        while True:
            newcomers.append(await connect(server.port, newcomer))
            await asyncio.sleep(load.every)

    staying = [asyncio.ensure_future(arrive())]
    staying += [asyncio.ensure_future(stay(*item)) for item in enumerate(spoken)]
    for number in range(count + 1):
        if number:
            program.save()
        await _until(lambda: kind.shown == kind.version, record, "a save does not show")
        await _until(
            lambda number=number: (
                record.returned == number * len(spoken)
                and len(present) == len(spoken)
                and all(peer.version >= 0 for peer in present.values())
            ),
            record,
            "a socket or stream does not come back",
        )
    for task in staying:
        task.cancel()
    await _leave([*clients, *newcomers, *present.values()], record)
    return record


async def _leave(clients: list, record: Record) -> None:
    """Close them when what was asked is answered: a WebSocket that goes before is an
    exception in its handler."""
    for client in clients:
        client.leaving = True
    await _until(
        lambda: not any(peer.waiting and peer.open for peer in clients),
        record,
        "a request is not answered",
    )
    for client in clients:
        client.leave()
    await _until(
        lambda: not any(peer.open for peer in clients),
        record,
        "a connection does not close",
    )


async def _until(condition: Callable[[], bool], record: Record, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            record.trouble("failed", what)
            return
        await asyncio.sleep(0.01)


def report(record: Record, load: Load, restarts: int | None = None) -> None:
    saves = (
        f"{restarts} restarts, {record.returned} sockets and streams came back"
        if restarts
        else f"a save every {load.every * 1000:.0f} ms, {load.seconds:.0f} s"
    )
    print(
        f"{load.clients} clients, {load.sockets} WebSockets, {load.streams} streams, "
        f"{saves}:\n"
        f"{record.requests:,} requests, {record.messages:,} messages, "
        f"{record.lines:,} lines; the slowest answer took "
        f"{record.slowest * 1000:.0f} ms\n"
        f"{record.failed} failed, {record.reset} reset, {record.stale} stale",
        *record.troubles,
        sep="\n  ",
    )
