"""In a namespace package: there is no __init__.py."""

from relay.constants import VERSION

BADGE = f"badge {VERSION}"
