"""The reloader: what happens between a save and the lifting of the fence.

    on_change(serial, paths)            called by the I/O layer, the fence stands
      engine.apply(paths)               one transaction: applied whole or not at all
      needs a new process?              a child tries first, then this one restarts
      lifespan stale?  -> old shutdown in the old world, new startup in the new one
      server.app = the new application  requests in flight finish on the old one
      server.release(serial)            the fence lifts
      one line on the terminal

Responsibilities: run updates one after the other, keep the last good application
answering, tell the server what to watch. Everything runs in the loop's thread; user
code is imported with no running event loop set, as a cold start does.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from . import adapters, api, framework, workers
from .cold import cold_start, is_user_file, raised_in_library
from .endings import Endings
from .entry import Entry
from .fault import Fault, Restarting
from .inputs import Inputs
from .leftovers import Leftovers
from .lifespan import TRACE, LifespanFailed
from .live import Live
from .log import error_place, forget_frames
from .middleware import STACK
from .notices import Notices
from .problem import Problem
from .report import has_effect, several
from .retired import Retired
from .saves import Fingerprints, fingerprints, is_empty, saved
from .update import Update, only_folders

if TYPE_CHECKING:
    from ._asgi import Server
    from ._core import Engine, Report
    from .config import Config
    from .log import Log
    from .signals import Signals

ENTRY = "entry"  # the entry's name in the engine
EMPTY_STEP = 0.002
WRITTEN_WAIT = 1.0  # for so long, an edit that fails while it is written is tried again
WORKERS_WAIT = 0.05  # what handlers in worker threads get to finish before an update
RELEASE_COST = 0.5  # seconds and bytes from which on an old value goes first
RELEASE_SIZE = 64 << 20
COLD_TOLD = 1.0  # seconds after which the terminal tells that a child is at it
COLD_HOLD = 60.0  # seconds that requests wait for what a child says of a cold start
CLOCK_STEP = 0.01  # file systems' time stamps come from a clock that ticks seldom


class Reloader:
    """Keeps `server.app` what a cold start of the files would serve."""

    def __init__(
        self,
        engine: Engine,
        entry: Entry,
        config: Config,
        log: Log,
        loop: asyncio.AbstractEventLoop,
        signals: Signals,
        roots: Sequence[str],
    ) -> None:
        self.live: Live | None = None  # None: there has not been a good application yet
        self.restart: Callable[[], None]  # set by the program
        self._engine = engine
        self._runtime = api.attach(engine)
        self._entry = entry
        self._config = config
        self._log = log
        self._loop = loop
        self._signals = signals
        self._server: Server
        self._waiting: Update | None = None
        # The update that is under way, where it restarts a lifespan.
        self._task: asyncio.Task[None] | None = None
        self._starting: Live | None = None
        self._cold: asyncio.Task[None] | None = None  # _task, while it asks a child
        self._roots = roots
        self._inputs = Inputs(config, roots)
        self._leftovers = Leftovers(partial(is_user_file, roots=roots))
        self._generation = -1
        self._watching = threading.RLock()
        self._files: set[str] = set()  # what the server watches
        self._folders: set[str] = set()
        self._revision = 0
        self._startups = 0  # in this process
        self._first_failure: str | None = None  # of the first of them
        self._notices = Notices(log, config.explain)
        self._retired = Retired(engine, loop)

    # -- the start

    def load(self) -> Any:
        """Import the application, traced. Raises what user code raises."""
        with self._user_code():
            self._inputs.load()
            return self._load_first()

    def _load_first(self) -> Any:
        """There has been no good application yet."""
        self._leftovers.begin()
        try:
            return self._engine.run(ENTRY, self._entry.load)
        except BaseException as exc:
            self._leftovers.failed(exc)
            self._leftovers.first_failed()
            raise

    async def start(
        self, server: Server, app: Any, error: BaseException | None
    ) -> None:
        """Start the lifespan of what `load` returned; from now on `server.app` is
        ours."""
        self._server = server
        self._engine.on_watched(self._watch_soon)
        self._endings = Endings(self._log, asyncio.all_tasks())
        if error is None:
            error = await self._begin(app)
        if error is not None:
            self._show_fault(error)

    def watch(self, since: float) -> None:
        """Tell the server what matters. A file saved after `since` (a time stamp),
        before it was watched, is applied like any other change. In any thread."""
        with self._watching:
            late = self._watch(since)
        if late:
            self._loop.call_soon_threadsafe(self.on_change, 0, late)

    def _watch(self, since: float) -> list[str]:
        generation = self._engine.generation()
        if generation == self._generation:
            return []
        self._generation = generation
        files, folders = self._inputs.add(*self._engine.watched())
        if (files, folders) == (self._files, self._folders):
            return []
        self._server.watch(files, folders)
        since -= CLOCK_STEP
        late = [path for path in files - self._files if saved(path) >= since]
        self._files, self._folders = files, folders
        return late

    def _watch_soon(self) -> None:
        """In any thread: a request imports a module, or reads a file into what is
        remembered. At once, not when the loop comes to it: its answer may go out, and
        the file be saved, before that."""
        with suppress(RuntimeError):  # the loop is closed: the process ends
            self.watch(time.time())

    # -- updates

    def on_change(self, serial: int, paths: list[str]) -> None:
        """`paths` were saved: apply them, at once or after the update that is under
        way."""
        update = Update(serial, paths)
        if self._waiting:
            self._waiting.merge(update)
        else:
            self._waiting = update
        if self._cold:
            self._cold.cancel()  # its paths are tried again with these
        self._next()

    def _next(self) -> None:
        while self._waiting and not self._task:
            if self._may_be_truncated(self._waiting):
                self._loop.call_later(EMPTY_STEP, self._next)
                return
            update, self._waiting = self._waiting, None
            self._runtime.reloading = True
            try:
                self._apply(update)
            finally:
                self._runtime.reloading = bool(self._task and not self._cold)

    def _may_be_truncated(self, update: Update) -> bool:
        """Whether a file is empty, perhaps only until its writer goes on."""
        late = time.perf_counter() - update.began > update.patience
        return not late and any(map(is_empty, update.paths))

    def _may_be_half_written(self, update: Update, before: Fingerprints) -> bool:
        """Whether what failed is a file that somebody was writing, or still is."""
        update.patience = WRITTEN_WAIT  # an empty file gets more time now
        return fingerprints(update.paths) != before or self._may_be_truncated(update)

    def _apply(self, update: Update) -> None:
        update.paths = self._inputs.counted(update.paths)
        changed = self._inputs.start_file_changed(update.paths)
        if changed is not None:
            self._restart([changed], "what it set was read at the start")
            return
        included = self._inputs.included_changed(update.paths, self._engine)
        if included:
            self._restart(included, "--reload-include names it")
            return
        running = self._leftovers.running() if self.live is None else None
        if running:
            self._restart(sorted(update.paths), running)
            return
        if self._server.stats()["in_flight"]:
            workers.settle(WORKERS_WAIT)
        written = fingerprints(update.paths)
        others = update.paths - self._engine.written()
        self._engine.release(
            RELEASE_COST,
            RELEASE_SIZE if self._may_release() else 0,
            self.live is not None and self.live.has_lifespan,
        )
        try:
            with self._user_code():
                report = self._engine.apply(update.paths, self._inputs.env_changes())
                if report.error is None and report.restart is None:
                    self._inputs.env_applied()
                if only_folders(report, others):
                    self._release(update)
                    return
                app = self._result(report)
        except KeyboardInterrupt:
            return  # the signal ends the server; nobody waits for the fence
        except BaseException as exc:  # the first import, tried again
            self._fail(update, exc)
            return
        if isinstance(report.error, KeyboardInterrupt) and self._signals.count:
            return
        if (
            (report.error is not None or report.restart)
            and time.perf_counter() - update.began < WRITTEN_WAIT
            and self._may_be_half_written(update, written)
        ):
            self._waiting = update  # it was read while somebody wrote it: once more
            return
        if report.restart or (
            report.error is not None
            and self.live is not None
            and raised_in_library(report.error, self._roots)
        ):
            self._cold = self._task = self._loop.create_task(self._ask(update, report))
        elif report.error is not None:
            self._fail(update, report.error, report.files)
        elif again := self._leftovers.imported():
            self._restart(report.files or sorted(update.paths), again)
        else:
            self._put_in_front(update, report, app)

    def _may_release(self) -> bool:
        """Whether names may be unbound while their statements run: nobody else is there
        to look."""
        return (
            self._config.release_first
            and self.live is not None
            and not self._server.stats()["in_flight"]
            and workers.alone()
            and not framework.has_shutdown_functions(self.live.app)
        )

    def _put_in_front(self, update: Update, report: Report, app: Any) -> None:
        """The application that the update leads to, with the lifespan that it needs."""
        if (
            self.live is None
            or TRACE in report.stale
            or not self.live.fits(app)
            or not self.live.keeps_its_way(app, report.stale)
        ):
            self._task = self._loop.create_task(self._replace(update, report, app))
        else:
            self._adopt(update, report, app)

    def _redo(self, update: Update) -> bool:
        """Run again what the edit that failed has disposed of. Whether that worked: the
        fence falls with it."""
        with self._user_code():
            report = self._engine.redo()
        if report.error is None and report.restart is None:
            update.failed = True
            self._put_in_front(update, report, self._engine.result(ENTRY))
            return True
        self._log.error(
            "What the edit has disposed of does not start again either; save again",
            report.error,
        )
        return False

    def _restart(self, files: Iterable[str], reason: str) -> None:
        self._notices.restarting(files, reason)
        self._server.app = Restarting()  # the fence falls when the server stops
        self.restart()

    async def _ask(self, update: Update, report: Report) -> None:
        """A new process may be needed: does the edited code start in one?"""
        files = report.files or sorted(update.paths)
        reason = report.restart or (
            f"{error_place(report.error)!r} does not come of a cold start"
        )
        # What was disposed of cannot answer: it is made again, or a new process is.
        later = self._loop.call_later
        waits = [later(COLD_TOLD, self._notices.trying, files, reason)]
        if not self._engine.undone():
            waits.append(later(COLD_HOLD, self._answer_meanwhile, update, files))
        try:
            env_file = self._config.env_file
            error = await cold_start(self._entry, env_file, self._inputs.environ)
        except asyncio.CancelledError:
            return  # another save, or the end
        except OSError as exc:
            error = f"no process could be started: {exc}"
        finally:
            for wait in waits:
                wait.cancel()
            self._task = self._cold = None
            self._loop.call_soon(self._next)
        if error is None:
            self._restart(files, reason)
        elif report.error is not None:
            self._fail(update, report.error, files)
        else:
            needs = f"only a new process can apply it ({reason}), and there it fails"
            self._fail(update, Problem(f"{needs}: {error}"), files)

    def _answer_meanwhile(self, update: Update, files: list[str]) -> None:
        self._notices.still_trying(files)
        self._release(update)

    def _result(self, report: Report) -> Any:
        """The application after the update; the import is tried again where it never
        ended."""
        if report.error is not None or report.restart:
            return None
        if self.live is None:
            return self._load_first()
        return self._engine.result(ENTRY)

    def _adopt(self, update: Update, report: Report, app: Any) -> None:
        """The lifespan goes on: put the new application in front and lift the fence."""
        assert self.live is not None
        if app is not self.live.app:
            self.live.move_to(app)
            self._server.app = app
        if has_effect(report):
            framework.forget_derived(app)
        self._restart_websockets(report)
        self._done(update, report, False)

    def _restart_websockets(self, report: Report) -> None:
        """A socket whose handler goes on with an object that was built anew (its
        `manager`) would never be heard of again: its client shall come back."""
        if not report.reran:
            return
        names: set[str] = set()

        def stale(coroutine: Any) -> bool:
            name = self._engine.reaches_rebound(coroutine)
            names.update([name] if name else [])
            return bool(name)

        count = self._server.restart_websockets(stale)
        if count:
            sockets = "1 WebSocket" if count == 1 else f"{count} WebSockets"
            built = several(sorted(names))
            self._log.info(f"{sockets} closed (1012) that used {built}, built anew")

    async def _replace(self, update: Update, report: Report, app: Any) -> None:
        """The lifespan starts anew: shut the old one down in its own world first."""
        old = self.live
        restarted = old is not None and old.has_lifespan
        try:
            if old is not None:
                await self._stop_in_old_world(old, app)
                old.clean_up()
            error = await self._begin(app)
            if error is not None:
                await self._go_back(update, report, old, error)
                return
            left = await old.threads_left() if old is not None else []
            if left:
                self._restart(
                    report.files or sorted(update.paths),
                    f"the lifespan's shutdown left {several(left)} running",
                )
                return
            framework.forget_derived(app)
            self._restart_websockets(report)
            self._done(update, report, restarted)
        except adapters.CannotWithdraw as exc:
            self._restart(report.files or sorted(update.paths), str(exc))
        except Exception as exc:
            self._log.error("The update ended half way; save again", exc)
            self._release(update)
        finally:
            self._task = None
            self._runtime.reloading = False
            # Not from within this task: an import would see a task that runs.
            self._loop.call_soon(self._next)

    async def _stop_in_old_world(self, old: Live, app: Any) -> None:
        if not old.has_lifespan:
            return
        self._engine.swap_back()
        try:
            await old.stop()
        finally:
            self._engine.swap_forward()
        if old.app is app:
            old.reset()

    async def _begin(self, app: Any) -> BaseException | None:
        """Start the lifespan of `app` and put it in front; what it raised, if it
        failed."""
        self._starting = live = Live(app, self._config, self._log, self._engine)
        try:
            await live.start()
        except LifespanFailed as exc:
            error = exc.cause or exc
            if self._startups == 0:
                self._first_failure = error_place(error)
            return error
        finally:
            self._starting = None
            self._startups += 1
        self.live = live
        self._server.state = live.state
        self._server.app = app
        return None

    async def _go_back(
        self, update: Update, report: Report, old: Live | None, error: BaseException
    ) -> None:
        """The new startup failed: give the revision up, start the old lifespan
        again."""
        self.live = None
        last = error
        if old is not None:
            again = await self._begin(self._take_back(report, old))
            if again is not None and not self._is_second(again):
                self._log.error(
                    "The old application does not start again either.", again
                )
            last = again or error
        if self.live is None and self._is_second(last):
            self._restart(
                report.files or sorted(update.paths),
                f"a second startup in one process fails: {error_place(last)}",
            )
        else:
            self._fail(update, error)

    def _is_second(self, error: BaseException) -> bool:
        """Whether a startup may have failed because one had run in this process
        before."""
        return (
            self._startups > 1
            and raised_in_library(error, self._roots)
            and error_place(error) != self._first_failure
        )

    def _take_back(self, report: Report, old: Live) -> Any:
        """Give the last revision up; the application that serves instead."""
        disposed = self._engine.disposed()
        if disposed:
            self._restart_websockets(report)
        self._engine.swap_back()
        with self._user_code():
            again = self._engine.revert()
        app = old.app
        if again and again.error is None and again.restart is None:
            app = self._engine.result(ENTRY)
            self._engine.settle()
        elif disposed:
            self._log.error(
                "What the edit has disposed of stays so until one works",
                again.error if again else None,
            )
        if app is old.app:
            old.reset()
        return app

    # -- what the user sees

    def _done(self, update: Update, report: Report, restarted: bool) -> None:
        if report.revision != self._revision and not update.failed:
            self._engine.reloaded()
        if has_effect(report):
            adapters.applied()
        self.watch(update.since)
        self._release(update)
        self._engine.settle()
        self._endings.begin()
        if update.failed:
            self._revision = report.revision
            return
        self._notices.good()
        idle = report.revision == self._revision and not has_effect(report)
        if idle and not any(map(os.path.isfile, self._files & update.paths)):
            return  # a temporary file in a folder that the application listed
        self._revision = report.revision
        lifespan = [TRACE] if self.live and self.live.has_lifespan else []
        kept = [*report.kept, *([] if restarted else lifespan)] if report.reran else []
        middleware = [STACK] if STACK in report.stale else []
        self._notices.applied(
            report,
            update.paths,
            time.perf_counter() - update.began,
            kept,
            [*(lifespan if restarted else []), *middleware],
        )
        if report.reran or report.removed:
            self._retired.edited()

    def _fail(
        self, update: Update, error: BaseException, files: Iterable[str] = ()
    ) -> None:
        """Nothing was applied: say why, once; the last good application goes on."""
        self.watch(update.since)
        self._leftovers.failed(error)
        if self.live is None:
            self._show_fault(error)
            self._release(update)
            return
        self._endings.begin()
        self._notices.not_applied(files or sorted(update.paths), error)
        forget_frames(error)  # they may hold what is made again
        if not (self._engine.undone() and self._redo(update)):
            self._release(update)

    def _show_fault(self, error: BaseException) -> None:
        self._server.app = Fault(error)
        self._server.state = {}
        self._notices.no_application(error)
        forget_frames(error)

    def _release(self, update: Update) -> None:
        if update.serial:  # else no fence stands: it was saved before it was watched
            self._server.release(update.serial)
            update.serial = 0

    # -- the end

    @property
    def has_lifespan(self) -> bool:
        """Whether `stop` has anything to end."""
        return bool(self._task or (self.live and self.live.has_lifespan))

    async def stop(self) -> bool:
        """Run the shutdown of what runs, after giving up the update that is under way;
        whether it succeeded."""
        if self._task:
            self._task.cancel()
            if self._starting:
                self._starting.cancel()
            await asyncio.wait([self._task])
        return await self.live.stop() if self.live else True

    def dispose(self) -> None:
        """The process ends: call what `on_dispose` was given."""
        self._engine.dispose()

    def cancel(self) -> None:
        for live in (self.live, self._starting):
            if live:
                live.cancel()

    @contextmanager
    def _user_code(self) -> Iterator[None]:
        """Imports see no running loop, and Ctrl+C interrupts them."""
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            with self._signals.importing():
                yield
        finally:
            asyncio._set_running_loop(running)
            asyncio.set_event_loop(self._loop)  # asyncio.run() takes it away
