"""The Autobahn test suite against `hmr-serve` with an application that echoes.

    python -m conformance.autobahn WSTEST [CASE ...]

WSTEST is a command that runs Autobahn's wstest (tools/conformance.sh makes one: it is
Python 2). A case is "12.1.3" or "6.*"; without any, all. Fails unless every case is OK
or INFORMATIONAL, its closing handshake included.
"""

from __future__ import annotations

import collections
import json
import shutil
import subprocess
import sys
from pathlib import Path

from e2e.harness import Server

GOOD = {"OK", "INFORMATIONAL"}
AGENT = "hmr-serve"
REPORTS = Path("build/conformance").resolve()
ECHO = """\
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
"""


def main(wstest: str, *cases: str) -> int:
    shutil.rmtree(REPORTS, ignore_errors=True)
    folder = REPORTS / "app"
    folder.mkdir(parents=True)
    server = Server(folder)
    server.write("main.py", ECHO)
    # On a busy machine the client compresses for longer than a pong may take.
    server.start("--no-access-log", "--lifespan=off", "--ws-ping-timeout=0")
    try:
        run(wstest, server.port, list(cases) or ["*"])
    finally:
        server.kill()
    return judge(json.loads((REPORTS / "index.json").read_text())[AGENT])


def run(wstest: str, port: int, cases: list[str]) -> None:
    spec = REPORTS / "spec.json"
    target = {"agent": AGENT, "url": f"ws://127.0.0.1:{port}"}
    spec.write_text(
        json.dumps({"outdir": str(REPORTS), "servers": [target], "cases": cases})
    )
    command = [*wstest.split(), "-m", "fuzzingclient", "-s", str(spec)]
    with (REPORTS / "wstest.log").open("w") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)


def judge(results: dict[str, dict[str, str]]) -> int:
    """Print what was not good, and the counts; the exit code."""
    counts: collections.Counter[str] = collections.Counter()
    bad = 0
    for case, result in results.items():
        counts[result["behavior"]] += 1
        if not {result["behavior"], result["behaviorClose"]} <= GOOD:
            bad += 1
            print(f"{case}: {result['behavior']}, closing {result['behaviorClose']}")
    shown = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"Autobahn: {len(results)} cases: {shown}; reports in {REPORTS}")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
