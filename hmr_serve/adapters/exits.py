"""atexit: what is to be called when the process ends.

atexit tells nobody what it has been given, so its functions are replaced by ours, which
remember it. What was registered before that is not a statement's doing.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from . import Adapter


class Exit:
    """One registered call."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs

    def __call__(self) -> None:
        self.function(*self.args, **self.kwargs)

    def __repr__(self) -> str:  # where atexit reports what it raised
        return repr(self.function)


class Exits(Adapter):
    library = "atexit"
    ordered = True

    def __init__(self) -> None:
        self.given: dict[Exit, bool] = {}  # in the order of registration
        self.holes = 0  # up to 3.13 atexit counts what was unregistered

    def install(self) -> None:
        """Take atexit's functions over."""
        self._register, self._unregister = atexit.register, atexit.unregister
        self._count = atexit._ncallbacks
        atexit.register = self.register
        atexit.unregister = self.unregister
        atexit._ncallbacks = lambda: self._count() - self.holes

    def register[**P, T](
        self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Callable[P, T]:
        if not callable(func):
            raise TypeError("the first argument must be callable")
        self.put(Exit(func, args, kwargs), True)
        return func

    def unregister(self, func: Callable[..., Any], /) -> None:
        for each in [each for each in self.given if each.function == func]:
            del self.given[each]
            self._unregister(each)
        self._unregister(func)

    def look(self) -> dict[Hashable, Any]:
        return dict(self.given)

    def put(self, place: Exit, value: Any) -> None:
        if not self._count():  # all were called, or cleared
            self.given.clear()
            self.holes = 0
        self.given[place] = value
        self._register(place)

    def remove(self, place: Exit) -> None:
        if self.given.pop(place, None):
            count = self._count()
            self._unregister(place)
            self.holes += self._count() == count

    def arrange(self, places: Sequence[Exit]) -> None:
        behind = [place for place in places if place in self.given]
        if list(self.given)[-len(behind) :] == behind:
            return
        for place in behind:
            self.remove(place)
            self.put(place, True)


adapter = Exits()
adapter.install()
