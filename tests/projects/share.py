"""How many of all possible edits a run makes.

HMR_EDITS="share/of": every `of`-th one, beginning with `share`. "0/1" makes all of them
(hours). Sanitizer builds, where everything costs more, make a tenth of the default.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

DEFAULT = "0/600" if os.environ.get("HMR_SANITIZER") else "0/60"
SHARE, OF = map(int, os.environ.get("HMR_EDITS", DEFAULT).split("/"))


def shared[T](things: Iterable[T], offset: int = 0) -> Iterator[T]:
    """This run's share of them."""
    for number, thing in enumerate(things, offset):
        if number % OF == SHARE:
            yield thing
