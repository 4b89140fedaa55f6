"""dependency-injector: which functions `@inject` has made, and which containers they
are wired to.

A container is wired once, by the statement that makes it (`container.wire()`), to the
functions that there are by then. Here functions and wires are places of their own: a
function that is defined again is wired to the containers that there are, and these are
not made anew. So the statement that wires reads nothing of the modules, but of those in
whose names the library stores: where markers stand outside of parameters, or functions
have some and no `@inject`.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from . import Adapter

# Past what tracing sees: else the wiring statement would have read all names.
names_of_module = ModuleType.__dict__["__dict__"].__get__
names_of_class = type.__dict__["__dict__"].__get__
bases_of_class = type.__dict__["__mro__"].__get__
SCAN_WAIT = 5.0  # seconds


class Wire:
    """What one call of `wire` has wired."""

    def __init__(self, container: Any, providers: Any, modules: Any) -> None:
        self.container = container
        self.providers = providers  # of its class -> its own
        self.modules: list[ModuleType] = modules
        self.names = {module.__name__ for module in modules}
        self.stored: set[str] = set()  # those in whose names the library has stored
        self.functions: set[Any] = set()  # of the modules, wherever they come from


class Marker(NamedTuple):
    """A name of a wired module that the library has to store in."""

    module: str
    name: str


class Stored:
    """An attribute of a class that `wire` has replaced."""

    def __init__(self, owner: type, name: str, before: Any) -> None:
        self.owner, self.name, self.before = owner, name, before


class Injections(Adapter):
    library = "dependency_injector"
    ordered = True

    def __init__(self) -> None:
        self.wires: dict[Wire, bool] = {}  # the last one has the last word
        self.all_wires: WeakSet[Wire] = WeakSet()  # also those that are withdrawn
        self.stored: dict[Stored, Any] = {}
        self.markers: dict[Marker, Any] = {}
        self.spaces: dict[str, dict[str, Any]] = {}  # of wired modules, as last seen
        self.known: WeakSet[Any] = WeakSet()  # all that @inject has made
        self.loose: set[Any] = set()  # functions whose wires went
        self.marked: set[str] = set()  # modules in whose names it has ever stored
        self.has_markers: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()

    def types(self) -> tuple[type, ...]:
        from dependency_injector import containers, wiring

        self.wiring = wiring
        self.callables = wiring._patched_registry._callables
        for name, around in (("wire", self._wiring), ("unwire", self._unwiring)):
            replaced = around(getattr(wiring, name))
            setattr(wiring, name, replaced)
            setattr(containers, name, replaced)
        return ()

    def _wiring(self, wire: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(wire)
        def wiring(
            container: Any,
            *,
            modules: Iterable[ModuleType] | None = None,
            packages: Iterable[ModuleType] | None = None,
            warn_unresolved: bool = False,
            **options: Any,
        ) -> None:
            every = self._modules(modules, packages)
            made = Wire(container, self.wiring.ProvidersMap(container), every)
            if warn_unresolved:
                options["warn_unresolved"] = True
                made.stored = made.names
            elif unseen(lambda: self._find(made)) is None:
                made.stored = made.names
            # An update may not have come to the names of a module that nobody else
            # has imported: what has had markers is looked at by the library.
            made.stored |= made.names & self.marked
            self.marked |= made.stored
            # An argument: whoever is given a module is said to look at all its names.
            modules = [each for each in every if each.__name__ in made.stored]
            before = attributes(modules)
            wire(container, modules=modules, **options)
            for (owner, name), value in attributes(modules).items():
                if (old := before.get((owner, name))) is not value:
                    self.stored[Stored(owner, name, old)] = value
            self._add(made)

        return wiring

    def _unwiring(self, unwire: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(unwire)
        def unwiring(
            *,
            modules: Iterable[ModuleType] | None = None,
            packages: Iterable[ModuleType] | None = None,
        ) -> None:
            every = self._modules(modules, packages)
            unwire(modules=every)
            gone = {module.__name__ for module in every}
            for wire in [each for each in self.wires if each.names & gone]:
                del self.wires[wire]
                left = [each for each in wire.modules if each.__name__ not in gone]
                rest = Wire(wire.container, wire.providers, left)
                unseen(functools.partial(self._find, rest))
                rest.stored = wire.stored & rest.names
                self._add(rest)

        return unwiring

    def _modules(
        self,
        modules: Iterable[ModuleType] | None,
        packages: Iterable[ModuleType] | None,
    ) -> list[ModuleType]:
        every = [*(modules or ())]
        for package in packages or ():
            every += self.wiring._fetch_modules(package)
        return every

    def _add(self, wire: Wire) -> None:
        self.wires[wire] = True
        self.all_wires.add(wire)
        self._bind_of(wire)

    # What modules have

    def _find(self, wire: Wire) -> bool:
        """Its functions; the modules in whose names the library has to store."""
        for module in wire.modules:
            values = [*names_of_module(module).values()]
            markers = self._markers_of_annotations(module)
            for member in (*markers, *self._members(values)):
                if type(member) is FunctionType and member in self.known:
                    wire.functions.add(member)
                elif self._is_stored(member):
                    wire.stored.add(module.__name__)
        return True

    def _members(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            yield value
            if issubclass(type(value), type):
                yield from self._markers_of_annotations(value)
                for base in bases_of_class(value):
                    for member in [*names_of_class(base).values()]:
                        method = type(member) in (classmethod, staticmethod)
                        yield member.__func__ if method else member

    def _markers_of_annotations(self, owner: Any) -> Iterator[Any]:
        try:
            annotations = self.wiring.get_annotations(owner)
        except Exception:  # they name what is not there; the library says so, or not
            return
        for annotation in annotations.values():
            yield from getattr(annotation, "__metadata__", ())

    def _is_stored(self, value: Any) -> bool:
        if type(value) is not FunctionType:
            return issubclass(type(value), self.wiring._Marker)
        if value in self.known:
            return False
        if (found := self.has_markers.get(value)) is None:
            find = self.wiring._fetch_reference_injections.__wrapped__
            try:
                found = bool(find(value)[0])
            except Exception:
                found = True  # the library meets it, too
            self.has_markers[value] = found
        return found

    def _look_for_markers(self) -> None:
        """Where statements that ran have bound some in the modules."""
        for module in {each for wire in self.all_wires for each in wire.modules}:
            name, names = module.__name__, names_of_module(module)
            before = self.spaces.get(name, {})
            new = {k: v for k, v in names.items() if before.get(k) is not v}
            self.spaces[name] = names.copy()
            for key, value in new.items():
                if any(map(self._is_stored, self._members([value]))):
                    self.markers[Marker(name, key)] = value
                else:
                    self.markers.pop(Marker(name, key), None)

    # Places

    def look(self) -> dict[Hashable, Any]:
        self.known.update(self.callables)
        self._look_for_markers()
        return {**self.callables, **self.stored, **self.markers, **self.wires}

    def put(self, place: Any, value: Any) -> None:
        if isinstance(place, Wire):
            self._find(place)
            self._add(place)
        elif isinstance(place, Marker):
            self.markers[place] = value
        elif isinstance(place, Stored):
            self.stored[place] = value
            setattr(place.owner, place.name, value)
        else:
            self.callables[place] = value
            self._bind(place)

    def remove(self, place: Any) -> None:
        if isinstance(place, Wire):
            self.wires.pop(place, None)
            self._bind_of(place)
        elif isinstance(place, Marker):
            self.markers.pop(place, None)
        elif isinstance(place, Stored):
            del self.stored[place]
            setattr(place.owner, place.name, place.before)
        else:
            self.callables.pop(place, None)

    def arrange(self, places: Sequence[Any]) -> None:
        for wire in [place for place in places if place in self.wires]:
            self.wires[wire] = self.wires.pop(wire)
            self._bind_of(wire)

    def doubt(self, place: Any, before: Any, after: Any) -> str | None:
        if isinstance(place, Marker) and after is not None:
            for wire in self.all_wires:
                if place.module in wire.names - wire.stored:
                    return f"{place.name} has a marker, which is wired at the start"
        return None

    def applied(self) -> None:
        """What stands and is wired to nothing any more; until now a request that runs
        on may have come by."""
        for function in self.loose & self.callables.keys():
            if not self._wires_of(function):
                self.callables[function].unwind_injections()
        self.loose.clear()

    # Binding

    def _wires_of(self, function: Any) -> list[Wire]:
        return [
            wire
            for wire in self.wires
            if function.__module__ in wire.names or function in wire.functions
        ]

    def _bind_of(self, wire: Wire) -> None:
        for function in [*self.callables]:
            if function.__module__ in wire.names or function in wire.functions:
                self._bind(function)

    def _bind(self, function: Any) -> None:
        """To all its wires at once: requests that run on may call it."""
        if not (wires := self._wires_of(function)):
            self.loose.add(function)
            return
        patched = self.callables[function]
        self.callables[function] = bound = copy.copy(patched)
        try:
            bound.unwind_injections()
            for wire in wires:
                self.wiring._bind_injections(function, wire.providers)
        finally:
            self.callables[function] = patched
        patched.injections, patched.closing = bound.injections, bound.closing


def attributes(modules: Iterable[ModuleType]) -> dict[tuple[type, str], Any]:
    """Of the classes that the modules have."""
    return {
        (value, name): attribute
        for module in modules
        for value in [*names_of_module(module).values()]
        if issubclass(type(value), type)
        for name, attribute in names_of_class(value).items()
    }


def unseen[T](look: Callable[[], T]) -> T | None:
    """What it returns, read by nobody: other threads do not count."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(look()), daemon=True)
    thread.start()
    thread.join(SCAN_WAIT)
    return found[0] if found else None


adapter = Injections()
