"""hmr-serve: an ASGI development server that applies every save in place."""

from __future__ import annotations

__version__ = "0.1.0"
