"""Adapters: what a statement puts into a library by calling it, and how to withdraw it.

The engine sees what tracked code itself stores. What `logging.basicConfig()` or
`Counter("requests", ...)` leaves behind is in the library's own registry; an adapter
can look at that and put single places of it back. docs/adapters.md explains the
protocol and has a whole example. Third parties register theirs by the entry point group
`hmr_serve.adapters`.

Adapters run in the thread that applies edits, with nobody's statement blamed for what
they do. One that raises is given up, with a traceback.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .installed import entry_points_of

if TYPE_CHECKING:
    from .._core import Engine

GROUP = "hmr_serve.adapters"
OURS = (
    "answers",
    "decimals",
    "django",
    "engines",
    "exits",
    "folders",
    "handlers",
    "inclusions",
    "injections",
    "jinja",
    "locales",
    "loggers",
    "metrics",
    "models",
    "settings",
    "singletons",
    "sinks",
    "started",
    "tables",
    "tasks",
    "threads",
    "warns",
)
# Modules that are imported with their library, since each takes a part of the start:
# what their adapters say of themselves before.
LATE: dict[str, dict[str, tuple[str, ...]]] = {
    "django": {
        "django.apps.registry": ("lasting", "always"),
        "django.template.loaders.cached": ("blind",),
    },
    "engines": {"sqlalchemy.engine.base": ()},
    "injections": {"dependency_injector": ("ordered",)},
    "jinja": {"jinja2.environment": ("blind",)},
    "metrics": {"prometheus_client": ("ordered",)},
    "models": {"sqlmodel": ("together",)},
    "settings": {"pydantic_settings": ("blind",), "dotenv.main": ("blind",)},
    "singletons": {"dependency_injector.containers": ()},
    "sinks": {"loguru": ("ordered",)},
    "tables": {"sqlalchemy.sql.schema": ("blind",)},
    "tasks": {"celery.app": ()},
}


End = Callable[[], Awaitable[None] | None]


class CannotWithdraw(Exception):
    """Raised by `put` and `remove`: only a new process can. The text says why."""


class Adapter:
    """One library's registries. What `look`, `put` and `remove` have to do is said
    here; the rest is optional."""

    library: str  # the module without which there is nothing to look at
    together = False  # statements that put something there run again together
    ordered = False  # the order of places matters: `arrange` is called
    lasting = False  # places are left alone until their statement runs again or goes
    always = False  # constants and plain functions of the program show, too
    used = False  # who has used a place is not known: to change it, a new process
    blind = False  # there is nothing to look at: `types` made all that is needed

    def types(self) -> tuple[type, ...]:
        """Classes whose instances the library hands out: getLogger() creates nothing
        that belongs to who calls it. Asked once, when the library is imported."""
        return ()

    def anchors(self) -> tuple[object, ...]:
        """Objects of the library that `owner` gives and programs read through an
        attribute: SQLModel.metadata. Asked once, when the library is imported."""
        return ()

    def look(self) -> dict[Hashable, Any]:
        """What there is now: place -> value. Compared before and after each statement
        that ran: values by identity, plain data by value. Has to be fast, and may
        return the same dict again while nothing has changed."""
        raise NotImplementedError

    def put(self, place: Any, value: Any) -> None:
        """Make `look()[place]` be `value`."""
        raise NotImplementedError

    def remove(self, place: Any) -> None:
        """Make `look()` have no `place`."""
        raise NotImplementedError

    def arrange(self, places: Sequence[Any]) -> None:
        """Bring what statements put there into this order, behind the library's own."""

    def owner(self, place: Any) -> object | None:
        """An object that is another one now for who reads it: a logger."""
        return None

    def names(self, place: Any) -> tuple[str, ...]:
        """Attributes and methods that show what is at `place`: a statement whose code
        has one of them, on whatever object, may have looked at it."""
        return ()

    def applied(self) -> None:
        """An edit was applied that has changed code; requests still wait."""

    def retired(self) -> list[End]:
        """After an edit: what ends things that were removed for good. Each is called
        once the requests that run now are over."""
        return []

    def doubt(self, place: Any, before: Any, after: Any) -> str | None:
        """While an edit is applied, `place` became `after`, and was `before` (None: not
        there): why that need not be what a cold start would leave there."""
        return None


class Stamped(Adapter):
    """An adapter for which something quick tells whether there is anything new."""

    _stamp: Any = None  # of the last look
    _seen: dict[Hashable, Any] = {}  # noqa: RUF012  nobody changes it

    def stamp(self) -> Any:
        """Another one, by value, whenever `places` would be another."""
        raise NotImplementedError

    def places(self, stamp: Any) -> dict[Hashable, Any]:
        """What `look` has to show."""
        raise NotImplementedError

    def look(self) -> dict[Hashable, Any]:
        if (stamp := self.stamp()) != self._stamp:
            self._stamp, self._seen = stamp, self.places(stamp)
        return self._seen


class Late(Adapter):
    """Stands for an adapter of ours until its library is imported, and then does what
    that one does."""

    def __init__(self, name: str, library: str, flags: Sequence[str]) -> None:
        self.library = library
        self._name = name
        for each in flags:
            setattr(self, each, True)

    def types(self) -> tuple[type, ...]:
        real = next(a for a in _of_module(self._name) if a.library == self.library)
        for name in METHODS:
            setattr(self, name, getattr(real, name))
        return real.types()


METHODS = (
    "anchors",
    "look",
    "put",
    "remove",
    "arrange",
    "owner",
    "names",
    "applied",
    "retired",
    "doubt",
)
_loaded: list[Adapter] = []


def load(engine: Engine, warn: Callable[[str], None]) -> None:
    """Give the engine ours and the installed ones. `warn` is told of each that cannot
    be used; the others are."""
    for adapter in _ours():
        _loaded.append(adapter)
        engine.adapt(adapter)
    for entry in entry_points_of(GROUP):
        try:
            adapter = entry.load()()
            engine.adapt(adapter)
        except Exception as exc:  # whatever an installed package may do
            what = " ".join(f"{type(exc).__name__}: {exc}".split())
            warn(f"The adapter {entry.name} ({entry.value}) is not used: {what}.")
        else:
            _loaded.append(adapter)


def _ours() -> Iterator[Adapter]:
    for name in OURS:
        if late := LATE.get(name):
            for library, flags in late.items():
                yield Late(name, library, flags)
        else:
            yield from _of_module(name)


def _of_module(name: str) -> Sequence[Adapter]:
    module = importlib.import_module(f"{__name__}.{name}")
    return getattr(module, "adapters", None) or [module.adapter]


def applied() -> None:
    """Tell all adapters."""
    for adapter in _loaded:
        try:
            adapter.applied()
        except Exception:
            traceback.print_exc()


def retired() -> list[End]:
    """Ask all adapters."""
    found = []
    for adapter in _loaded:
        try:
            found += adapter.retired()
        except Exception:
            traceback.print_exc()
    return found
