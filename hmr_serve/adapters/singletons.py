"""dependency-injector: what a Singleton made when a request asked for it is made again
once the code that makes it is another.

Where its class runs again, so does the container that names the class. A body alone
(`__init__`) is patched in place: that is looked for here, in what the providers of a
container call, and in what this calls by name.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from . import Adapter

DEPTH = 8  # calls that are followed
SCALARS = (str, int, float, bool, bytes, type(None))
State = tuple[Any, ...]


class Singletons(Adapter):
    library = "dependency_injector.containers"

    def __init__(self) -> None:
        self.made: WeakSet[Any] = WeakSet()
        self.states: WeakKeyDictionary[Any, list[State]] = WeakKeyDictionary()

    def types(self) -> tuple[type, ...]:
        from dependency_injector import containers, providers

        self.declared = containers.DeclarativeContainer
        self.kind = providers.BaseSingleton
        begin, made = containers.DynamicContainer.__init__, self.made

        def making(container: Any, /, *args: Any, **kwargs: Any) -> None:
            begin(container, *args, **kwargs)
            made.add(container)

        containers.DynamicContainer.__init__ = making
        return ()

    def look(self) -> dict[Hashable, Any]:
        for container in self._containers():
            if container not in self.states:
                self.states[container] = [*map(state, self._singletons(container))]
        return {}

    def applied(self) -> None:
        for container in self._containers():
            before = self.states.get(container, [])
            singletons = self._singletons(container)
            now = [*map(state, singletons)]
            self.states[container] = now
            if len(before) == len(now):
                for provider, was, new in zip(singletons, before, now, strict=True):
                    if was != new:
                        provider.reset()

    def _containers(self) -> list[Any]:
        """Those that were made, and the classes themselves, whose providers can be
        called as well."""
        found, classes = [*self.made], [self.declared]
        for each in classes:
            classes += each.__subclasses__()
        return found + classes[1:]

    def _singletons(self, container: Any) -> list[Any]:
        return [*container.traverse(types=[self.kind])]


def state(provider: Any) -> State:
    """Of all code that makes what it provides, and what that is given."""
    seen: dict[Any, bool] = {}
    found: list[Any] = []
    for each in (provider, *provider.traverse()):
        for function in functions_of(getattr(each, "provides", None)):
            add_function(function, seen, found, DEPTH)
    return tuple(found)


def functions_of(made_by: Any) -> Iterator[FunctionType]:
    if isinstance(made_by, MethodType):
        made_by = made_by.__func__
    if isinstance(made_by, FunctionType):
        yield made_by
    elif isinstance(made_by, type):
        for name in ("__new__", "__init__", "__post_init__"):
            function = getattr(made_by, name, None)
            if isinstance(function, FunctionType):
                yield function


def add_function(
    function: FunctionType, seen: dict[Any, bool], found: list[Any], depth: int
) -> None:
    if function in seen or not depth:
        return
    seen[function] = True
    for name in add_code(function.__code__, found):
        value = function.__globals__.get(name)
        if isinstance(value, SCALARS):
            found.append((name, value))
        for inner in functions_of(value):
            add_function(inner, seen, found, depth - 1)


def add_code(code: CodeType, found: list[Any]) -> set[str]:
    """Its text, without lines; the names in it."""
    names = {*code.co_names}
    found += [code.co_code, code.co_names, code.co_varnames]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= add_code(constant, found)
        else:
            found.append(repr(constant))
    return names


adapter = Singletons()
