"""Imports a generated project, plainly or tracked, edits it, prints what it took.

python scale_worker.py plain|tracked FIRST LAST EDITS
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path


def resident() -> int:
    """Bytes of memory that the process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def edits_of(first: str, last: str) -> dict[str, tuple[str, str, str]]:
    """Module, text, and what stands in its place; {n} is the number of the edit."""
    return {
        "body": (last, "return LIMIT + 3", "return LIMIT + 3{n}"),
        "leaf": (last, "TOTAL = LIMIT * 2", "TOTAL = LIMIT * 2 + {n}"),
        "read": (first, "LIMIT = 0", "LIMIT = {n}"),
        "import": (last, "import os\n", f"import os\nimport {first} as extra{{n}}\n"),
    }


def main() -> None:
    job, first, last, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    sys.path.insert(0, os.getcwd())
    import dataclasses  # noqa: F401  not a part of what is measured

    if job == "plain":
        start = time.perf_counter()
        importlib.import_module("main")
        taken = time.perf_counter() - start
        print(json.dumps({"start": taken, "memory": resident()}))
        return
    from hmr_serve._core import Engine

    engine = Engine([os.getcwd()])
    engine.install()
    start = time.perf_counter()
    engine.run("entry", lambda: importlib.import_module("main").app)
    answer: dict = {"start": time.perf_counter() - start, "memory": resident()}
    answer["statements"] = sum(len(engine.statements(m)) for m in engine.modules())
    answer["edits"] = {}
    for name, (module, old, new) in edits_of(first, last).items():
        file = Path(module.replace(".", "/") + ".py").absolute()
        text = file.read_text()
        times = []
        for number in range(1, count + 1):
            file.write_text(text.replace(old, new.format(n=number)))
            began = time.perf_counter()
            report = engine.apply([str(file)])
            times.append(time.perf_counter() - began)
            assert report.error is None and (report.reran or report.patched)
        file.write_text(text)
        engine.apply([str(file)])
        answer["edits"][name] = times
    answer["after"] = resident()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
