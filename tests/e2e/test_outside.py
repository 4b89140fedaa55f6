"""What surrounds the program, in a real server: engines and workers of pools that an
edit replaces, children, .env files."""

from __future__ import annotations

from .conftest import Serve

WORKERS = """\
import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from sqlalchemy import create_engine, text
from sqlalchemy.pool import QueuePool

from work import add

pool = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
NAME = "a"
engine = create_engine(f"sqlite:///{NAME}.db", poolclass=QueuePool)


def add_in_child(n):
    return add(n), os.getpid()


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    loop = asyncio.get_running_loop()
    answer, child = await loop.run_in_executor(pool, add_in_child, 1)
    files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
             if os.path.lexists(f"/proc/self/fd/{fd}")]
    bases = sorted({os.path.basename(f) for f in files if f.endswith(".db")})
    body = f"{answer} {child} {' '.join(bases)}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


def test_workers_and_engines_are_replaced(serve: Serve) -> None:
    server = serve({"main.py": WORKERS, "work.py": "def add(n):\n    return n + 0\n"})
    answer, first, base = server.get().text.split()
    assert (answer, base) == ("1", "a.db")
    children = {first}
    for number in range(10):
        server.edit("work.py", f"n + {number}", f"n + {number + 1}")
        answer, child, base = server.get().text.split()
        assert (int(answer), base) == (number + 2, "a.db")
        assert child not in children
        children.add(child)
    server.edit("main.py", 'NAME = "a"', 'NAME = "b"')
    assert "b.db" in server.get().text
    assert server.get().text.split()[2:] == ["b.db"]
    assert "restarting" not in server.log
    assert server.stop() == 0
