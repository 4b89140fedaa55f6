"""One function, by the type of what it is given."""

from enum import Enum
from functools import singledispatch

from .shapes import Shape
from .states import Planet
from .widgets.base import Form


@singledispatch
def render(thing) -> str:
    return str(thing)


@render.register
def _(thing: Shape) -> str:
    return thing.describe()


@render.register(Form)
def render_form(thing) -> str:
    return ", ".join(f"{k}={v}" for k, v in thing.values().items())


@render.register
def _(thing: list) -> str:
    return "[" + "; ".join(map(render, thing)) + "]"


@render.register
def _(thing: Enum) -> str:
    return f"{type(thing).__name__}.{thing.name}"


@render.register
def _(thing: Planet) -> str:
    return f"{thing.name} {thing.gravity()}"
