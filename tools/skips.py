"""Compare how many tests were skipped or failed as expected with expected_skips.toml.

    python3 tools/skips.py 3.13 build/matrix/3.13.xml

A skip that nobody decided on is a test that is not run, so more of them fail, and so do
fewer: the number in the file is what the run did. A reason that begins with "this
machine" names what the machine lacks: that is printed, not counted. Runs on any
Python 3.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

MACHINE = "this machine "
EXPECTED = Path(__file__).parent.parent / "tests" / "expected_skips.toml"


def expected_counts(version: str) -> dict[str, int]:
    """The table of one version; flat, so that this needs no TOML parser."""
    table = EXPECTED.read_text().partition(f'["{version}"]')[2].partition("\n[")[0]
    return {
        key: int(number) for key, number in re.findall(r"(?m)^(\w+) = (\d+)", table)
    }


def skipped_tests(report: Path) -> list[tuple[str, str, str]]:
    """(kind, test, reason) of every test of a report that did not have to pass."""
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        for skipped in case.iter("skipped"):
            kind = "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
            name = f"{case.get('classname')}::{case.get('name')}"
            found.append((kind, name, skipped.get("message") or ""))
    return found


def main(version: str, report: Path) -> int:
    found = skipped_tests(report)
    counts = {"skipped": 0, "xfailed": 0}
    for kind, name, reason in found:
        if kind == "skipped" and reason.startswith(MACHINE):
            print(f"not run  {name}: {reason}")
        else:
            counts[kind] += 1
    expected = {"skipped": 0, "xfailed": 0} | expected_counts(version)
    if counts == expected:
        return 0
    for kind, name, reason in found:
        print(f"{kind}  {name}: {reason}")
    print(f"Python {version}: {counts}, but {EXPECTED.name} says {expected}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
