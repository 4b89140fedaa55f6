"""Celery: tasks under `@shared_task`, and those of an application that another one may
share. A callback registers each in every application that is finalized, and in those
that already are; a task of a name that is there is not replaced."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from . import Adapter

Callback = Callable[[Any], Any]  # given an application
Registered = tuple[Any, str, Any]  # in which one, under which name, the task


class Tasks(Adapter):
    library = "celery.app"  # signals are not ours: celery.utils.dispatch

    def __init__(self) -> None:
        self.withdrawn: dict[Callback, list[Registered]] = {}

    def types(self) -> tuple[type, ...]:
        from celery import _state
        from celery.app import base

        self.state = _state
        connect = _state.connect_on_app_finalize

        def connecting(callback: Callback) -> Callback:
            self._make_room(callback)
            return connect(callback)

        _state.connect_on_app_finalize = connecting
        base.connect_on_app_finalize = connecting
        return ()

    def _make_room(self, callback: Callback) -> None:
        """Take the task out that a statement before has left under its name: until then
        a request that runs on may ask for it."""
        for callbacks in self.withdrawn.values():
            for app, name, task in callbacks:
                if name == name_of(app, callback) and app._tasks.get(name) is task:
                    del app._tasks[name]

    def _registered(self, callback: Callback) -> Iterator[Registered]:
        function = given(callback).get("fun")
        for app in self.state._get_active_apps():
            name = name_of(app, callback)
            task = app._tasks.get(name) if app.finalized and name else None
            if task is not None and function_of(task) is function:
                yield app, name, task

    def look(self) -> dict[Hashable, Any]:
        return dict.fromkeys(self.state._on_app_finalizers, True)

    def put(self, place: Callback, value: Any) -> None:
        self.state._on_app_finalizers.add(place)
        for app, name, task in self.withdrawn.pop(place, ()):
            app._tasks[name] = task

    def remove(self, place: Callback) -> None:
        self.state._on_app_finalizers.discard(place)
        self.withdrawn[place] = [*self._registered(place)]

    def applied(self) -> None:
        for registered in self.withdrawn.values():
            for app, name, task in registered:
                if app._tasks.get(name) is task:
                    del app._tasks[name]
        self.withdrawn.clear()


def given(callback: Callback) -> dict[str, Any]:
    """The function of the task and its options."""
    cells = getattr(callback, "__closure__", None) or ()
    names = callback.__code__.co_freevars if cells else ()
    return {n: cell.cell_contents for n, cell in zip(names, cells, strict=True)}


def name_of(app: Any, callback: Callback) -> str | None:
    """Under which the application has its task; None: it is no task of the program."""
    found = given(callback)
    options = found.get("options") or found.get("opts") or {}
    if (function := found.get("fun")) is None:
        return None
    named = options.get("name")
    return named or app.gen_task_name(function.__name__, function.__module__)


def function_of(task: Any) -> Any:
    function = getattr(task, "_decorated_fun", None) or getattr(task, "run", None)
    return getattr(function, "__func__", function)


adapter = Tasks()
