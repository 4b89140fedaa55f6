"""What may not be there."""

import sys

try:
    import ujson_that_is_not_there as json
except ImportError:
    import json

try:
    from .speedups import fast
except ImportError:
    fast = None

if sys.platform == "nowhere":
    from .nowhere import PLACE
else:
    from .somewhere import PLACE


def dumps(value):
    return json.dumps(value, sort_keys=True, default=str)
