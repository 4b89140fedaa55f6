"""The reload engine (C, core/): tracks top-level statements and reruns what an edit affects.

Knows nothing of HTTP and works without a server: install an Engine, import tracked
modules, give `apply` the changed paths, read the Report. Every call is made with the GIL
held, from one thread at a time; `apply` and `run` belong to the thread that imported the
application (the main thread of a server).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

class Rerun(NamedTuple):
    """A top-level statement that ran again, or for the first time."""

    module: str  # dotted module name
    label: str  # the name it binds ("read_item", "class Item", "router", "import settings"), else its source line
    line: int  # 1-based, in the edited file
    reason: str  # "changed", "new", "reads settings.LIMIT, changed", "in the group of app, ..."
    cost: float  # seconds, without the modules it imported

class Report(NamedTuple):
    """What one `apply` did: an applied save (a revision), or an error and nothing applied."""

    revision: int  # grows by one with every applied save; unchanged by an error or an empty edit
    files: list[str]  # the changed files, relative to the root that holds them
    # "module:qualname" of every function that got new code in place, and
    # "module:class Name" of every class that got new members
    patched: list[str]
    reran: list[Rerun]  # in the order they ran; [] when nothing had to
    removed: list[tuple[str, str]]  # (module, label) of statements that are no more
    kept: list[
        str
    ]  # names bound by statements of >= 0.1 s in edited or affected modules that did not run
    stale: list[str]  # traces opened with `begin` (lifespans) that have to start anew
    restart: (
        str | None
    )  # why only a new process can apply this edit; nothing was applied then
    error: (
        BaseException | None
    )  # what the edited code raised; everything is as before the call
    times: dict[str, float]  # seconds: "read" (and split), "plan", "run", "total"
    visited: list[str]  # modules whose statements were looked at; [] for a patch

class Statement(NamedTuple):
    """A read-only view of a tracked statement, for tests and --explain."""

    label: str
    line: int
    reads: list[str]  # "module.name"
    binds: list[str]  # names in its own module, in the order of binding
    shapes: list[str]  # "module.name" of the groups it shaped besides creating them
    cost: float

class Engine:
    def __init__(self, roots: Sequence[str]) -> None:
        """Track .py files below `roots` (directories), except site-packages and the standard library.

        One Engine may be installed at a time. Raises RuntimeError with a sentence on a
        free-threaded build, in a sub-interpreter, or when no monitoring tool id is free.
        """

    def install(self) -> None:
        """Begin to track imports (a finder at the head of sys.meta_path)."""

    def uninstall(self) -> None:
        """Stop tracking; modules stay as they are."""

    def run(self, name: str, func: Callable[[], Any]) -> Any:
        """Call func() traced, as if it were the last statement of the program (the entry: import
        the app, call its factory). Later `apply` calls run it again when what it read changed.
        Raises what func raises. The same name replaces the earlier entry."""

    def result(self, name: str) -> Any:
        """What func() of run(name, func) returned last (new reference)."""

    def begin(self, name: str) -> None:
        """Trace what the current contextvars context does from now on under `name` (a lifespan
        startup: call it inside the lifespan's own task). Replaces an earlier trace of that name."""

    def end(self, name: str) -> None:
        """Close the trace; `apply` lists the name in Report.stale when what it read changed."""

    def drop(self, name: str) -> None:
        """Forget an entry or trace of that name; unknown names are ignored."""

    def apply(
        self, paths: Iterable[str], environ: dict[str, str | None] | None = None
    ) -> Report:
        """Apply the changed, created or deleted files among `paths` as one transaction.

        `environ`: variables whose value outside of the program is another now (None: unset);
        what the program itself sets goes on top of it. Not remembered when the edit fails.

        Never raises for what the edited code does (Report.error); a path that nothing imported,
        opened or looked for costs nothing. Content decides: an unchanged file changes nothing."""

    def swap_back(self) -> None:
        """Put bindings and code of the last applied revision back to what they were before it, so
        that an old lifespan can shut down in its own world. RuntimeError if there is none."""

    def swap_forward(self) -> None:
        """Undo swap_back."""

    def settle(self) -> None:
        """The last revision stays: live instances of classes that it made anew get
        these, what it replaced is freed, swap_back is over."""

    def revert(self) -> Report | None:
        """While swapped back: give the last revision up for good (its files count as changed).

        Where it has disposed of something that the old world uses, the code before it runs that
        again, as a revision: its report; with an error, the old world stands as it was left. None
        where there was nothing to run, or `disposed()` and no way to: files other than modules
        changed as well."""

    def disposed(self) -> bool:
        """Whether the last revision, until settle(), has disposed of something."""

    def adapt(self, adapter: Any) -> None:
        """Use an adapter (hmr_serve.adapters.Adapter) for what statements put into a library by
        calling it. One that raises is reported and given up."""

    def contribute(self, contributions: Any) -> None:
        """Ask this object (hmr_serve.contributions.Routes has its methods) what single statements
        add to an object, and add that to its successor instead of running them. One that raises
        is reported and given up."""

    def on_dispose(self, callback: Callable[[], object]) -> bool:
        """The running statement (or lifespan startup) wants it called before it runs again or
        goes. False: nobody tracked is at work, and nothing was registered."""

    def before_reload(self, callback: Callable[[], object]) -> bool:
        """The same, called by every `apply` that has a changed file before it changes anything."""

    def after_reload(self, callback: Callable[[], object]) -> bool:
        """The same, called by `reloaded`."""

    def reloaded(self) -> None:
        """An edit was applied whole: call what after_reload was given, in cold order."""

    def dispose(self, name: str | None = None) -> None:
        """Call what on_dispose was given by the entry or lifespan `name`, or by the whole program
        (the process ends); the last one first, each once."""

    def release(self, seconds: float, size: int, lifespan: bool = True) -> None:
        """From now on, the old value of a statement that took as long and made the process grow by
        `size` bytes is released before the statement runs again, where nothing else needs it: if
        the edit fails it is `undone()`. What a lifespan's shutdown may need stays, unless `lifespan`
        says that none runs. 0 bytes: never, as at the start."""

    def undone(self) -> bool:
        """Whether an edit that was not applied has disposed of statements that stand."""

    def redo(self) -> Report:
        """Run these again, in the code that stands, with what depends on them. The edit that
        failed stays pending."""

    def reaches_rebound(self, coroutine: Any) -> str | None:
        """Until settle(): "module.name" of an object that the last revision replaced and that the
        suspended coroutine (what it awaits, functions it may call) still looks at; None if there is
        none. Functions, classes, modules and immutable data do not count: they are looked up anew."""

    def watched(self) -> tuple[set[str], set[str]]:
        """(files, directories) whose change may matter, absolute real paths: module files, files
        opened or looked for at import, places where a missing module was looked for; directories
        that were listed."""

    def written(self) -> set[str]:
        """Files that this process wrote and whose change no apply() has seen since: it is no edit."""

    def on_watched(self, callback: Callable[[], object]) -> None:
        """Call it when a function that a request has called, and that remembers its result, opens a
        file: there is more to watch. In any thread."""

    def generation(self) -> int:
        """Changes whenever watched() may have changed."""

    def spare(self, module: str, line: int) -> None:
        """The statement there stays as it is in the next updates, whatever it has read: to measure
        what runs in vain (tests/core/precision.py), and for nothing else."""

    def modules(self) -> list[str]:
        """Names of the tracked modules, in cold order (the order in which their imports end)."""

    def statements(self, module: str) -> list[Statement]:
        """The statements of a tracked module in file order. KeyError for an unknown module."""
