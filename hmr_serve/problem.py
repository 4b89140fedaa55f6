"""Problem: what stops a start, said in one sentence that also says what to do."""

from __future__ import annotations

from collections.abc import Iterable


class Problem(Exception):
    """Ends the program with `Error: <sentence>` and `exit_code`; never shown as a
    traceback."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def listed(names: Iterable[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    items = list(names)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Those of `known` that `word` was probably meant to be, best first."""
    import difflib  # here: only a start that fails pays for it

    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=count, cutoff=0.6)
    return [by_lower[name] for name in found]
