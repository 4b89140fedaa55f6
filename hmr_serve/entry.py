"""The entry: from APP on the command line to the ASGI application.

Responsibilities: split `module:attr`, turn `main.py` into a module, look for an
application where none was named, import it, and say in one sentence what is wrong.
Everything here runs on the main thread; `Entry.load` is what the engine traces and
runs again after an edit.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from .config import Config
from .problem import Problem, listed, nearest

# Where `fastapi dev` looks, in its order.
CANDIDATE_FILES = (
    "main.py",
    "app.py",
    "api.py",
    "app/main.py",
    "app/app.py",
    "app/api.py",
)
CANDIDATE_NAMES = ("app", "application", "api")


@dataclasses.dataclass
class Entry:
    """Which object is the application, and how to get it."""

    module: str
    attribute: str | None  # None: the first of CANDIDATE_NAMES that is there
    folder: str  # absolute; goes to the head of sys.path
    factory: bool = False
    note: str | None = None  # how it was found, when the user did not say

    def load(self) -> Any:
        """Import the module and return the application; raises what user code
        raises."""
        module = importlib.import_module(self.module)
        target = self._attribute(module)
        if self.factory:
            return _checked(_called(target, self.name), self.name + "()")
        if _is_factory(target):
            return _checked(target(), self.name + "()")
        return _checked(target, self.name)

    @property
    def name(self) -> str:
        return f"{self.module}:{self.attribute or CANDIDATE_NAMES[0]}"

    def _attribute(self, module: ModuleType) -> Any:
        if self.attribute is None:
            for name in CANDIDATE_NAMES:
                if hasattr(module, name):
                    return getattr(module, name)
            raise _no_attribute(self.module, CANDIDATE_NAMES[0], module)
        target: Any = module
        for part in self.attribute.split("."):
            try:
                target = getattr(target, part)
            except AttributeError:
                raise _no_attribute(self.module, self.attribute, module) from None
        return target


def find_entry(app: str | None, config: Config) -> Entry:
    """The Entry that APP names. Raises Problem; imports nothing."""
    # Without symbolic links, as the engine's roots are: one file has one name.
    folder = os.path.realpath(config.app_dir or os.curdir)
    if app is None:
        return _discover(folder, config)
    target, colon, attribute = app.partition(":")
    if colon and not attribute:
        raise Problem(
            f"{app} names no application after the colon; write {target}:app.", 2
        )
    if target.endswith(".py") or os.sep in target:
        return _from_path(target, attribute or None, folder, config)
    if not target or not all(part.isidentifier() for part in target.split(".")):
        raise Problem(
            f"{app!r} is neither module:attr nor a path; write it like main:app "
            "or main.py.",
            2,
        )
    return Entry(target, attribute or None, folder, config.factory)


def prepare_path(entry: Entry) -> None:
    """Put the application's folder first on sys.path."""
    if sys.path[:1] != [entry.folder]:
        sys.path.insert(0, entry.folder)


def read_env_file(path: str, outer: Mapping[str, str]) -> dict[str, str]:
    """What the KEY=value lines of a file add to the environment `outer`; what is set
    there wins."""
    try:
        from dotenv import dotenv_values
        from dotenv.variables import parse_variables
    except ImportError:
        raise Problem(
            "--env-file needs python-dotenv; run: pip install python-dotenv", 2
        ) from None
    added: dict[str, str] = {}
    for name, text in dotenv_values(path, interpolate=False).items():
        known = {**added, **outer}
        if text is not None and name not in outer:
            added[name] = "".join(a.resolve(known) for a in parse_variables(text))
    return added


def load_env_file(path: str) -> None:
    os.environ.update(read_env_file(path, os.environ))


def missing_module(entry: Entry, exc: BaseException) -> Problem | None:
    """A Problem if `exc` says that the entry's own module is not there, rather than
    one that it imports."""
    if not isinstance(exc, ModuleNotFoundError) or not exc.name:
        return None
    if entry.module != exc.name and not entry.module.startswith(exc.name + "."):
        return None
    if _raised_in_user_code(exc):
        return None
    return not_found(entry, exc.name)


def not_found(entry: Entry, missing: str) -> Problem:
    """One sentence with the modules that the user may have meant."""
    package, _, last = missing.rpartition(".")
    folder = (
        os.path.join(entry.folder, *package.split(".")) if package else entry.folder
    )
    close = nearest(last, _modules_in(folder))
    prefix = package + "." if package else ""
    rest = f":{entry.attribute}" if entry.attribute else ""
    if close:
        names = listed(f"{prefix}{name}{rest}" for name in close)
        hint = f"did you mean {names}?"
    else:
        hint = (
            "start from the folder that holds it, or name that folder with --app-dir."
        )
    return Problem(f"there is no module {missing} in {entry.folder}; {hint}")


def _raised_in_user_code(exc: BaseException) -> bool:
    here = os.path.dirname(os.path.abspath(__file__))
    trace = exc.__traceback__
    while trace:
        filename = trace.tb_frame.f_code.co_filename
        standard = os.path.dirname(importlib.__file__ or "")
        if not filename.startswith((here, "<frozen importlib", standard)):
            return True
        trace = trace.tb_next
    return False


def _no_attribute(name: str, attribute: str, module: ModuleType) -> Problem:
    applications = [
        key for key, value in vars(module).items() if _is_application(value)
    ]
    close = applications or nearest(
        attribute, [n for n in vars(module) if n[:2] != "__"]
    )
    if close:
        hint = f"did you mean {listed(f'{name}:{key}' for key in close[:4])}?"
    else:
        hint = "name the variable that holds the application, like main:app."
    return Problem(f"module {name} has no attribute {attribute}; {hint}")


def _is_application(value: Any) -> bool:
    """Looks like an ASGI application object: an instance with an async __call__."""
    if isinstance(value, type) or inspect.isfunction(value):
        return False
    return inspect.iscoroutinefunction(_call_method(type(value)))


def _call_method(kind: type) -> Any:
    """Its own __call__, not the one that makes every class callable."""
    for base in kind.__mro__:
        if "__call__" in vars(base):
            return vars(base)["__call__"]
    return None


def _is_factory(target: Any) -> bool:
    """A plain function without required parameters: uvicorn takes it for a factory
    too."""
    if not inspect.isfunction(target) or inspect.iscoroutinefunction(target):
        return False
    parameters = inspect.signature(target).parameters.values()
    return not any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters
    )


def _called(target: Any, name: str) -> Any:
    if not callable(target):
        kind = type(target).__name__
        raise Problem(
            f"{name} is a {kind}, which --factory cannot call; drop --factory."
        )
    if _is_application(target):
        raise Problem(
            f"{name} is an application already, not a factory; drop --factory."
        )
    return target()


def _checked(app: Any, name: str) -> Any:
    if inspect.iscoroutine(app):
        app.close()
        raise Problem(f"{name} is a coroutine; a factory must be a plain function.")
    if not callable(app):
        kind = type(app).__name__
        raise Problem(
            f"{name} is a {kind}, not an ASGI application; name the variable that "
            "holds it."
        )
    if hasattr(app, "wsgi_app"):
        raise Problem(
            f"{name} is a WSGI application; wrap it with a2wsgi.WSGIMiddleware to "
            "serve it."
        )
    return app


def _from_path(
    target: str, attribute: str | None, folder: str, config: Config
) -> Entry:
    """`app/main.py`: the module's name starts at the topmost folder with an
    __init__.py."""
    path = os.path.abspath(os.path.join(folder, target))
    if os.path.isdir(path) and os.path.isfile(os.path.join(path, "main.py")):
        path = os.path.join(path, "main.py")
    if not os.path.isfile(path):
        parent = os.path.dirname(path)
        stem = os.path.splitext(os.path.basename(path))[0]
        close = [name + ".py" for name in nearest(stem, _modules_in(parent))]
        where = os.path.dirname(target)
        hint = (
            f"did you mean {listed(os.path.join(where, name) for name in close)}?"
            if close
            else "give the path of the file that creates the application."
        )
        raise Problem(f"there is no file {target}; {hint}")
    parts = [os.path.splitext(os.path.basename(path))[0]]
    parent = os.path.dirname(path)
    while os.path.isfile(os.path.join(parent, "__init__.py")):
        parts.insert(0, os.path.basename(parent))
        parent = os.path.dirname(parent)
    if parts[-1] == "__init__":
        parts.pop()
    if not all(part.isidentifier() for part in parts):
        raise Problem(
            f"{target} cannot be imported, since {'.'.join(parts)} is no module name; "
            "rename it with letters, digits and _."
        )
    return Entry(".".join(parts), attribute, os.path.realpath(parent), config.factory)


def _discover(folder: str, config: Config) -> Entry:
    for name in CANDIDATE_FILES:
        if os.path.isfile(os.path.join(folder, name)):
            entry = _from_path(name, None, folder, config)
            entry.note = (
                f"no APP given: using {name}, the first that exists of "
                + listed(CANDIDATE_FILES)
            )
            return entry
    raise Problem(
        f"no APP given, and {folder} has no {listed(CANDIDATE_FILES)}; name the "
        "application like main:app.",
        2,
    )


def _modules_in(folder: str) -> list[str]:
    """Names that could be imported from a folder: its .py files and its packages."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return []
    names = [e.name[:-3] for e in entries if e.name.endswith(".py")]
    names += [e.name for e in entries if e.is_dir() and e.name.isidentifier()]
    return sorted(name for name in names if not name.startswith("__"))
