"""Folders of file systems that tell of no changes (Docker, WSL, NFS), end to end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Serve

# Makes every folder whose name contains "mounted" one of that file system.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/vfs.h>

int
statfs(const char *path, struct statfs *status)
{
    int (*real)(const char *, struct statfs *) = dlsym(RTLD_NEXT, "statfs");
    int result = real(path, status);
    if (result == 0 && strstr(path, "mounted")) {
        status->f_type = MAGIC;
    }
    return result;
}
"""
# Linux gives no more of one or the other: another program of this user has them.
LIMITS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

int
LIMITED
{
    errno = ERROR;
    return -1;
}
"""
LIMITED = {
    "max_user_instances": ("inotify_init1(int flags)", "EMFILE"),
    "max_user_watches": (
        "inotify_add_watch(int fd, const char *path, uint32_t mask)",
        "ENOSPC",
    ),
}
MAGICS = {"9p": 0x01021997, "FUSE": 0x65735546, "NFS": 0x6969, "SMB": 0xFF534D42}


def edits_are_applied(server) -> None:
    for i in range(5):
        server.write("words.py", f"WORD = 'new {i}'\n")
        assert f"new {i}" in server.get("/").text
    server.write("words.py", "WORD = 'last'\n")
    server.until_log("reloaded  words.py", 6)


APP = {
    "main.py": """\
import words


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    body = words.WORD.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
""",
    "words.py": "WORD = 'old'\n",
}


def test_polling_by_hand(serve: Serve) -> None:
    server = serve(APP, "--reload-poll")
    assert f"Polling {os.path.realpath(server.folder)} for changes" in server.log
    assert "(--reload-poll)" in server.log
    edits_are_applied(server)


def test_polling_by_the_environment(serve: Serve) -> None:
    server = serve(APP, env={"HMR_SERVE_RELOAD_POLL": "1"})
    assert "(--reload-poll)" in server.log
    edits_are_applied(server)


def compiled(folder: Path, text: str, *options: str) -> Path:
    """A library to preload."""
    source, shim = folder / "shim.c", folder / "shim.so"
    source.write_text(text)
    compiler = os.environ.get("CC") or shutil.which("cc")
    assert compiler is not None
    command = [compiler, "-shared", "-fPIC", *options, "-o", shim, source, "-ldl"]
    subprocess.run(command, check=True)
    return shim


def mounted(folder: Path, name: str) -> Path:
    """The one that makes "mounted" a folder of that file system."""
    return compiled(folder, SHIM, f"-DMAGIC={MAGICS[name]}")


needs_a_shim = pytest.mark.skipif(
    sys.platform != "linux" or bool(os.environ.get("HMR_SANITIZER")),
    reason="it is Linux's, and the sanitizer is preloaded itself",
)


@needs_a_shim
@pytest.mark.parametrize("name", MAGICS)
def test_a_mount_without_events_is_polled(
    make_server, tmp_path: Path, name: str
) -> None:
    shim = mounted(tmp_path, name)
    server = make_server({f"mounted/{path}": text for path, text in APP.items()})
    folder = server.folder / "mounted"
    server.start("--app-dir", str(folder), env={"LD_PRELOAD": str(shim)}, cwd=folder)
    where = os.path.realpath(folder)
    assert f"Polling {where} for changes: {name} tells of none" in server.log
    server.folder = folder
    edits_are_applied(server)


@needs_a_shim
def test_polling_can_be_switched_off(make_server, tmp_path: Path) -> None:
    """Where the events come after all: FUSE that only this machine writes to."""
    server = make_server({f"mounted/{path}": text for path, text in APP.items()})
    shim = mounted(tmp_path, "FUSE")
    folder = server.folder / "mounted"
    server.start("--no-reload-poll", env={"LD_PRELOAD": str(shim)}, cwd=folder)
    assert "Polling" not in server.log
    server.folder = folder
    edits_are_applied(server)


def test_nothing_is_said_where_events_come(serve: Serve) -> None:
    assert "Polling" not in serve(APP).log


@needs_a_shim
@pytest.mark.parametrize("limit", LIMITED)
def test_what_linux_watches_no_more_is_polled(
    make_server, tmp_path: Path, limit: str
) -> None:
    function, error = LIMITED[limit]
    text = LIMITS.replace("LIMITED", function).replace("ERROR", error)
    server = make_server(APP)
    server.start(env={"LD_PRELOAD": str(compiled(tmp_path, text))})
    server.until_log(f"raise fs.inotify.{limit} ")
    assert server.log.count("polled instead") == 1
    edits_are_applied(server)
