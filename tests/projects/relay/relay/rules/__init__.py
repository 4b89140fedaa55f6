from .model import Rule as Rule
from .model import rule
from .strict import RULES as strict_rules
from .loose import RULES as loose_rules

RULES = {**strict_rules, **loose_rules}
NAMES = tuple(RULES)
