"""The command `hmr-serve`: options, their environment variables, errors in one
sentence.

uvicorn's options keep their names; every one can also come from HMR_SERVE_<NAME> or
UVICORN_<NAME>.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from . import __version__
from .config import (
    HTTPS,
    INTERFACES,
    LIFESPANS,
    LOG_LEVELS,
    LOOPS,
    WEBSOCKETS,
    Config,
)
from .problem import Problem, nearest
from .refused import REFUSED, REFUSED_VALUES, SWITCHES, flag


def option(*names: str, **settings: Any) -> Any:
    """A click option that two environment variables can set as well."""
    long = next(name for name in names if name.startswith("--"))
    variable = long.partition("/")[0].removeprefix("--").replace("-", "_").upper()
    settings.setdefault("envvar", [f"HMR_SERVE_{variable}", f"UVICORN_{variable}"])
    return click.option(*names, **settings)


class Choice(click.Choice):
    """The values of an option; those that are refused with a reason get there."""

    def __init__(self, name: str, values: Sequence[str]) -> None:
        super().__init__(values, case_sensitive=False)
        self.refused = REFUSED_VALUES.get(name, {})

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        return value if value in self.refused else super().convert(value, param, ctx)


def refused_options(function: Any) -> Any:
    """uvicorn's options for production: known, so that their variables are too."""
    for name in REFUSED:
        if name != "ssl_context_factory":  # hmr_serve.run's only
            settings = {"is_flag": True} if name in SWITCHES else {"default": None}
            function = option(flag(name), hidden=True, **settings)(function)
    return function


def _show_version(context: click.Context, parameter: Any, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(version_line())
        context.exit()


def version_line() -> str:
    import platform

    from ._asgi import versions

    parts = [f"hmr-serve {__version__}", f"Python {platform.python_version()}"]
    parts += [f"{name} {number}" for name, number in versions().items()]
    return ", ".join(parts)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("app", required=False, envvar=["HMR_SERVE_APP", "UVICORN_APP"])
@option(
    "--host",
    multiple=True,
    default=["127.0.0.1"],
    help="Address to listen on; repeatable.  [default: 127.0.0.1]",
)
@option(
    "--port", type=int, default=8000, show_default=True, help="0 takes a free port."
)
@option("--uds", help="Listen on a Unix socket at this path.")
@option("--fd", type=int, help="Listen on the socket with this descriptor.")
@option(
    "--factory", is_flag=True, help="APP is a function that returns the application."
)
@option("--app-dir", help="Where APP is imported from.  [default: this folder]")
@option(
    "--reload/--no-reload",
    default=True,
    help="Apply saves in place.  [default: reload]",
)
@option(
    "--reload-dir",
    "reload_dirs",
    multiple=True,
    help="Only modules below are reloaded; repeatable.  [default: the app's folder]",
)
@option(
    "--reload-include",
    "reload_includes",
    multiple=True,
    help="Files (gitignore pattern) that count although nothing read them.",
)
@option(
    "--reload-exclude",
    "reload_excludes",
    multiple=True,
    help="Files (gitignore pattern) that do not count.",
)
@option(
    "--reload-delay",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds of quiet after a save before it is applied.",
)
@option(
    "--reload-poll/--no-reload-poll",
    default=None,
    help="Look at files instead of waiting for events.  [default: where none come]",
)
@option(
    "--explain-path",
    metavar="FILE",
    help="Say whether a save of FILE is seen, and why; serve nothing.",
)
@option(
    "--release-first/--no-release-first",
    default=True,
    help="Free a large old value before a slow statement makes the new one.  "
    "[default: release-first]",
)
@option("--explain", is_flag=True, help="After a save, say why each statement ran.")
@option("--loop", type=Choice("loop", LOOPS), default="auto", show_default=True)
@option(
    "--http",
    type=Choice("http", HTTPS),
    default="auto",
    show_default=True,
    help="Accepted; all are our own parser.",
)
@option(
    "--interface",
    type=Choice("interface", INTERFACES),
    default="auto",
    show_default=True,
)
@option("--lifespan", type=click.Choice(LIFESPANS), default="auto", show_default=True)
@option(
    "--ws",
    type=click.Choice(WEBSOCKETS),
    default="auto",
    show_default=True,
    help="none serves no WebSockets; all others are our own.",
)
@option(
    "--ws-max-size",
    type=click.IntRange(min=0),
    default=16777216,
    show_default=True,
    help="Bytes of a WebSocket message.",
)
@option(
    "--ws-max-queue",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Messages that wait for the application before reading stops.",
)
@option(
    "--ws-ping-interval",
    type=float,
    default=20.0,
    show_default=True,
    help="Seconds between pings; 0: none.",
)
@option(
    "--ws-ping-timeout",
    type=float,
    default=20.0,
    show_default=True,
    help="Seconds for the answer to a ping; 0: for ever.",
)
@option(
    "--ws-per-message-deflate",
    type=bool,
    default=True,
    show_default=True,
    help="Compress WebSocket messages where the client can.",
)
@option("--env-file", help="KEY=value lines for the environment; watched.")
@option(
    "--root-path", default="", help="Where a proxy in front mounts the application."
)
@option(
    "--proxy-headers/--no-proxy-headers",
    default=True,
    help="Believe X-Forwarded-For and -Proto.  [default: proxy-headers]",
)
@option(
    "--forwarded-allow-ips",
    help="Which proxies to believe: addresses, networks, *.  [default: this machine, "
    "or $FORWARDED_ALLOW_IPS]",
)
@option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="Add to every response; repeatable.",
)
@option(
    "--reset-contextvars",
    is_flag=True,
    help="Requests do not see the context of the lifespan.",
)
@option("--log-config", help="File for logging.config: .ini, .json or .yaml.")
@option(
    "--log-level",
    type=click.Choice(list(LOG_LEVELS), case_sensitive=False),
    help="[default: info]",
)
@option("--access-log/--no-access-log", default=True, help="One line for each request.")
@option("--use-colors/--no-use-colors", default=None, help="[default: on a terminal]")
@option(
    "--timeout-graceful-shutdown",
    type=click.FloatRange(min=0),
    help="Seconds that running requests get at the end.  [default: 0.5; 1 before a "
    "restart in place]",
)
@option(
    "--timeout-keep-alive",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds that idle connections stay open.",
)
@option(
    "--limit-concurrency",
    type=int,
    help="Answer 503 above so many connections or running requests.",
)
@option("--backlog", type=int, default=2048, show_default=True)
@option(
    "--h11-max-incomplete-event-size",
    type=int,
    help="Bytes of a request's head.  [default: 65536]",
)
@option("--ssl-certfile", help="Serve https with this certificate (PEM).")
@option("--ssl-keyfile", help="Its key.  [default: in the same file]")
@option("--ssl-keyfile-password")
@option(
    "--ssl-cert-reqs",
    type=int,
    default=0,
    help="Client certificates: 1 asked for, 2 required.",
)
@option("--ssl-ca-certs", help="Who signs clients' certificates.")
@option("--ssl-ciphers", help="Of TLS 1.2, as OpenSSL writes them.")
@option("--server-header/--no-server-header", default=True)
@option("--date-header/--no-date-header", default=True)
@refused_options
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the versions and exit.",
)
def command(app: str | None, explain_path: str | None, **options: Any) -> int:
    """Serve an ASGI application and apply every save in place.

    APP is module:attr (main:app), a path (main.py), or nothing: then main.py, app.py,
    api.py and the like are looked for. Every option can come from HMR_SERVE_<NAME> or
    UVICORN_<NAME> as well.
    """
    from .program import explain, serve

    check_effect(options)
    config = Config.from_options(options)
    if explain_path is not None:
        click.echo(explain(app, config, explain_path))
        return 0
    return serve(app, config)


def check_effect(options: dict[str, Any]) -> None:
    """Raises Problem for options that --no-reload makes idle."""
    if not options["reload"]:
        for name in ("reload_dirs", "reload_includes", "reload_excludes"):
            _check_idle(flag(name.removesuffix("s")), bool(options[name]))
        _check_idle("--reload-delay", options["reload_delay"] > 0)
        _check_idle("--reload-poll", options["reload_poll"] is not None)


def _check_idle(option: str, given: bool) -> None:
    if given:
        raise Problem(
            f"{option} has no effect with --no-reload; leave one of them out.", 2
        )


def main(prog_name: str = "hmr-serve") -> NoReturn:
    """The entry point of the console script."""
    from .program import leave

    leave(_run(sys.argv[1:], prog_name))


def _run(arguments: list[str], prog_name: str) -> int:
    try:
        result = command.main(arguments, prog_name=prog_name, standalone_mode=False)
    except Problem as problem:
        return _report(str(problem), problem.exit_code)
    except click.ClickException as exc:
        return _report(_sentence(exc, prog_name), exc.exit_code)
    except click.Abort:
        return 130
    except Exception:  # a defect of ours: threads of the application may never end
        traceback.print_exc()
        return 1
    return int(result or 0)


def _report(sentence: str, code: int) -> int:
    click.echo(f"Error: {sentence}", err=True)
    return code


def _sentence(exc: click.ClickException, prog_name: str) -> str:
    """What click found wrong, with what to do about it."""
    if isinstance(exc, click.NoSuchOption):
        name = exc.option_name
        known = [
            n
            for p in command.params
            if not getattr(p, "hidden", False)
            for n in (*p.opts, *p.secondary_opts)
        ]
        close = nearest(name, [n for n in known if n.startswith("--")], 1)
        hint = f"did you mean {close[0]}?" if close else f"see {prog_name} --help."
        return f"there is no option {name}; {hint}"
    message = exc.format_message().rstrip(".")
    lowered = message[:1].lower() + message[1:]
    if isinstance(exc, click.UsageError) and "unexpected extra argument" in lowered:
        return f"{lowered}; give one APP, and see {prog_name} --help."
    return f"{lowered}; see {prog_name} --help."
