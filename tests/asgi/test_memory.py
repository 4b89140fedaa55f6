"""Allocations that fail in the I/O thread: a connection may be lost, never the server,
and no client gets a wrong byte.

A preloaded library makes every so-many-th allocation of `_asgi` in that thread fail.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import DEADLINE, until
from .websocket_client import TEXT, frame, handshake

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="interposes glibc's malloc"),
    pytest.mark.skipif(
        bool(os.environ.get("HMR_SANITIZER")), reason="the sanitizer has its own malloc"
    ),
]

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);

/* 0: none fails. The test writes it from Python. */
atomic_int fail_every;
atomic_int failures;
static atomic_int count;

static int
fails(void *caller)
{
    static _Thread_local int here; /* 1: the I/O thread, -1: another one */
    int every = atomic_load(&fail_every);
    if (every == 0 || here < 0) {
        return 0;
    }
    if (here == 0) {
        char name[16] = "";
        pthread_getname_np(pthread_self(), name, sizeof name);
        here = strcmp(name, "hmr-io") == 0 ? 1 : -1;
    }
    Dl_info info;
    if (here < 0 || !dladdr(caller, &info) || info.dli_fname == NULL
        || strstr(info.dli_fname, "_asgi") == NULL
        || atomic_fetch_add(&count, 1) % every != every - 1) {
        return 0;
    }
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *at, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_realloc(at, size);
}
"""
SERVER = """
import asyncio, ctypes, socket, sys
from hmr_serve import _asgi

shim = ctypes.CDLL(None)
fail_every = ctypes.c_int.in_dll(shim, "fail_every")
failures = ctypes.c_int.in_dll(shim, "failures")

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await send({"type": "websocket.send", "text": message["text"]})
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

def command():
    line = sys.stdin.readline()
    if not line:
        return ended.set()
    fail_every.value = int(line)
    print(failures.value, flush=True)

async def main():
    asyncio.get_running_loop().add_reader(sys.stdin, command)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _asgi.Server(
            [listener.fileno()],
            loop=asyncio.get_running_loop(),
            on_error=lambda message, exc: None,
            server_header=False,
            date_header=False,
        )
        server.app = app
        server.start()
        print(listener.getsockname()[1], flush=True)
        await ended.wait()
        await server.stop(0.0)

ended = asyncio.Event()
asyncio.run(main())
"""
# 503, or the close code 1011.
REFUSAL = re.compile(
    rb"(HTTP/1.1 503 .*The server is|\x88\x0f\x03\xf3)( ?out of memory\.?)\Z", re.DOTALL
)
BODY = bytes(range(256)) * 400  # more than one chunk, and than the high water


def answer(body: bytes, *lines: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n"
    return "".join([head, *(f"{line}\r\n" for line in lines), "\r\n"]).encode() + body


def conversations() -> list[tuple[bytes, bytes]]:
    """What a client sends, and what it gets unless memory ends."""
    last = "connection: close"
    get = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    end = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    post = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    chunked = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
    fields = "".join(f"x-field-{i}: {'v' * 100}\r\n" for i in range(60)).encode()
    large = b"GET / HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n"
    accepted = (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        b"connection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    text = b"x" * 300
    echoed = b"\x81\x7e\x01\x2c" + text
    return [
        (end, answer(b"", last)),
        (get * 3 + end, answer(b"") * 3 + answer(b"", last)),
        (post + BODY + end, answer(BODY) + answer(b"", last)),
        (chunked + chunks + end, answer(BODY) + answer(b"", last)),
        (large + end, answer(b"") + answer(b"", last)),
        (
            handshake() + frame(TEXT, text) * 3,
            accepted + echoed * 3,
        ),
    ]


def talk(port: int, sent: bytes, expected: bytes) -> bytes:
    """What comes back, until it is that much or the connection ends."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        try:
            client.sendall(sent)
            while len(got) < len(expected) and (data := client.recv(65536)):
                got += data
        except ConnectionError:
            pass
    return got


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    build = [compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"]
    subprocess.run(build, check=True)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_PRELOAD": str(shim)},
    ) as process:
        yield process
        process.send_signal(signal.SIGKILL)


def test_allocations_that_fail_cost_a_connection_at_most(
    server: subprocess.Popen[str],
) -> None:
    assert server.stdout is not None
    port = int(server.stdout.readline())

    def command(every: int) -> int:
        """Have every so-many-th allocation fail; how many did so far."""
        print(every, file=server.stdin, flush=True)
        assert server.stdout is not None
        return int(server.stdout.readline())

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    for sent, expected in conversations():
        assert talk(port, sent, expected) == expected
    before = descriptors()
    lost = 0
    for every in range(2, 27):
        command(every)
        for sent, expected in conversations():
            got = talk(port, sent, expected)
            right = REFUSAL.sub(b"", got)
            assert expected.startswith(right), (every, sent[:40], got[:200])
            lost += got != expected
    failed = command(0)
    assert server.poll() is None
    assert failed > 40
    assert lost > 10
    for sent, expected in conversations():
        assert talk(port, sent, expected) == expected
    until(lambda: descriptors() <= before, "as many descriptors as before")
    command(1)  # all of them: it ends all the same
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(DEADLINE) == 0
