"""What surrounds the program, in a real server: engines and workers of pools that an
edit replaces, children, .env files."""

from __future__ import annotations

import os
import signal

import pytest

from . import apps
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


THREADS = """\
import asyncio
import threading
from contextlib import asynccontextmanager

from fastapi import FastAPI
from limits import LIMIT


@asynccontextmanager
async def lifespan(app):
    stop = threading.Event()
    threading.Thread(target=stop.wait, name=f"poller-{LIMIT}", daemon=True).start()
    await asyncio.to_thread(int)  # a thread of a pool
    yield
    stop.set()


app = FastAPI(lifespan=lifespan)


@app.get("/")
def pollers():
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("poller")]
"""


def test_threads_that_a_shutdown_leaves_running_need_a_restart(serve: Serve) -> None:
    server = serve({"main.py": THREADS, "limits.py": "LIMIT = 1\n"})
    server.write("limits.py", "LIMIT = 2\n")
    assert server.get().json == ["poller-2"]
    server.edit("main.py", "    yield\n    stop.set()\n", "    yield\n")
    assert server.get().json == ["poller-2"]
    assert "restarting" not in server.log
    server.write("limits.py", "LIMIT = 3\n")
    assert server.get().json == ["poller-3"]
    assert "the lifespan's shutdown left poller-2 running" in server.log


CHILDREN = """\
import atexit
import multiprocessing
import os
import time

import journal
import limits

atexit.register(journal.note, "bye")
children = []


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    fork = multiprocessing.get_context("fork")
    children.append(fork.Process(target=time.sleep, args=(1000,), daemon=True))
    children[-1].start()
    body = str(children[-1].pid).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


def test_children_end_with_a_restart_and_hold_no_sockets(serve: Serve) -> None:
    files = {"main.py": CHILDREN, "journal.py": apps.JOURNAL, **apps.SHARED}
    server = serve(files, env=apps.SHARED_ENV)
    first = int(server.get().text)
    server.edit("limits.py", apps.SHARED_LINE, "log.set_level(20)\n")
    server.until_log("again after")
    assert server.journal == ["bye"]
    assert not os.path.exists(f"/proc/{first}")
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = connection.recv(65536)
        while b"\r\n\r\n" not in reply or reply.endswith(b"\r\n\r\n"):
            reply += connection.recv(65536)
        second = int(reply.rpartition(b"\n")[2])
        try:
            server.kill()
            assert connection.recv(1) == b""  # though the child lives
            with pytest.raises(ConnectionRefusedError):
                server.connect()
            assert os.path.exists(f"/proc/{second}")
        finally:
            os.kill(second, signal.SIGKILL)


# Its tables are in this process, as they were made: a cold start makes them anew.
IN_MEMORY = {
    "db.py": """\
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, sessionmaker
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool,
                       connect_args={"check_same_thread": False})
Session = sessionmaker(engine)


class Base(DeclarativeBase):
    pass
""",
    "models.py": """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db import Base


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="ada")
""",
    "main.py": """\
from contextlib import asynccontextmanager

from fastapi import FastAPI

import journal
import models
from db import Base, Session, engine

journal.note("load")


@asynccontextmanager
async def lifespan(app):
    Base.metadata.create_all(engine)
    with Session() as session:
        session.add(models.User())
        session.commit()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
def columns():
    with Session() as session:
        session.add(models.User())
        session.commit()
        count = session.query(models.User).count()
        return [*models.User.__table__.columns.keys(), count]
""",
    "journal.py": apps.JOURNAL,
}
PETS = """

class Pet(Base):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
"""
MAIL = '    mail: Mapped[str] = mapped_column(default="a@b")\n'


@pytest.mark.parametrize("where", ["a startup", "a statement"])
def test_a_new_column_of_a_database_in_memory(serve: Serve, where: str) -> None:
    create = "    Base.metadata.create_all(engine)\n"
    files = dict(IN_MEMORY)
    if where == "a statement":
        main = files["main.py"].replace(create, "")
        files["main.py"] = main.replace("\n\n@async", f"\n{create.strip()}\n\n\n@async")
    server = serve(files)
    assert server.get().json == ["id", "name", 2]
    server.edit("main.py", "journal.note", "PORT = 1\njournal.note")
    assert server.get().json == ["id", "name", 3]
    server.write("models.py", server.read("models.py") + MAIL)
    assert server.get().json == ["id", "name", "mail", 2]
    server.edit("main.py", "PORT = 1", "PORT = 2")
    assert server.get().json == ["id", "name", "mail", 3]
    server.write("models.py", server.read("models.py") + PETS)
    assert server.get().json == ["id", "name", "mail", 2]
    server.edit("models.py", MAIL, "")
    assert server.get().json == ["id", "name", 2]
    assert "restarting" not in server.log
    assert server.journal == ["load"]
