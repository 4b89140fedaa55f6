"""The applications that answer while there is none, with 503."""

from __future__ import annotations

from typing import Any

from .log import error_place, format_error

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>{title}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3em auto; max-width: 60em;
  padding: 0 1em }} pre {{ background: #f4f4f4; border-left: 4px solid #c33; overflow:
  auto; padding: 1em }}
</style>
<h1>{title}</h1>
<p>{advice}</p>
<pre>{error}</pre>
"""
ADVICE = "hmr-serve waits for the save that mends it; then reload this page."


class Restarting:
    """Answers what still arrives while the process replaces itself: try again."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        page = b"<!doctype html><meta http-equiv='refresh' content='1'>Restarting\n"
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1012})
        if scope["type"] == "http":
            await _answer(send, page, b"text/html", (b"retry-after", b"1"))


class Fault:
    """An ASGI application made of an exception."""

    def __init__(
        self, exc: BaseException, what: str = "The application did not start"
    ) -> None:
        self.text = format_error(exc)
        self.title = what
        self.place = error_place(exc)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1012})
            return
        if scope["type"] != "http":
            return
        kind, body = self._body(dict(scope["headers"]).get(b"accept", b""))
        await _answer(send, body, kind)

    def _body(self, accept: bytes) -> tuple[bytes, bytes]:
        if b"text/html" not in accept:
            text = f"{self.title}. {ADVICE}\n\n{self.text}"
            return b"text/plain; charset=utf-8", text.encode()
        import html  # here: only a browser that meets an error pays for it

        page = PAGE.format(
            title=self.title, advice=ADVICE, error=html.escape(self.text)
        )
        return b"text/html; charset=utf-8", page.encode()


async def _answer(
    send: Any, body: bytes, kind: bytes, *more: tuple[bytes, bytes]
) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
