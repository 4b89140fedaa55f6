"""The program: one server from its first line to its exit code.

    bind -> import -> lifespan -> serve ... signal -> requests end -> shutdown -> exit
                                        ... restart -> the same, then exec with the
                                        listeners

Responsibilities: the event loop, the order of start and end, exit codes. Main thread
only.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from . import children, sockets
from .blocked import Blocked
from .config import Config
from .entry import Entry, find_entry, load_env_file, missing_module, prepare_path
from .keys import Keys
from .lifespan import LifespanFailed
from .live import Live
from .log import Log
from .problem import Problem
from .proxy import Proxies
from .rules import Rules
from .signals import Signals

if TYPE_CHECKING:
    from ._asgi import Server
    from .reloader import Reloader

IMPORT_FAILED = 1
STARTUP_FAILED = 3  # uvicorn's code for an application that does not start
HANDED_OVER = "HMR_SERVE_RUN"  # what a script asked for, see script.py
CLOSE_LEAVING, CLOSE_RESTART = 1001, 1012  # what WebSockets are told at the end
STRAGGLERS_WAIT = 0.5  # seconds for tasks and threads that go on after the end


def serve(app: Any, config: Config) -> int:
    """Serve APP (a name, a path, None to look for it, or an object); the exit code.

    Raises Problem for what stops the start."""
    environ, cwd = dict(os.environ), os.getcwd()
    os.environ.pop(HANDED_OVER, None)
    bequest = sockets.inherited()
    log = Log(config)
    entry = None
    if app is None or isinstance(app, str):
        entry = find_entry(app, config)
        prepare_path(entry)
        if entry.note:
            log.info(entry.note)
    elif config.reload:
        log.warning(
            "An application object cannot be reloaded; pass its name, like "
            'hmr_serve.run("main:app"), to apply saves.'
        )
    if config.tls:
        check_tls(config)
    listeners, connections, restarted = bequest or (sockets.listen(config), [], None)
    environ.pop(sockets.INHERITED, None)
    children.keep_from_children(listeners)
    program = Program(config, log, listeners, connections, restarted)
    try:
        code = program.run(entry, app)
    finally:
        if not program.restarting:
            sockets.close(listeners, config.uds)
    if program.restarting:
        children.end_children()
        atexit._run_exitfuncs()  # the process would end, but for its id
        os.chdir(cwd)
        restart_in_place(listeners, program.connections, environ)
    return code


def check_tls(config: Config) -> None:
    """Whether the files fit, before anything is imported. Raises Problem."""
    from ._asgi import check_tls

    try:
        check_tls(config.tls_files())
    except OSError as exc:
        raise Problem(f"{exc}.", 2) from None


def explain(app: str | None, config: Config, path: str) -> str:
    """What --explain-path prints. Raises Problem."""
    from ._core import Engine
    from .explain_path import explain_path

    entry = find_entry(app, config)
    prepare_path(entry)
    if config.env_file:
        load_env_file(config.env_file)
    roots = reload_roots(entry, config)
    engine = Engine(roots)
    engine.install()
    try:
        engine.run("entry", entry.load)
    except Problem:
        raise
    except Exception as exc:
        problem = missing_module(entry, exc)
        if problem:
            raise problem from None
        # What it did up to there is known all the same.
        Log(config).error(f"{entry.name} cannot be imported", exc)
    rules = Rules(config.reload_includes or (), config.reload_excludes or ())
    return explain_path(path, engine, rules, roots, config.env_file)


def restart_in_place(
    listeners: list[socket.socket],
    connections: sockets.Connections,
    environ: dict[str, str],
) -> None:
    """Replace this process by the same command: pid, listeners and connections stay;
    who connects or requests meanwhile waits.

    With the environment of the start, so that what the application put there is
    gone."""
    handed_over = sockets.bequeath(listeners, connections, time.monotonic_ns())
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, command, {**environ, **handed_over})


class Program:
    """One server process between bind and exit."""

    def __init__(
        self,
        config: Config,
        log: Log,
        listeners: list[socket.socket],
        connections: sockets.Connections,
        restarted: int | None,
    ) -> None:
        self.restarting = False
        self.connections = connections  # of the process before; for the one after
        self._config = config
        self._log = log
        self._listeners = listeners
        self._restarted = restarted  # monotonic ns; None: nobody was before us
        self._loop = new_event_loop(config.loop)
        self._signals = Signals(self._loop, config.grace)
        self._signals.on_signal = self._on_signal
        self._leave = asyncio.Event()
        self._force = asyncio.Event()
        self._reloader: Reloader | None = None
        self._live: Live | None = None  # without a reloader
        self._server: Server | None = None
        self._roots: list[str] = []  # the folders of the application

    def run(self, entry: Entry | None, app: Any) -> int:
        """Import, serve, clean up; the exit code. Raises Problem."""
        asyncio.set_event_loop(self._loop)
        self._signals.install()
        try:
            began = time.time()
            error: BaseException | None = None
            if entry is not None:
                self._roots = reload_roots(entry, self._config)
                if self._config.reload:
                    self._reloader = self._new_reloader(entry)
                try:
                    app = self._load(entry)
                except KeyboardInterrupt:
                    return 0
                except BaseException as exc:
                    error = self._judge(entry, exc)
                    if error is None:
                        return IMPORT_FAILED
            return self._run_loop(self._serve(app, error, began))
        finally:
            if self._reloader:
                self._reloader.dispose()
            self._signals.uninstall()
            self._close_loop()

    # -- the start

    def _load(self, entry: Entry) -> Any:
        """The application, imported outside the loop. Raises what user code raises."""
        if self._reloader:
            return self._reloader.load()
        with self._signals.importing():
            if self._config.env_file:
                load_env_file(self._config.env_file)
            return entry.load()

    def _new_reloader(self, entry: Entry) -> Reloader:
        from . import adapters
        from ._core import Engine
        from .contributions import Routes
        from .reloader import Reloader

        engine = Engine(self._roots)
        engine.install()
        adapters.load(engine, self._log.warning)
        engine.contribute(Routes())
        reloader = Reloader(
            engine,
            entry,
            self._config,
            self._log,
            self._loop,
            self._signals,
            self._roots,
        )
        reloader.restart = self._restart
        return reloader

    def _judge(self, entry: Entry, exc: BaseException) -> BaseException | None:
        """What the first import raised: a Problem ends the program, any other error
        waits for the save that mends it, or ends it too where nothing is reloaded
        (None)."""
        if isinstance(exc, Problem):
            raise exc
        problem = missing_module(entry, exc)
        if problem:
            raise problem from None
        if self._reloader:
            return exc
        self._log.error(f"{entry.name} cannot be imported", exc)
        return None

    async def _serve(self, app: Any, error: BaseException | None, began: float) -> int:
        from ._asgi import Server

        config = self._config
        self._server = server = Server(
            [listener.fileno() for listener in self._listeners],
            loop=self._loop,
            on_change=self._reloader.on_change if self._reloader else None,
            access_log=self._log.access_logger(self._loop.call_soon)
            if config.access_log
            else None,
            on_error=self._log.error,
            on_blocked=Blocked(self._log, self._roots),
            root_path=config.root_path,
            keep_alive=config.timeout_keep_alive,
            head_limit=config.h11_max_incomplete_event_size or 65536,
            backlog=config.backlog,
            limit_concurrency=config.limit_concurrency or 0,
            headers=config.header_pairs(),
            proxy=Proxies(config.trusted()) if config.proxy_headers else None,
            reset_context=config.reset_contextvars,
            settle=config.reload_delay,
            poll=config.reload_poll,
            server_header=config.server_header,
            date_header=config.date_header,
            websocket=config.websocket(),
            tls=config.tls_files() if config.tls else None,
        )
        starting = asyncio.ensure_future(self._start(app, error))
        leave = asyncio.ensure_future(self._leave.wait())
        await asyncio.wait((starting, leave), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            self._cancel_lifespan()
            return 0
        leave.cancel()
        if not starting.result():
            return STARTUP_FAILED
        server.start(self.connections)
        self.connections = []
        if self._reloader:
            self._reloader.watch(began)
            for line in polling_lines(self._roots, config):
                self._log.info(line)
        self._log.info(self._greeting())
        keys = Keys(self._loop, self._restart_asked) if self._reloader else None
        await self._leave.wait()
        if keys:
            keys.close()
        return await self._end()

    async def _start(self, app: Any, error: BaseException | None) -> bool:
        """Run the first startup; False if it failed and nothing can mend it."""
        assert self._server is not None
        self._log.info("Waiting for application startup.")
        if self._reloader:
            await self._reloader.start(self._server, app, error)
            ok = self._reloader.live is not None
        else:
            ok = await self._start_without_reload(app)
        live = self._reloader.live if self._reloader else self._live
        if live and live.lacks_lifespan:
            self._log.info("ASGI 'lifespan' protocol appears unsupported.")
        if ok:
            self._log.info("Application startup complete.")
        return ok or self._reloader is not None

    async def _start_without_reload(self, app: Any) -> bool:
        self._live = live = Live(app, self._config, self._log)
        try:
            await live.start()
        except LifespanFailed as exc:
            if exc.cause:
                self._log.error("Exception in the lifespan startup", exc.cause)
            else:
                self._log.error(str(exc).strip())
            self._log.error("Application startup failed. Exiting.")
            return False
        assert self._server is not None
        self._server.app = app
        self._server.state = live.state
        return True

    def _greeting(self) -> str:
        where = sockets.where(self._listeners, self._config)
        if self._restarted is None:
            return f"hmr-serve running on {where} (Press CTRL+C to quit)"
        seconds = (time.monotonic_ns() - self._restarted) / 1e9
        return f"hmr-serve running on {where} again after {seconds:.1f} s"

    # -- the end

    def _on_signal(self, count: int) -> None:
        self._leave.set()
        if count > 1:
            self._force.set()

    def _restart(self) -> None:
        self.restarting = True
        self._leave.set()

    def _restart_asked(self) -> None:
        """The old code answers until then: nothing says that it is wrong."""
        self._log.line("restarting  -  r was typed")
        self._restart()

    async def _end(self) -> int:
        """Requests end, then the lifespan; at once after a second signal."""
        assert self._server is not None
        if not self.restarting:
            self._log.info("Shutting down")
        ending = asyncio.ensure_future(self._end_gracefully())
        force = asyncio.ensure_future(self._force.wait())
        await asyncio.wait((ending, force), return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            self.restarting = False
            self._server.abort()
            self._cancel_lifespan()
            ending.cancel()
            return 128 + self._signals.number
        force.cancel()
        return 0

    async def _end_gracefully(self) -> None:
        assert self._server is not None
        if self.restarting:
            await self._server.stop(self._config.restart_grace, CLOSE_RESTART, True)
            self.connections = self._server.handed_over()
        else:
            # A handler that blocked the loop has had its share.
            late = time.monotonic() - self._signals.since
            grace = max(0.0, self._config.grace - late)
            await self._server.stop(grace, CLOSE_LEAVING)
        ending = self._reloader or self._live
        if ending is None or not ending.has_lifespan:
            return
        self._log.info("Waiting for application shutdown.")
        if await ending.stop():
            self._log.info("Application shutdown complete.")

    def _cancel_lifespan(self) -> None:
        for part in (self._reloader, self._live):
            if part:
                part.cancel()

    # -- the loop

    def _run_loop(self, main: Coroutine[Any, Any, int]) -> int:
        task = self._loop.create_task(main)
        while True:
            try:
                return self._loop.run_until_complete(task)
            except KeyboardInterrupt:
                if task.done():
                    return 128 + self._signals.number
                # It ended a handler that blocked the loop: `main` now hears of the
                # signal.

    def _close_loop(self) -> None:
        """As asyncio.run does, but with an end: a task or thread may ignore its end."""
        loop = self._loop
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=STRAGGLERS_WAIT))
            loop.run_until_complete(loop.shutdown_asyncgens())
            executor = loop.shutdown_default_executor()
            with suppress(TimeoutError):
                loop.run_until_complete(asyncio.wait_for(executor, STRAGGLERS_WAIT))
        except KeyboardInterrupt:
            pass
        finally:
            self._log.flush_access()
            asyncio.set_event_loop(None)
            loop.close()


def new_event_loop(kind: str) -> asyncio.AbstractEventLoop:
    """The loop of --loop; auto is uvloop where it is installed."""
    if kind != "asyncio":
        try:
            import uvloop
        except ImportError:
            if kind == "uvloop":
                raise Problem(
                    "--loop uvloop needs uvloop; run: pip install uvloop", 2
                ) from None
        else:
            return uvloop.new_event_loop()
    return asyncio.SelectorEventLoop()


def polling_lines(roots: list[str], config: Config) -> Iterator[str]:
    """Which folders are watched by looking at their files, and why."""
    from ._asgi import filesystem_without_events

    for root in roots:
        if config.reload_poll:
            yield f"Polling {root} for changes (--reload-poll)"
        elif config.reload_poll is None:
            kind = filesystem_without_events(root)
            if kind:
                yield f"Polling {root} for changes: {kind} tells of none"


def reload_roots(entry: Entry, config: Config) -> list[str]:
    """The folders whose modules are tracked; none inside another."""
    given = config.reload_dirs or (entry.folder, os.getcwd())
    roots: list[str] = []
    for path in sorted({os.path.realpath(path) for path in given}):
        if not any(path.startswith(os.path.join(root, "")) for root in roots):
            roots.append(path)
    return roots


def leave(code: int) -> NoReturn:
    """Exit, without waiting for ever for threads that the application left running."""
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    end = time.monotonic() + STRAGGLERS_WAIT
    for thread in others:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
