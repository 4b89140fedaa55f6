"""Every option of uvicorn: accepted or refused with a sentence, and in the table."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn
from uvicorn.config import HTTP_PROTOCOLS, LOOP_FACTORIES, WS_PROTOCOLS
from uvicorn.main import main as uvicorn_command

from hmr_serve import cli
from hmr_serve.config import Config
from hmr_serve.problem import Problem
from hmr_serve.proxy import Proxies
from hmr_serve.refused import REFUSED, REFUSED_VALUES, flag
from hmr_serve.rules import Rules

TABLE = Path(__file__).parents[1] / "docs" / "options.md"


def names(command: click.Command) -> set[str]:
    return {
        name
        for param in command.params
        for name in (*param.opts, *param.secondary_opts)
        if name.startswith("--")
    }


def table() -> dict[str, str]:
    """Option -> what the table says of it."""
    rows = re.findall(r"^\| (`--.*?) \|.*\| (.*?) \|$", TABLE.read_text(), re.MULTILINE)
    return {name: text for cell, text in rows for name in re.findall(r"--[\w-]+", cell)}


def test_the_table_has_every_option_of_uvicorn_and_of_ours() -> None:
    uvicorns = names(uvicorn_command)
    ours = names(cli.command)
    assert len(uvicorns) >= 52
    assert uvicorns <= ours
    assert set(table()) == ours - {"--help", "--no-reload"}


def test_what_the_table_calls_refused_is_refused() -> None:
    refused = {name for name, text in table().items() if text.startswith("refused")}
    assert refused == {flag(name) for name in REFUSED} - {"--ssl-context-factory"}
    for name in REFUSED:
        with pytest.raises(Problem, match=f"{flag(name)} is not for development"):
            Config.from_options({name: "4"})
        for harmless in REFUSED[name][0]:
            Config.from_options({name: harmless})


def test_run_takes_every_keyword_of_uvicorn_run_with_its_default() -> None:
    parameters = inspect.signature(uvicorn.run).parameters
    defaults = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in ("app", "log_config", "ssl_version")
    }
    assert len(defaults) > 45
    Config.from_options(defaults)  # raises for an unknown one


@pytest.mark.parametrize("prefix", ["HMR_SERVE", "UVICORN"])
def test_every_option_has_its_variables(prefix: str) -> None:
    for param in cli.command.params:
        if isinstance(param, click.Option) and param.name not in ("version", "help"):
            name = param.opts[0].removeprefix("--").replace("-", "_").upper()
            assert isinstance(param.envvar, list)
            assert f"{prefix}_{name}" in param.envvar
    command = uvicorn_command
    assert command.context_settings.get("auto_envvar_prefix", "UVICORN") == "UVICORN"


def test_every_choice_of_uvicorn_is_taken_or_refused_with_a_reason() -> None:
    choices = {
        str(param.name): list(param.type.choices)
        for param in uvicorn_command.params
        if isinstance(param.type, click.Choice)
    }
    choices |= {"http": HTTP_PROTOCOLS, "ws": WS_PROTOCOLS, "loop": LOOP_FACTORIES}
    assert len(choices) >= 6
    taken = set()
    for name, values in choices.items():
        for value in values:
            try:
                Config.from_options({name: value})
                taken.add((name, value))
            except Problem as problem:
                assert value in REFUSED_VALUES[name], problem
                assert str(problem).startswith(f"{flag(name)} cannot be {value}: ")
    assert len(taken) > 20
    # What the command line takes is what Config takes.
    for param in cli.command.params:
        if isinstance(param.type, click.Choice):
            for value in param.type.choices:
                Config.from_options({str(param.name): value})


def test_options_of_websockets_reach_the_server() -> None:
    config = Config.from_options(
        {
            "ws_max_size": 1,
            "ws_max_queue": 2,
            "ws_ping_interval": 3.0,
            "ws_ping_timeout": 4.0,
            "ws_per_message_deflate": False,
        }
    )
    assert config.websocket() == {
        "max_size": 1,
        "max_queue": 2,
        "ping_interval": 3.0,
        "ping_timeout": 4.0,
        "deflate": False,
    }


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"interface": "wsgi"}, "a2wsgi.WSGIMiddleware"),
        ({"interface": "asgi2"}, "asgiref"),
        ({"http": "zttp"}, "--http cannot be zttp"),
        ({"loop": "zuvloop"}, "take uvloop"),
        ({"uds": "/x", "fd": 3}, "--uds and --fd exclude each other"),
        ({"backlog": 0}, "--backlog 0 would let nobody in"),
        ({"limit_concurrency": 0}, "--limit-concurrency 0 would let nobody in"),
        ({"h11_max_incomplete_event_size": 10}, "cannot hold a request"),
        ({"headers": ["nonsense"]}, "is no header; write Name:Value"),
        ({"headers": [("a", "\u20ac")]}, "characters that no header can hold"),
        ({"reload_delay": -1}, "--reload-delay cannot be below 0"),
        ({"forwarded_alow_ips": "*"}, "did you mean forwarded_allow_ips?"),
        ({"worker": 3}, "did you mean workers"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(options: dict[str, Any], part: str) -> None:
    with pytest.raises(Problem) as caught:
        Config.from_options(options)
    assert part in str(caught.value)
    assert caught.value.exit_code == 2


def test_headers_and_lists_come_in_every_form_that_uvicorn_takes() -> None:
    config = Config.from_options(
        {"headers": ["X-A: b:c", ("Y", "\xe4")], "reload_dirs": ".", "host": "::1"}
    )
    assert config.header_pairs() == [(b"x-a", b"b:c"), (b"y", b"\xe4")]
    assert config.reload_dirs == (".",)
    assert config.hosts == ("::1",)
    assert Config.from_options({"log_level": 10}).level == 10
    assert Config.from_options({"log_level": "DEBUG"}).level == 10
    assert Config.from_options({"log_level": None}).level == 20


# -- proxy headers: what uvicorn's middleware makes of the same scope


FORWARDED: list[tuple[str | list[str], str | None, list[tuple[bytes, bytes]]]] = [
    (trusted, client, headers)
    for trusted in ("127.0.0.1", "*", "10.0.0.0/8, ::1, socket", ["1.2.3.4"], "")
    for client in ("127.0.0.1", "10.1.1.1", "1.2.3.4", "::1", "socket", None)
    for headers in (
        [],
        [(b"x-forwarded-proto", b"https")],
        [(b"x-forwarded-proto", b" wss ")],
        [(b"x-forwarded-proto", b"gopher")],
        [(b"x-forwarded-for", b"")],
        [(b"x-forwarded-for", b"9.9.9.9")],
        [(b"x-forwarded-for", b"9.9.9.9:80, 10.2.2.2")],
        [(b"x-forwarded-for", b"10.3.3.3, 127.0.0.1,1.2.3.4")],
        [(b"x-forwarded-for", b"9.9.9.9"), (b"x-forwarded-for", b"[::2]:7")],
        [(b"x-forwarded-for", b"[::2"), (b"x-forwarded-proto", b"http")],
        [(b"x-forwarded-for", b"::2"), (b"x-forwarded-proto", b"wss")],
        [(b"x-forwarded-for", b"unknown:port")],
    )
]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_proxy_headers_mean_what_they_mean_to_uvicorn(kind: str) -> None:
    import asyncio

    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"], scope["scheme"]))

    for trusted, client, headers in FORWARDED:
        scope: dict[str, Any] = {
            "type": kind,
            "scheme": "http" if kind == "http" else "ws",
            "client": (client, 1) if client is not None else None,
            "headers": headers,
        }
        middleware = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]
        asyncio.run(middleware(dict(scope), None, None))  # type: ignore[arg-type]
        Proxies(trusted)(scope)
        assert (scope["client"], scope["scheme"]) == seen.pop(), (trusted, client)


# -- which files count


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.html", ["a.html", "x/y/a.html"], ["a.htm", "a.html.py"]),
        ("docs/", ["docs/a", "x/docs/b/c"], ["docs", "docs.py"]),
        ("/data", ["data", "data/x"], ["x/data"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b", "a/bc"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a/bz"]),
        ("**/z", ["z", "a/z", "a/b/z"], ["az"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a/c"]),
        ("[ab]?.py", ["ax.py", "b1.py"], ["c1.py", "a.py"]),
        ("[!a].py", ["b.py"], ["a.py"]),
        ("./x.py", ["x.py"], ["a/x.py"]),
        (r"\*.py", ["*.py"], ["a.py"]),
        ("a.py", ["a.py", "x/a.py"], ["abpy", "xa.py"]),
    ],
)
def test_patterns_are_those_of_gitignore(
    pattern: str,
    matching: list[str],
    others: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    rules = Rules([], [pattern])
    base = tmp_path.resolve()
    for path in matching:
        assert rules.excluded_by(str(base / path)) == pattern, path
    for path in others:
        assert rules.excluded_by(str(base / path)) is None, path


def test_the_last_pattern_decides_and_includes_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = tmp_path.resolve()
    rules = Rules(["keep/*.md"], ["*.md", "!readme.md", "x.md"])
    assert rules.excluded_by(str(base / "a.md")) == "*.md"
    assert rules.excluded_by(str(base / "readme.md")) is None
    assert rules.excluded_by(str(base / "x.md")) == "x.md"
    assert rules.excluded_by(str(base / "keep/x.md")) is None
    assert rules.included_by(str(base / "keep/x.md")) == "keep/*.md"
    folder = base / "folder"
    folder.mkdir()
    assert Rules([], [str(folder)]).excluded_by(str(folder / "deep/a.py"))


def test_included_files_are_looked_for_where_sources_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = tmp_path.resolve()
    for name in (
        "a.html",
        "t/b.html",
        ".git/c.html",
        "node_modules/d.html",
        "v/e.html",
    ):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).touch()
    (base / "v/pyvenv.cfg").touch()
    files, folders = Rules(["*.html"], []).find_included([str(base)])
    assert files == {str(base / "a.html"), str(base / "t/b.html")}
    assert folders == {str(base), str(base / "t")}
