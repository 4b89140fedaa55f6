"""No __all__: what has no underscore is exported."""

from .constants import LIMIT as BASE

TIMEOUT = BASE + 2
RETRIES = (1, 2, 5)
_secret = "s"
names = {"a": 1, "b": 2}


def backoff(number):
    return RETRIES[min(number, len(RETRIES) - 1)] * TIMEOUT
