"""What FastAPI itself needs to build an app's routes again, without any server.

A reloader that makes a new app object pays this, unless it keeps some of it: the
statements that register routes, and what FastAPI builds lazily in the first request.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apps import App
from benchmarks.servers import clean_environment
from benchmarks.tables import milliseconds

WORKER = Path(__file__).with_name("rebuild_worker.py")


@dataclass(frozen=True)
class Cost:
    register: float  # seconds: the module's own statements, imports already done
    lazy: float  # seconds: the first request minus the second

    def text(self) -> str:
        return f"{milliseconds(self.register)} + {milliseconds(self.lazy)}"


def measure(app: App) -> dict[str, Cost]:
    """The cost of building again what the edits of `app` that move a route touch."""
    result = {}
    for edit in app.edits:
        if not edit.moves:  # no route is registered again
            continue
        # A router's file registers its own routes, then the entry includes them.
        files = ["main.py"] if edit.file == "main.py" else [edit.file, "main.py"]
        job = json.dumps({"path": app.request(edit), "files": files})
        output = subprocess.run(
            [sys.executable, str(WORKER), job],
            cwd=app.folder,
            env=clean_environment() | {"MODEL_SECONDS": "0"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        result[edit.name] = Cost(**json.loads(output))
    return result
