"""Generators, partials and closures."""

import itertools
import operator
from functools import partial, reduce

from .registry import filters


def compose(*functions):
    return reduce(lambda f, g: lambda x: g(f(x)), functions, lambda x: x)


def chunks(values, size=2):
    iterator = iter(values)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def apply_all(text):
    for name in filters:
        yield name, filters[name].apply(text)


double = partial(operator.mul, 2)
add = partial(operator.add, 10)
both = compose(double, add)


def make_scale(factor):
    offset = factor - 1

    def scale(value):
        return value * factor + offset

    return scale


SCALES = {n: make_scale(n) for n in (1, 2, 3)}
