from ..model import rule
from .words import FORBIDDEN, is_clean

clean = rule("clean", level=2)(is_clean)
RULES = {r.name: r for r in [clean]}
COUNT = len(FORBIDDEN)
