"""The ASGI side: the scope, receive() and send(), tasks and contexts, errors."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket
import weakref
from typing import Any

import pytest

from hmr_serve import _asgi

from .harness import (
    Client,
    echo,
    hello,
    new_loop,
    read_body,
    respond,
    serve,
    until,
)


def record(scopes: list[dict[str, Any]]) -> Any:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)
        await respond(send, b"")

    return app


def test_versions_name_both_libraries() -> None:
    assert set(_asgi.versions()) == {"libuv", "llhttp"}


def test_the_scope_is_what_uvicorn_gives(loop: str) -> None:
    scopes: list[dict[str, Any]] = []
    with serve(record(scopes), loop, root_path="/api") as served:
        served.server.state = {"model": 1}
        with served.connect() as client:
            client.get("/caf%C3%A9/a%2Fb?q=%20x&y", "X-Thing: One", "X-Thing: two ")
            host, port = client.socket.getsockname()
    assert scopes == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", served.port),
            "client": (host, port),
            "scheme": "http",
            "root_path": "/api",
            "headers": [
                (b"host", b"test"),
                (b"x-thing", b"One"),
                (b"x-thing", b"two"),
            ],
            "state": {"model": 1},
            "extensions": {
                "http.response.pathsend": {},
                "http.response.trailers": {},
                "http.response.debug": {},
            },
            "method": "GET",
            "path": "/api/café/a/b",
            "raw_path": b"/api/caf%C3%A9/a%2Fb",
            "query_string": b"q=%20x&y",
        }
    ]


@pytest.mark.parametrize(
    ("target", "path", "raw", "query"),
    [
        ("/", "/", b"/", b""),
        ("/?", "/", b"/", b""),
        ("/a?b?c", "/a", b"/a", b"b?c"),
        ("http://example.com/x?y", "/x", b"/x", b"y"),
        ("http://example.com", "/", b"/", b""),
        ("http://example.com?q", "/", b"/", b"q"),
        ("/a%zz%4", "/a%zz%4", b"/a%zz%4", b""),
        ("/%41%", "/A%", b"/%41%", b""),
        ("/%ff", "/�", b"/%ff", b""),
        ("//a//b", "//a//b", b"//a//b", b""),
        ("/a;b=c", "/a;b=c", b"/a;b=c", b""),
    ],
)
def test_targets(target: str, path: str, raw: bytes, query: bytes) -> None:
    scopes: list[dict[str, Any]] = []
    with serve(record(scopes)) as served, served.connect() as client:
        for _ in range(2):  # the second time from the cache
            client.get(target)
    for scope in scopes:
        seen = (scope["path"], scope["raw_path"], scope["query_string"])
        assert seen == (path, raw, query)


def test_scopes_are_not_shared_between_requests() -> None:
    scopes: list[dict[str, Any]] = []
    with serve(record(scopes)) as served, served.connect() as client:
        served.server.state = {"n": 0}
        client.get()
        client.get()
    first, second = scopes
    for key in ("asgi", "headers", "state"):
        assert first[key] == second[key]
        assert first[key] is not second[key]


def test_state_is_a_copy_and_can_be_replaced() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["touched"] = True
        await respond(send, repr(sorted(scope["state"])).encode())

    with serve(app) as served, served.connect() as client:
        assert client.get().body == b"['touched']"
        state = {"a": 1}
        served.server.state = state
        assert client.get().body == b"['a', 'touched']"
        assert state == {"a": 1}
        with pytest.raises(TypeError):
            served.server.state = 3  # type: ignore[assignment]


def test_the_application_can_be_replaced_at_any_time() -> None:
    with serve(hello) as served, served.connect() as client:
        assert client.get().body == b"hello"
        served.call(lambda: setattr(served.server, "app", echo))
        assert client.get().body == b""
        with pytest.raises(TypeError):
            served.server.app = None  # type: ignore[assignment]


def test_many_different_headers_and_paths_do_not_mix_in_the_caches() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        value = dict(scope["headers"])[b"x-n"]
        await respond(send, scope["path"].encode() + b" " + value)

    with serve(app) as served, served.connect() as client:
        for turn in range(2):
            for i in range(1500):
                body = client.get(f"/{i}", f"x-n: {i}-{turn}").body
                assert body == b"/%d %d-%d" % (i, i, turn)


# -- tasks and contexts


def test_the_handler_is_the_current_task_before_and_after_it_waits(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        before = asyncio.current_task()
        assert before is not None
        await asyncio.sleep(0)
        assert asyncio.current_task() is before
        await asyncio.sleep(0.001)
        assert asyncio.current_task() is before
        tasks.append(before)
        await respond(send, b"ok")

    tasks: list[Any] = []
    with serve(app, loop) as served, served.connect() as client:
        assert client.get().body == b"ok"
        assert client.get().body == b"ok"
        assert tasks[0] is not tasks[1]
        assert served.call(asyncio.current_task) not in tasks


def test_every_request_has_its_own_context(loop: str) -> None:
    var = contextvars.ContextVar("var", default="none")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        before = var.get()
        var.set(scope["path"])
        await asyncio.sleep(0)
        await respond(send, f"{before} {var.get()}".encode())

    with serve(app, loop) as served, served.connect() as client:
        assert client.get("/a").body == b"none /a"
        assert client.get("/b").body == b"none /b"


def test_anyio_cancel_scopes_and_task_groups_work_in_the_first_step(loop: str) -> None:
    anyio = pytest.importorskip("anyio")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with anyio.move_on_after(0.01) as cancelled:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 10)
                await anyio.sleep(10)
        assert cancelled.cancelled_caught
        body = await anyio.to_thread.run_sync(lambda: b"thread")
        await respond(send, body)

    with serve(app, loop) as served, served.connect() as client:
        assert client.get().body == b"thread"
        assert served.errors == []


def test_starlette_with_middleware_streaming_and_background_tasks(loop: str) -> None:
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import JSONResponse, StreamingResponse
    from starlette.routing import Route

    async def mark(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-seen"] = "yes"
        return response

    async def stream(request: Any) -> Any:
        async def parts() -> Any:
            for i in range(3):
                yield f"{i}"
                await asyncio.sleep(0)

        return StreamingResponse(parts())

    def sync(request: Any) -> Any:
        return JSONResponse(
            {"q": request.query_params["q"]}, background=BackgroundTask(done.append, 1)
        )

    async def post(request: Any) -> Any:
        return JSONResponse(await request.json())

    done: list[int] = []
    app = Starlette(
        routes=[
            Route("/stream", stream),
            Route("/sync", sync),
            Route("/post", post, methods=["POST"]),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=mark)],
    )
    with serve(app, loop) as served, served.connect() as client:
        for _ in range(3):
            response = client.get("/stream")
            assert (response.body, response.header("x-seen")) == (b"012", "yes")
            assert client.get("/sync?q=a").body == b'{"q":"a"}'
            client.send(
                b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n{"a":1}'
            )
            assert client.response().body == b'{"a":1}'
        until(lambda: len(done) == 3)
        assert served.errors == []


def test_fastapi_dependencies_and_worker_threads(loop: str) -> None:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()

    async def resource() -> Any:
        yield "resource"
        closed.append(1)

    closed: list[int] = []

    @app.get("/async/{n}")
    async def read(n: int, r: str = fastapi.Depends(resource)) -> dict[str, Any]:
        return {"n": n, "r": r}

    @app.get("/sync/{n}")
    def read_sync(n: int, r: str = fastapi.Depends(resource)) -> dict[str, Any]:
        return {"n": n, "r": r}

    with serve(app, loop) as served, served.connect() as client:
        for kind in ("async", "sync") * 3:
            assert client.get(f"/{kind}/7").body == b'{"n":7,"r":"resource"}'
        assert client.get("/async/x").status == 422
        assert len(closed) >= 6
        assert served.errors == []


# -- receive


def test_receive_gives_the_body_as_it_comes(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            messages.append(message)
            if not message["more_body"]:
                break
        await respond(send, b"")

    messages: list[dict[str, Any]] = []
    with serve(app, loop) as served, served.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\n")
        for i, part in enumerate((b"ab", b"cd", b"ef")):
            client.send(part)
            until(lambda n=i: b"".join(m["body"] for m in messages)[2 * n :])
        assert client.response().status == 200
    assert b"".join(message["body"] for message in messages) == b"abcdef"
    assert [m["more_body"] for m in messages][-1] is False
    assert all(m["type"] == "http.request" for m in messages)


def test_receive_without_body_is_one_empty_message_then_disconnect() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        first = await receive()
        await respond(send, b"")
        messages.extend((first, await receive(), await receive()))

    messages: list[Any] = []
    with serve(app) as served, served.connect() as client:
        assert client.get().status == 200
        until(lambda: len(messages) == 3)
    assert messages == [
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
        {"type": "http.disconnect"},
    ]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_is_a_disconnect(loop: str, how: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        started.append(1)
        messages.append(await receive())
        await respond(send, b"nobody hears this")

    started: list[int] = []
    messages: list[Any] = []
    with serve(app, loop) as served:
        client = served.connect()
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: started)
        client.reset() if how == "reset" else client.socket.close()
        until(lambda: messages == [{"type": "http.disconnect"}])
        until(lambda: served.stats()["in_flight"] == 0)
        assert served.errors == []


@pytest.mark.parametrize("starts", [True, False])
def test_an_application_that_heard_of_the_end_need_not_complete(starts: bool) -> None:
    """As a stream does whose reader closed its side: a closed tab is no error."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if starts:
            head = {"type": "http.response.start", "status": 200, "headers": []}
            await send(head)
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await receive()
        messages.append(await receive())

    messages: list[Any] = []
    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        if starts:
            assert client.head().status == 200
        client.socket.shutdown(socket.SHUT_WR)
        until(lambda: messages == [{"type": "http.disconnect"}])
        until(lambda: served.stats()["in_flight"] == 0)
        assert served.errors == []


def test_an_application_may_return_anything_awaitable(loop: str) -> None:
    """As Starlette's endpoint classes do: the call makes an object."""

    class Endpoint:
        def __init__(self, scope: Any, receive: Any, send: Any) -> None:
            self.send = send

        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return (yield from respond(self.send, b"awaited").__await__())

    with serve(Endpoint, loop) as served, served.connect() as client:
        assert client.get().body == b"awaited"
        assert not served.errors
        served.server.app = lambda *arguments: 3
        assert client.get().status == 500
        [(_, error)] = served.errors
        assert isinstance(error, TypeError)
        assert "await" in str(error)


def test_receive_works_as_a_coroutine_does(loop: str) -> None:
    """create_task, wait_for with a timeout, ensure_future, and a cancelled wait."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        first = await asyncio.create_task(receive())
        assert first["body"] == b"a" and first["more_body"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await respond(send, b"ok")
        both = await asyncio.gather(receive(), receive())
        messages.extend(both)

    messages: list[Any] = []
    with serve(app, loop) as served, served.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na")
        assert client.response().body == b"ok"
        until(lambda: messages == [{"type": "http.disconnect"}] * 2)
        assert served.errors == []


def test_send_works_as_a_coroutine_does(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(
            send({"type": "http.response.start", "status": 200, "headers": []})
        )
        await asyncio.wait_for(
            send({"type": "http.response.body", "body": b"x"}), timeout=5
        )

    with serve(app, loop) as served, served.connect() as client:
        assert client.get().body == b"x"
        assert served.errors == []


# -- send


def test_a_head_goes_out_when_the_handler_waits_before_the_body(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await gate.wait()
        await send({"type": "http.response.body", "body": b"x"})

    with serve(app, loop) as served:
        gate = served.call(asyncio.Event)
        for path in ("/", "/late"):
            with served.connect() as client:
                client.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
                assert client.head().header("transfer-encoding") == "chunked"
                served.call(gate.set)
                assert client.chunk() == b"x"
                assert client.chunk() == b""
                served.call(gate.clear)


def test_streamed_pieces_arrive_one_by_one(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for i in range(5):
            await send(
                {"type": "http.response.body", "body": b"%d" % i, "more_body": True}
            )
            await gates[i].wait()
        await send({"type": "http.response.body"})

    with serve(app, loop) as served, served.connect() as client:
        gates = [served.call(asyncio.Event) for _ in range(5)]
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        client.head()
        for i in range(5):
            assert client.chunk() == b"%d" % i
            served.call(gates[i].set)
        assert client.chunk() == b""


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"abc")])
def test_bodies_may_be_any_buffer(body: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, body)

    with serve(app) as served, served.connect() as client:
        assert client.get().body == b"abc"


def test_messages_may_be_any_mapping_and_headers_any_iterable() -> None:
    from collections import UserDict

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = ([b"X-A", b"1"] for _ in range(1))
        await send(UserDict(type="http.response.start", status=200, headers=headers))
        await send(UserDict(type="http.response.body", body=b"m"))

    with serve(app) as served, served.connect() as client:
        response = client.get()
        assert (response.body, response.header("x-a")) == (b"m", "1")


def start(**more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, **more}


def body(data: bytes = b"", **more: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, **more}


LENGTH_2 = [(b"content-length", b"2")]
WRONG = {
    "body first": ([body()], "Expected ASGI message 'http.response.start'"),
    "start twice": ([start(), start()], "Expected ASGI message 'http.response.body'"),
    "nonsense": ([{"type": "nonsense"}], "but got 'nonsense'"),
    "no type": ([{"status": 200}], "needs a 'type'"),
    "no status": ([{"type": "http.response.start"}], "status"),
    "bad status": ([start() | {"status": 1}], "1 is no HTTP status"),
    "no final status": ([start() | {"status": 103}], "103 is no HTTP status that ends"),
    "text status": ([start() | {"status": "200"}], "int"),
    "too long": (
        [start(headers=LENGTH_2), body(b"abc")],
        "Response content longer than Content-Length",
    ),
    "too short": (
        [start(headers=LENGTH_2), body(b"a")],
        "Response content shorter than Content-Length",
    ),
    "CR in value": ([start(headers=[(b"a", b"b\rc")])], "Invalid HTTP header value"),
    "LF in value": ([start(headers=[(b"a", b"b\nc: d")])], "Invalid HTTP header value"),
    "NUL in value": ([start(headers=[(b"a", b"b\0")])], "Invalid HTTP header value"),
    "LF in name": ([start(headers=[(b"a\nb", b"c")])], "Invalid HTTP header name"),
    "space in name": ([start(headers=[(b"a b", b"c")])], "Invalid HTTP header name"),
    "umlaut in name": ([start(headers=[(b"\xe4", b"c")])], "Invalid HTTP header name"),
    "empty name": ([start(headers=[(b"", b"c")])], "Invalid HTTP header name"),
    "text headers": ([start(headers=[("a", "b")])], "pairs of bytes"),
    "not a pair": ([start(headers=[(b"a",)])], "pair"),
    "bad length": (
        [start(headers=[(b"content-length", b"-1")])],
        "Invalid Content-Length",
    ),
    "two lengths": ([start(headers=LENGTH_2 * 2)], "More than one Content-Length"),
    "list of lengths": (
        [start(headers=[(b"content-length", b"2, 2")])],
        "Invalid Content-Length",
    ),
    "unknown coding": (
        [start(headers=[(b"transfer-encoding", b"gzip")])],
        "Invalid Transfer-Encoding",
    ),
    "text body": ([start(), body("text")], "bytes-like"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("messages", "error"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_message_raises_in_the_application_and_answers_500(
    messages: list[dict[str, Any]], error: str
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    with serve(app) as served, served.connect() as client:
        response = client.get()
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert client.closed()
        [(message, exception)] = served.errors
        assert message == "Exception in ASGI application"
        assert error in str(exception)
        [entry] = served.log
        assert entry[1:5] == ("GET", "/", "1.1", 500)


def test_a_message_after_the_response_raises_and_harms_no_client() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, b"ok")
        await send(body())

    with serve(app) as served, served.connect() as client:
        assert client.get().body == b"ok"
        assert client.get().body == b"ok"
        assert "after response already completed" in str(served.errors[0][1])


def test_an_exception_before_the_response_answers_500(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            await asyncio.sleep(0)
        raise ValueError("mine")

    with serve(app, loop) as served:
        for path in ("/", "/late"):
            with served.connect() as client:
                assert client.get(path).status == 500
                assert client.closed()
        for message, exception in served.errors:
            assert message == "Exception in ASGI application"
            assert isinstance(exception, ValueError)
            frame = exception.__traceback__
            assert frame is not None
            assert frame.tb_frame.f_code.co_name == "app"
        assert len(served.errors) == 2


def test_an_exception_in_mid_response_cuts_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"part", more_body=True))
        raise ValueError

    with serve(app) as served, served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        client.head()
        assert client.chunk() == b"part"
        assert client.closed()  # without a last chunk
        assert len(served.errors) == 1


def test_an_application_that_ends_without_a_response_answers_500() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send(start())

    for app, word in ((silent, "starting"), (half, "completing")):
        with serve(app) as served, served.connect() as client:
            assert client.get().status == 500
            assert served.errors == [
                (f"ASGI callable returned without {word} response.", None)
            ]


def test_an_application_that_returns_something_is_reported() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> Any:
        return 42

    with serve(app) as served, served.connect() as client:
        assert client.get().status == 500
        assert "should return None, but returned '42'" in served.errors[0][0]


def not_async(scope: Any, receive: Any, send: Any) -> None:
    pass


def raising(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError("at once")


def one_argument(scope: Any) -> None:
    pass


@pytest.mark.parametrize("app", [not_async, raising, one_argument])
def test_what_is_no_asgi_application_answers_500(app: Any) -> None:
    with serve(app) as served, served.connect() as client:
        assert client.get().status == 500
        assert len(served.errors) == 1


def test_a_cancelled_handler_answers_500_and_is_reported() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(1)

    with serve(app) as served, served.connect() as client:
        assert client.get().status == 500
        assert isinstance(served.errors[0][1], asyncio.CancelledError)


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("path", ["/", "/late"])
def test_an_interrupt_ends_the_loop_after_the_batch(
    loop: str, exception: type[BaseException], path: str
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            await asyncio.sleep(0)
        raise exception

    import socket

    errors: list[Any] = []
    running = new_loop(loop)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _asgi.Server(
            [listener.fileno()], loop=running, on_error=lambda *e: errors.append(e)
        )
        server.app = app
        server.start()
        client = Client(listener.getsockname()[1])
        client.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        with pytest.raises(exception):
            running.run_forever()
        running.run_until_complete(asyncio.sleep(0.01))  # it can go on
        assert client.response().status == 500
        assert errors == []
        running.run_until_complete(server.stop(1.0))
    client.socket.close()
    running.close()


def test_errors_without_a_callback_reach_the_unraisable_hook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_value))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("mine")

    with serve(app, on_error=None) as served, served.connect() as client:
        assert client.get().status == 500
    assert [type(exc) for exc in seen] == [ValueError]


def test_the_access_log_is_called_after_each_response(loop: str) -> None:
    with serve(hello, loop) as served, served.connect() as client:
        client.get("/a?b=%20c")
        host, port = client.socket.getsockname()
        [(peer, method, target, version, status, seconds)] = served.log
        assert (peer, method, target) == (f"{host}:{port}", "GET", "/a?b=%20c")
        assert (version, status) == ("1.1", 200)
        assert 0 < seconds < 5


def test_objects_of_a_request_are_freed_with_it(loop: str) -> None:
    class Thing:
        pass

    refs: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        thing = Thing()
        thing.cycle = (scope, receive, send)  # type: ignore[attr-defined]
        refs.append(weakref.ref(thing))
        if scope["path"] == "/late":
            await asyncio.sleep(0)
        await read_body(receive)
        await respond(send, b"")

    with serve(app, loop) as served, served.connect() as client:
        for path in ("/", "/late") * 5:
            client.get(path)
        until(lambda: served.stats()["in_flight"] == 0)
        served.call(gc.collect)
        assert [ref() for ref in refs] == [None] * 10


def test_receive_and_send_may_outlive_everything() -> None:
    kept: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kept.extend((receive, send))
        await respond(send, b"")

    with serve(app) as served:
        client: Client = served.connect()
        client.get()
        client.socket.close()
    kept.clear()
    gc.collect()
