"""What must hold of the server after the load: it applied everything in place, and ends
as it should."""

from __future__ import annotations

from ..harness import Server


def check_server(server: Server, restarts: int | None = None) -> list[str]:
    """Stop it; sentences about what went wrong. `restarts`: how many there must have
    been."""
    trouble = []
    code = server.stop()
    log = server.log
    if code:
        trouble.append(f"the server ended with {code}")
    for word in (
        "Traceback",
        "half way",
        "not start",
        "never await",
        "ASGI",
    ):
        for line in log.splitlines():
            if word in line:
                trouble.append(f"the server printed {line!r}")
                break
    found = log.count("restarting  ")
    if found != (restarts or 0):
        trouble.append(f"the server restarted {found} times")
    broken = [line for line in log.splitlines() if "not applied" in line]
    trouble += [line for line in broken if "broken.py" not in line]
    journal = server.journal
    if journal != ["startup", "shutdown"] * (len(journal) // 2):
        trouble.append(f"lifespans overlap: {journal}")
    return trouble
