"""wrk: small requests over keep-alive connections, and what it prints."""

from __future__ import annotations

import re
import subprocess

_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_ERRORS = re.compile(
    r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"
)
_NON_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")


def parse(output: str) -> tuple[float, int]:
    """Requests per second; socket errors and answers that are not 2xx or 3xx."""
    rate = _RATE.search(output)
    if rate is None:
        raise ValueError(f"not the output of wrk:\n{output}")
    errors = [int(number) for found in _ERRORS.findall(output) for number in found]
    errors += [int(number) for number in _NON_2XX.findall(output)]
    return float(rate[1]), sum(errors)


def load(port: int, connections: int, seconds: int) -> tuple[float, int]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    return parse(output)
