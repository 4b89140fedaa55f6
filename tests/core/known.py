"""Tests that fail today, each with the rule that is missing and where it is planned.

They are strict: a test that begins to pass fails the run until its line here is gone.
"""

from __future__ import annotations

import sys

ENGINE = "issue 4 (the engine)"
OUTSIDE = "issue 5 (the outside world)"
FOUND = "test_applications.py::test"
KNOWN = {
    f"{FOUND}_variables_stand_in_the_order_in_which_they_were_set": (
        f"{ENGINE}: places outside have no order; nor have the items of sys.path"
    ),
}
if sys.version_info < (3, 13):
    SETTER = "test_setters.py::test_a_setter_that_is_edited_or_goes_needs_a_new_process"
    KNOWN[f"{SETTER}[unpacked]"] = (
        f"{OUTSIDE}: 3.12's sys.monitoring tells of no f(**x) of a Python function"
    )
