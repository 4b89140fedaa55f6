"""What uvicorn has and hmr-serve has not, and why: options, and values of options.

A name here is accepted with the value that says the same as leaving it out, so that a
configuration that spells out uvicorn's defaults works.
"""

from __future__ import annotations

from typing import Any

from .problem import Problem

# name: (the values that change nothing, the reason for refusing others)
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "workers": (
        (None, 1),
        "hmr-serve is one process for development; run uvicorn for workers.",
    ),
    "limit_max_requests": ((None,), "the process stays; run uvicorn in production."),
    "limit_max_requests_jitter": (
        (None, 0),
        "the process stays; run uvicorn in production.",
    ),
    "timeout_worker_healthcheck": (
        (None, 5),
        "hmr-serve has no workers; leave it out.",
    ),
    "http2": ((None, False), "hmr-serve speaks HTTP/1.1; put a proxy in front."),
    "ssl_version": (
        (None, 17),
        "TLS 1.2 and 1.3 are spoken; leave it out.",
    ),
    "ssl_context_factory": (
        (None,),
        "TLS is OpenSSL's, without Python; give --ssl-certfile and --ssl-keyfile.",
    ),
}

# option: {value: reason}
REFUSED_VALUES: dict[str, dict[str, str]] = {
    "interface": {
        "asgi2": "wrap the application: asgiref.compatibility."
        "guarantee_single_callable(app).",
        "wsgi": "wrap the application: a2wsgi.WSGIMiddleware(app).",
    },
    "http": {"zttp": "it is a parser of uvicorn's; leave --http out."},
    "loop": {
        "zuvloop": "take uvloop, or leave --loop out.",
        "none": "the loop is made here; take asyncio or uvloop.",
    },
}

SWITCHES = {"http2"}  # options without a value


def flag(name: str) -> str:
    """`limit_max_requests` as the command line writes it."""
    return "--" + name.replace("_", "-")


def check_refused(options: dict[str, Any]) -> dict[str, Any]:
    """`options` without those that have no meaning here. Raises Problem."""
    kept = {}
    for name, value in options.items():
        if name not in REFUSED:
            kept[name] = value
        elif str(value) not in map(str, REFUSED[name][0]):
            raise Problem(f"{flag(name)} is not for development: {REFUSED[name][1]}", 2)
    for name, reasons in REFUSED_VALUES.items():
        reason = reasons.get(str(kept.get(name)))
        if reason:
            raise Problem(f"{flag(name)} cannot be {kept[name]}: {reason}", 2)
    return kept
