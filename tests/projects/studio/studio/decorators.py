"""Decorators of every kind."""

import functools
import inspect

CALLS: list[str] = []


def noted(function):
    """Notes each call; async functions too."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def noting(*args, **kwargs):
            CALLS.append(function.__name__)
            del CALLS[:-3]
            return await function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def noting(*args, **kwargs):
            CALLS.append(function.__name__)
            del CALLS[:-3]
            return function(*args, **kwargs)

    return noting


def repeated(times=2, *, glue=" "):
    def decorate(function):
        @functools.wraps(function)
        def repeating(*args, **kwargs):
            return glue.join(function(*args, **kwargs) for _ in range(times))

        return repeating

    return decorate


class Counted:
    """A decorator that is a class."""

    def __init__(self, function) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.limit = 100

    def __call__(self, *args, **kwargs):
        return (self.function(*args, **kwargs), self.limit)


def with_attributes(**attributes):
    def decorate(thing):
        for name, value in attributes.items():
            setattr(thing, name, value)
        return thing

    return decorate
