"""The backend is chosen by its name."""

import importlib

from ..constants import MODES

CHOSEN = MODES[0]
backend = importlib.import_module(f"{__name__}.{CHOSEN}")
send = backend.send
