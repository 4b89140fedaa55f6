"""Documentation examples of FastAPI and Starlette, unchanged, in headless Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects.fastapi_docs import Unavailable, documentation_sources
from projects.starlette_docs import documentation_example

from .browser import Browser
from .conftest import Serve

MESSAGES = "[...document.querySelectorAll('#messages li')].map(li => li.textContent)"
SEND = """
    document.getElementById('messageText').value = %r;
    document.querySelector('form button').click();
"""
EVENTS = """
    new Promise(resolve => {
        const seen = [];
        const source = new EventSource('/items/stream');
        source.onmessage = event => seen.push(JSON.parse(event.data).name);
        source.onerror = () => { source.close(); resolve(seen); };
    })
"""


def examples() -> dict[str, str]:
    """FastAPI's, with the templates and style sheets beside them, by path."""
    try:
        found = documentation_sources((".py", ".html", ".css"))
    except Unavailable as error:
        pytest.fail(f"{error} (the first run needs the network)", pytrace=False)
    return {str(path): text for path, text in found.items()}


def chat(browser: Browser) -> None:
    browser.open("/")
    browser.until_run("ws.readyState", 1)
    for text in ("hello", "é" * 300):
        browser.run(SEND % text)
    said = [f"Message text was: {text}" for text in ("hello", "é" * 300)]
    browser.until_run(MESSAGES, said)


def test_a_page_chats_over_a_socket_and_an_edit_leaves_it_open(
    serve: Serve, tmp_path: Path
) -> None:
    text = examples()["websockets_/tutorial001.py"]
    server = serve({"main.py": text})
    with Browser(tmp_path / "profile", server.port) as browser:
        chat(browser)
        server.edit("main.py", "<h1>WebSocket Chat</h1>", "<h1>Edited</h1>")
        browser.run(SEND % "still here")
        browser.until_run(f"{MESSAGES}.length", 3)
        browser.open("/")
        assert browser.run("document.querySelector('h1').textContent") == "Edited"


def test_starlettes_chat(serve: Serve, tmp_path: Path) -> None:
    server = serve({"main.py": documentation_example("endpoints", "Chat", "Echo")})
    with Browser(tmp_path / "profile", server.port) as browser:
        chat(browser)


def test_events_templates_and_style_sheets(serve: Serve, tmp_path: Path) -> None:
    found = examples()
    events = serve({"main.py": found["server_sent_events/tutorial001.py"]})
    with Browser(tmp_path / "events", events.port) as browser:
        browser.open("/openapi.json")
        assert browser.run(EVENTS) == ["Plumbus", "Portal Gun", "Meeseeks Box"]
    below = {
        path.removeprefix("templates/"): text
        for path, text in found.items()
        if path.startswith(("templates/templates/", "templates/static/"))
    }
    pages = serve({**below, "main.py": found["templates/tutorial001.py"]})
    with Browser(tmp_path / "pages", pages.port) as browser:
        browser.open("/items/7")
        assert browser.run("document.querySelector('h1').textContent") == "Item ID: 7"
        color = "getComputedStyle(document.querySelector('h1')).color"
        assert browser.run(color) == "rgb(0, 128, 0)"
        browser.run("document.querySelector('h1 a').click()")
        browser.until_run("location.pathname", "/items/7")
