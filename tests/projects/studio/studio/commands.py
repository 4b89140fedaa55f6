"""Commands: functions behind decorators, in a registry."""

from .about import banner
from .decorators import Counted, noted, repeated
from .pipeline import SCALES, both, chunks
from .registry import commands


@commands("banner", help="show it")
@noted
def show(mark: str = "+") -> str:
    return banner(mark=mark)


@commands("echo")
@repeated(3, glue="/")
def echo(text: str = "hey") -> str:
    return text


@commands("scale", help="by 1, 2 and 3")
def scale(value: int = 7) -> list[int]:
    return [f(value) for f in SCALES.values()]


@commands("chunks")
@noted
@repeated()
def in_chunks(text: str = "abcde") -> str:
    return "|".join("".join(c) for c in chunks(text))


@commands("counted")
@Counted
def counted(value: int = 4) -> int:
    return both(value)


def run(name: str):
    return commands[name]()
