"""The command `hmr-serve`: options, their environment variables, errors in one
sentence.

uvicorn's options keep their names; every one can also come from HMR_SERVE_<NAME> or
UVICORN_<NAME>.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from . import __version__
from .config import LIFESPANS, LOG_LEVELS, LOOPS, WEBSOCKETS, Config
from .problem import Problem, nearest

# uvicorn's options for production, and what to do instead.
REFUSED = {
    "--workers": "hmr-serve is one process for development; run uvicorn for workers.",
    "--limit-max-requests": "the process stays; run uvicorn in production.",
    "--limit-max-requests-jitter": "the process stays; run uvicorn in production.",
    "--timeout-worker-healthcheck": "hmr-serve has no workers; leave it out.",
}


def option(*names: str, **settings: Any) -> Any:
    """A click option that two environment variables can set as well."""
    long = next(name for name in names if name.startswith("--"))
    variable = long.partition("/")[0].removeprefix("--").replace("-", "_").upper()
    settings.setdefault("envvar", [f"HMR_SERVE_{variable}", f"UVICORN_{variable}"])
    return click.option(*names, **settings)


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
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option(
    "--port", type=int, default=8000, show_default=True, help="0 takes a free port."
)
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
@option("--explain", is_flag=True, help="After a save, say why each statement ran.")
@option("--loop", type=click.Choice(LOOPS), default="auto", show_default=True)
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
    "--log-level",
    type=click.Choice(list(LOG_LEVELS), case_sensitive=False),
    default="info",
    show_default=True,
)
@option("--access-log/--no-access-log", default=True, help="One line for each request.")
@option("--use-colors/--no-use-colors", default=None, help="[default: on a terminal]")
@option(
    "--timeout-graceful-shutdown",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds that running requests get at the end.",
)
@option(
    "--timeout-keep-alive",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds that idle connections stay open.",
)
@option("--backlog", type=click.IntRange(min=1), default=2048, show_default=True)
@option("--server-header/--no-server-header", default=True)
@option("--date-header/--no-date-header", default=True)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the versions and exit.",
)
def command(app: str | None, **options: Any) -> int:
    """Serve an ASGI application and apply every save in place.

    APP is module:attr (main:app), a path (main.py), or nothing: then main.py, app.py,
    api.py and the like are looked for. Every option can come from HMR_SERVE_<NAME> or
    UVICORN_<NAME> as well.
    """
    from .program import serve

    return serve(app, Config.from_options(options))


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
    return int(result or 0)


def _report(sentence: str, code: int) -> int:
    click.echo(f"Error: {sentence}", err=True)
    return code


def _sentence(exc: click.ClickException, prog_name: str) -> str:
    """What click found wrong, with what to do about it."""
    if isinstance(exc, click.NoSuchOption):
        name = exc.option_name
        if name in REFUSED:
            return f"{name} is not for development: {REFUSED[name]}"
        known = [n for p in command.params for n in (*p.opts, *p.secondary_opts)]
        close = nearest(name, [n for n in known if n.startswith("--")], 1)
        hint = f"did you mean {close[0]}?" if close else f"see {prog_name} --help."
        return f"there is no option {name}; {hint}"
    message = exc.format_message().rstrip(".")
    lowered = message[:1].lower() + message[1:]
    if isinstance(exc, click.UsageError) and "unexpected extra argument" in lowered:
        return f"{lowered}; give one APP, and see {prog_name} --help."
    return f"{lowered}; see {prog_name} --help."
