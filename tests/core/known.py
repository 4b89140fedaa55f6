"""Tests that fail today, each with the rule that is missing and where it is planned.

They are strict: a test that begins to pass fails the run until its line here is gone.
"""

from __future__ import annotations

import sys

OUTSIDE = "issue 5 (the outside world)"
KNOWN: dict[str, str] = {}
if sys.version_info < (3, 13):
    SETTER = "test_setters.py::test_a_setter_that_is_edited_or_goes_needs_a_new_process"
    KNOWN[f"{SETTER}[unpacked]"] = (
        f"{OUTSIDE}: 3.12's sys.monitoring tells of no f(**x) of a Python function"
    )
