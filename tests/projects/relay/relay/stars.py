"""Stars over stars: a later one wins."""

from .constants import *
from .defaults import *
from .overrides import *

total = LIMIT + TIMEOUT
everything = sorted(n for n in globals() if not n.startswith("_"))
