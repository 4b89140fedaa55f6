"""A function behind a decorator of a library: new code reaches who calls the result,
where the library is known to call the function each time; else the decorator runs."""

from __future__ import annotations

import pytest

from .harness import Project, ran

LIB = """
    import functools

    CALLS = []

    class Task:
        def __init__(self, run):
            self.run = run
            CALLS.append(run.__name__)

        def __call__(self, *args):
            return self.run(*args)

    def task(*args, **options):
        return Task(args[0]) if args else Task

    def limit(text):
        def around(f):
            @functools.wraps(f)
            def wrapper(*args):
                return (text, f(*args))
            return wrapper
        return around

    def remembered(f):
        seen = {}
        @functools.wraps(f)
        def wrapper(*args):
            if args not in seen:
                seen[args] = f(*args)
            return seen[args]
        return wrapper
    """
CALLS_ANEW = {
    "an object": ("import celery", "@celery.task\n"),
    "an object, with options": ("import celery", "@celery.task(retries=3)\n"),
    "a wrapper": ("import slowapi", "@slowapi.limit('5/minute')\n"),
    "two wrappers": (
        "import slowapi, tenacity",
        "@slowapi.limit('5/minute')\n@tenacity.limit('3')\n",
    ),
}
MAY_KEEP = {
    "an object of any library": ("import lib", "@lib.task\n"),
    "a wrapper of any library": ("import lib", "@lib.limit('5/minute')\n"),
    "a memory inside a wrapper": (
        "import slowapi, lib",
        "@slowapi.limit('5/minute')\n@lib.remembered\n",
    ),
    "a memory inside an object": (
        "import celery, lib",
        "@celery.task\n@lib.remembered\n",
    ),
}


def start(project: Project, imports: str, decorators: str) -> None:
    for name in ("celery", "slowapi", "tenacity", "lib"):
        project.write({f"../site-packages/{name}.py": LIB})
    text = "import sys\nsys.path.insert(0, '../site-packages')\n"
    text += f"{imports}\n{decorators}def f(x):\n    return x\ny = 1\n"
    project.start({"main.py": text})


@pytest.mark.parametrize("how", CALLS_ANEW)
def test_a_body_is_patched(project: Project, how: str) -> None:
    start(project, *CALLS_ANEW[how])
    before = project.eval("id(main.f)")
    report = project.edit("main.py", "    return x\n", "    return x + 1\n")
    assert (ran(report), report.restart) == ([], None)
    assert report.patched == ["main:f"]
    assert project.eval("id(main.f)") == before
    assert "4" in repr(project.eval("main.f(3)"))


@pytest.mark.parametrize("how", MAY_KEEP)
def test_a_decorator_that_may_keep_something_runs_again(
    project: Project, how: str
) -> None:
    start(project, *MAY_KEEP[how])
    assert "3" in repr(project.eval("main.f(3)"))
    report = project.edit("main.py", "    return x\n", "    return x + 1\n")
    if report.restart is None:  # a library that keeps the function asks for one
        assert ran(report) == ["main: def f"]
        assert "4" in repr(project.eval("main.f(3)"))
