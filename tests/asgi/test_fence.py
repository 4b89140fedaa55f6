"""The fence: what is watched, when requests wait, what is reported."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hmr_serve import _asgi

from .harness import DEADLINE, Served, respond, serve, until

needs_ends_of_writes = pytest.mark.skipif(
    _asgi.WATCHER != "inotify", reason="libuv's watcher hears of no end of a write"
)
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Watched:
    """A server whose answer is what `applied` was when the handler ran.

    With `hold` set, changes are collected and released by the test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.main = folder / "main.py"
        self.changes: list[tuple[int, list[str]]] = []
        self.hold = False
        self.content = ""
        self.fenced_before = 0
        self.served: Served

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await respond(send, self.content.encode())

    def on_change(self, serial: int, paths: list[str]) -> None:
        self.changes.append((serial, paths))
        if not self.hold:
            self.apply(serial)

    def apply(self, serial: int) -> None:
        self.content = self.main.read_text() if self.main.exists() else "gone"
        self.served.server.release(serial)

    def release(self, serial: int) -> None:
        self.served.call(lambda: self.apply(serial))

    def watch(self, files: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        """Watch from now on; it is in force when this returns.

        Files that the test wrote a moment ago are reported once: forget that.
        """
        self.watch_only(files, folders)
        self.changes.clear()
        self.fenced_before = self.served.stats()["fenced"]

    def fenced(self) -> int:
        return self.served.stats()["fenced"] - self.fenced_before

    def watch_only(self, files: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        files = [str(path) for path in files]
        folders = [str(path) for path in folders]
        self.served.call(lambda: self.served.server.watch(files, folders))
        # A request is released only after all letters before it were read.
        with self.served.connect() as client:
            client.get()

    def paths(self) -> set[str]:
        """Names of all that was reported, relative to the folder."""
        return {
            os.path.relpath(path, self.folder)
            for _, paths in list(self.changes)
            for path in paths
        }

    def saw(self, *names: str) -> None:
        until(lambda: self.paths() >= set(names), f"a change of {names}")

    def quiet(self) -> None:
        """No change has been seen, although later events were."""
        with self.served.connect() as client:
            client.get()
        assert self.changes == []


@contextmanager
def watching(folder: Path, loop: str = "asyncio", **options: Any) -> Iterator[Watched]:
    watched = Watched(Path(os.path.realpath(folder)))
    watched.main.write_text("first")
    watched.content = "first"
    with serve(watched.app, loop, on_change=watched.on_change, **options) as served:
        watched.served = served
        yield watched


def save(path: Path, text: str) -> None:
    path.write_text(text)


def save_by_rename(path: Path, text: str) -> None:
    other = path.with_suffix(".tmp")
    other.write_text(text)
    os.replace(other, path)


def save_like_vim(path: Path, text: str) -> None:
    backup = path.with_name(path.name + "~")
    os.rename(path, backup)
    path.write_text(text)
    os.unlink(backup)


def save_by_removal(path: Path, text: str) -> None:
    os.unlink(path)
    path.write_text(text)


def save_by_link(path: Path, text: str) -> None:
    """May hold requests for a second: nothing tells that the new file is complete."""
    other = path.with_suffix(".tmp")
    other.write_text(text)
    os.unlink(path)
    os.link(other, path)
    os.unlink(other)


@pytest.mark.parametrize(
    "how", [save, save_by_rename, save_like_vim, save_by_removal, save_by_link]
)
def test_a_request_after_a_save_is_never_answered_before_it(
    tmp_path: Path, loop: str, how: Any
) -> None:
    """On one busy keep-alive connection, at once after the save, again and again."""
    with watching(tmp_path, loop) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        for i in range(5 if how is save_by_link else 100):
            how(watched.main, f"version {i}")
            client.send(REQUEST)
            assert client.response().body.decode() == f"version {i}"
        assert watched.fenced() > 0


def test_no_stale_answer_on_many_busy_connections(tmp_path: Path, loop: str) -> None:
    """Each client notes the version on disk before it asks."""
    stop = threading.Event()
    failures: list[str] = []
    latest = [0]

    def ask(served: Served) -> None:
        with served.connect() as client:
            while not stop.is_set():
                floor = latest[0]
                client.send(REQUEST)
                got = int(client.response().body)
                if got < floor:
                    failures.append(f"{got} after {floor}")

    with watching(tmp_path, loop) as watched:
        watched.main.write_text("0")
        watched.content = "0"
        watched.watch([watched.main])
        clients = [
            threading.Thread(target=ask, args=(watched.served,)) for _ in range(8)
        ]
        for client in clients:
            client.start()
        for i in range(1, 150):
            save_by_rename(watched.main, str(i))
            latest[0] = i
        stop.set()
        for client in clients:
            client.join(DEADLINE)
    assert failures == []


@needs_ends_of_writes
def test_requests_wait_from_the_first_byte_of_a_write_to_the_release(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        watched.hold = True
        with watched.main.open("w") as file:
            file.write("half")
            file.flush()
            client.send(REQUEST)
            until(lambda: watched.fenced() == 1)
            assert watched.changes == []
            file.write(" and whole")
        until(lambda: watched.changes)
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(DEADLINE)
        watched.release(watched.changes[0][0])
        assert client.response().body == b"half and whole"


def test_a_change_during_an_apply_gets_its_own_serial_and_keeps_the_fence(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        watched.hold = True
        save(watched.main, "one")
        until(lambda: len(watched.changes) == 1)
        save(watched.main, "two")
        client.send(REQUEST)
        until(lambda: watched.fenced() == 1)
        assert len(watched.changes) == 1
        first = watched.changes[0][0]
        watched.release(first)
        until(lambda: len(watched.changes) == 2)
        assert watched.changes[1][0] == first + 1
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(DEADLINE)
        watched.release(first)  # an old serial lifts nothing
        watched.release(first + 1)
        assert client.response().body == b"two"


def test_a_burst_over_many_files_is_one_change(tmp_path: Path) -> None:
    files = [tmp_path / f"m{i}.py" for i in range(50)]
    with watching(tmp_path) as watched:
        for path in files:
            path.write_text("")
        counts = []
        while 1 not in counts and len(counts) < 10:  # the writer may be preempted
            watched.watch(files)
            for path in files:
                path.write_text("x")
            watched.saw(*(path.name for path in files))
            counts.append(len(watched.changes))
        assert 1 in counts
        assert max(counts) < len(files) / 2


def test_other_files_raise_no_fence_and_wake_nobody(tmp_path: Path) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        with (tmp_path / "app.log").open("w") as log:
            for i in range(100):
                log.write(f"{i}\n")
                log.flush()
                client.send(REQUEST)
                assert client.response().body == b"first"
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "main.pyc").write_bytes(b"x")
        watched.quiet()
        assert watched.fenced() == 0


@needs_ends_of_writes
def test_a_file_that_is_never_closed_lifts_the_fence_after_a_second(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        with watched.main.open("a") as file:
            file.write("more")
            file.flush()
            began = time.monotonic()
            client.send(REQUEST)
            assert client.response().body == b"first"
            assert 0.8 < time.monotonic() - began < 3
            file.write("more")  # does not raise it again
            file.flush()
            began = time.monotonic()
            client.send(REQUEST)
            client.response()
            assert time.monotonic() - began < 0.8
            assert watched.changes == []
        watched.saw("main.py")
        client.send(REQUEST)
        assert client.response().body == b"firstmoremore"


def test_deleted_and_created_files_are_reported(tmp_path: Path) -> None:
    missing = tmp_path / "local_settings.py"
    with watching(tmp_path) as watched:
        watched.watch([watched.main, missing])
        missing.write_text("x")
        watched.saw("local_settings.py")
        watched.changes.clear()
        missing.unlink()
        watched.saw("local_settings.py")
        watched.changes.clear()
        missing.symlink_to(watched.main)
        watched.saw("local_settings.py")


def test_a_file_in_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c" / "mod.py"
    with watching(tmp_path) as watched:
        watched.watch([watched.main, deep])
        for _ in range(20):
            deep.parent.mkdir(parents=True)
            deep.write_text("x")
            watched.saw("a/b/c/mod.py")
            watched.changes.clear()
            deep.write_text("y")  # the folder is watched by now
            watched.saw("a/b/c/mod.py")
            watched.changes.clear()
            deep.unlink()
            watched.saw("a/b/c/mod.py")
            os.removedirs(deep.parent)
            until(lambda: not (tmp_path / "a").exists())
            tmp_path.mkdir(exist_ok=True)
            # The folder's own going may be reported once more.
            with watched.served.connect() as client:
                client.get()
            watched.changes.clear()


def test_a_folder_that_moves_away_and_back(tmp_path: Path) -> None:
    inner = tmp_path / "pkg" / "sub" / "mod.py"
    inner.parent.mkdir(parents=True)
    inner.write_text("x")
    with watching(tmp_path) as watched:
        watched.watch([watched.main, inner])
        os.rename(tmp_path / "pkg", tmp_path / "old")
        watched.saw("pkg/sub/mod.py")
        watched.changes.clear()
        (tmp_path / "old" / "sub" / "mod.py").write_text("elsewhere")
        watched.quiet()
        os.rename(tmp_path / "old", tmp_path / "pkg")
        watched.saw("pkg/sub/mod.py")
        watched.changes.clear()
        inner.write_text("y")
        watched.saw("pkg/sub/mod.py")


def test_a_listed_folder_reports_its_entries_and_itself(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    with watching(tmp_path) as watched:
        watched.watch([watched.main], [plugins])
        (plugins / "new.py").write_text("x")
        watched.saw("plugins", "plugins/new.py")
        assert len(watched.changes) == 1
        watched.changes.clear()
        (plugins / "new.py").write_text("y")  # its content is nobody's business
        watched.quiet()
        (plugins / "new.py").rename(plugins / "other.py")
        watched.saw("plugins", "plugins/other.py")
        watched.changes.clear()
        (plugins / "folder").mkdir()
        watched.saw("plugins")


def test_watch_replaces_what_was_watched(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "other.py"
    other.write_text("x")
    os.utime(other, (1, 1))
    with watching(tmp_path) as watched:
        watched.watch([watched.main])
        other.write_text("y")
        watched.quiet()
        until(lambda: time.time() - other.stat().st_ctime > 0.1)
        watched.watch([watched.main])
        watched.watch([other])
        watched.quiet()
        watched.main.write_text("z")
        watched.quiet()
        other.write_text("z")
        watched.saw("sub/other.py")


def test_a_change_just_before_its_folder_is_watched_is_noticed(tmp_path: Path) -> None:
    """It happened after the server was made (so after it may have been read)."""
    with watching(tmp_path) as watched:
        save(watched.main, "between")
        watched.watch_only([watched.main])
        watched.saw("main.py")
        with watched.served.connect() as client:
            assert client.get().body == b"between"


@pytest.mark.skipif(
    _asgi.WATCHER != "inotify", reason="libuv's watcher looks, and needs no events"
)
def test_lost_events_count_as_a_change_of_everything(tmp_path: Path) -> None:
    """More events at once than the kernel keeps, while the server is stopped."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    names = [tmp_path / "a", tmp_path / "b"]
    code = """
import asyncio, os, socket, sys
from hmr_serve import _asgi
async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    def on_change(serial, paths):
        server.release(serial)
        print("change", len(paths), flush=True)
    async def app(scope, receive, send): pass
    server = _asgi.Server([listener.fileno()], loop=asyncio.get_running_loop(),
                          on_change=on_change)
    server.app = app
    server.start()
    server.watch(sys.argv[1:3], [])
    print("up", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    with watching(tmp_path) as watched:
        del watched  # only for its folder
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "x.py"), str(tmp_path / "y.py")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            until(lambda: _watches(process.pid) > 0)
            os.kill(process.pid, 19)  # SIGSTOP
            for i in range(limit + 10):
                names[i % 2].touch()
                names[i % 2].unlink()
            os.kill(process.pid, 18)  # SIGCONT
            assert process.stdout.readline() == "change 2\n"
        finally:
            process.kill()


def _watches(pid: int) -> int:
    """How many directories a process watches."""
    count = 0
    folder = Path(f"/proc/{pid}/fdinfo")
    for info in folder.iterdir():
        count += info.read_text().count("inotify wd:")
    return count


def test_on_change_that_raises_is_reported_and_lifts_the_fence(tmp_path: Path) -> None:
    def on_change(serial: int, paths: list[str]) -> None:
        raise ValueError("mine")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"ok")

    path = Path(os.path.realpath(tmp_path)) / "f.py"
    with serve(app, on_change=on_change) as served:
        served.call(lambda: served.server.watch([str(path)], []))
        with served.connect() as client:
            client.get()
            path.write_text("x")
            assert client.get().body == b"ok"
        assert isinstance(served.errors[0][1], ValueError)


def test_bodies_of_running_requests_pass_the_fence(tmp_path: Path, loop: str) -> None:
    with watching(tmp_path, loop) as watched:
        bodies: list[bytes] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            more = True
            while more:
                message = await receive()
                bodies.append(message["body"])
                more = message["more_body"]
            await respond(send, b"".join(bodies))

        watched.served.call(lambda: setattr(watched.served.server, "app", app))
        watched.watch([watched.main])
        watched.hold = True
        bodies.clear()
        with watched.served.connect() as client:
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
            until(lambda: bodies)
            save(watched.main, "new")
            until(lambda: watched.changes)
            client.send(b"cd")
            assert client.response().body == b"abcd"
            watched.release(watched.changes[-1][0])


def test_a_client_that_leaves_behind_the_fence_starts_nothing(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.watch([watched.main])
        watched.hold = True
        save(watched.main, "new")
        until(lambda: watched.changes)
        logged = len(watched.served.log)
        for how in ("reset", "close"):
            client = watched.served.connect()
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
            fenced = 1 if how == "reset" else 2
            until(lambda n=fenced: watched.fenced() == n)
            client.reset() if how == "reset" else client.socket.close()
        until(lambda: watched.served.stats()["connections"] == 0)
        watched.release(watched.changes[-1][0])
        with watched.served.connect() as client:
            assert client.get().body == b"new"
        assert len(watched.served.log) == logged + 1


def test_stop_lets_the_requests_behind_the_fence_end(tmp_path: Path) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        watched.hold = True
        save(watched.main, "new")
        until(lambda: watched.changes)
        client.send(REQUEST)
        until(lambda: watched.fenced() == 1)
        watched.served.wait(lambda: watched.served.server.stop(5.0))
        assert client.response().status == 200
        assert client.closed()


def test_watch_wants_absolute_paths() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    with serve(app) as served:
        for files in (["relative.py"], [""], [b"x"]):
            with pytest.raises(ValueError, match="absolute"):
                served.call(lambda f=files: served.server.watch(f, []))
        with pytest.raises(TypeError):
            served.call(lambda: served.server.watch([1], []))


def test_a_name_that_is_no_utf8_comes_back_as_it_went(tmp_path: Path) -> None:
    path = Path(os.path.realpath(tmp_path)) / os.fsdecode(b"caf\xe9.py")
    with watching(tmp_path) as watched:
        watched.watch([path])
        path.write_text("x")
        watched.saw(path.name)


def test_running_out_of_watches_is_said(tmp_path: Path) -> None:
    """A library in front of libc's says that the limit is reached."""
    source = tmp_path / "shim.c"
    source.write_text(
        "#include <errno.h>\n"
        "int inotify_add_watch(int fd, const char *path, unsigned mask)\n"
        "{ (void)fd; (void)path; (void)mask; errno = ENOSPC; return -1; }\n"
    )
    shim = tmp_path / "shim.so"
    subprocess.run(
        [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", shim, source],
        check=True,
    )
    code = """
import asyncio, socket, sys
from hmr_serve import _asgi
async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    done = asyncio.Event()
    def on_error(message, exc):
        print(message, flush=True)
        done.set()
    async def app(scope, receive, send): pass
    server = _asgi.Server([listener.fileno()], loop=asyncio.get_running_loop(),
                          on_error=on_error, on_change=print)
    server.app = app
    server.start()
    server.watch([f"{sys.argv[1]}/{i}/x.py" for i in range(3)], [])
    await done.wait()
    await server.stop(0)
asyncio.run(main())
"""
    before = os.environ.get("LD_PRELOAD", "")
    result = subprocess.run(
        [sys.executable, "-c", code, os.path.realpath(tmp_path)],
        env={**os.environ, "LD_PRELOAD": f"{before} {shim}".strip()},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert result.stdout.count("max_user_watches") == 1, result.stderr


def test_the_loop_runs_while_requests_wait(tmp_path: Path) -> None:
    """Tasks of the application are not behind the fence."""
    with watching(tmp_path) as watched:
        watched.watch([watched.main])
        watched.hold = True
        save(watched.main, "new")
        until(lambda: watched.changes)
        assert watched.served.wait(lambda: asyncio.sleep(0, "ran")) == "ran"
        watched.release(watched.changes[-1][0])


def test_a_request_that_waits_for_itself_is_refused(tmp_path: Path) -> None:
    """What applies a change asks the own server, as an import may do."""
    answers: list[tuple[int, bytes]] = []

    def on_change(serial: int, paths: list[str]) -> None:
        with served.connect() as client:  # the loop is blocked meanwhile
            response = client.get()
            answers.append((response.status, response.body))
        served.server.release(serial)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"ok")

    path = Path(os.path.realpath(tmp_path)) / "f.py"
    with serve(app, on_change=on_change) as served:
        served.call(lambda: served.server.watch([str(path)], []))
        with served.connect() as client:
            client.get()
        path.write_text("x")
        until(lambda: answers)
        assert answers[0][0] == 503
        assert b"waits for this answer" in answers[0][1]
        with served.connect() as client:
            assert client.get().body == b"ok"


def test_a_request_of_another_process_is_not_refused(tmp_path: Path) -> None:
    code = """
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
print(client.recv(100).split()[1].decode())
"""
    with watching(tmp_path) as watched:
        watched.watch([watched.main])
        watched.hold = True
        save(watched.main, "new")
        until(lambda: watched.changes)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(watched.served.port)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            until(lambda: watched.fenced() == 1)
            time.sleep(1.2)  # not to synchronise: longer than the limit
            watched.release(watched.changes[0][0])
            assert process.stdout is not None
            assert process.stdout.read() == "200\n"
