"""What the oracle sees of a process: a picture of tracked modules and their
surroundings.

A picture is made of plain tuples, strings and numbers only, so that two processes can
be compared. An object met a second time is written as `("same as", path of the first
time)`: two pictures are equal only if the same names hold the same object in both. What
is left out of a picture on purpose, and why, is in `LEFT_OUT` and nowhere else.
"""

from __future__ import annotations

import dis
import enum
import functools
import inspect
import itertools
import logging
import os
import re
import sys
import threading
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

LEFT_OUT = {
    "module:__builtins__": "the same dict in every module of a process",
    "module:__cached__": "where byte code is cached is the loader's business",
    "module:__loader__": "a tracked module has the engine's loader",
    "module:__spec__": "names the loader",
    "module:__warningregistry__": "which warnings were shown already",
    "module:Model[int]": "pydantic's entry for a generic model, made only when its "
    "cache has none",
    "typing:identity": "aliases come out of typing's caches, or not, and with them "
    "equal metadata of libraries: Annotated[T, Depends(f)]",
    "module:__annotations__": "3.12/3.13 make it at the first annotated statement run: "
    "its content is compared, its place among the names is not",
    "module:__annotate__": "3.14: the compiler's function; what it gives is compared",
    "module:__annotate_func__": "see __annotate__",
    "module:__annotations_cache__": "3.14: a cache",
    "module:__conditional_annotations__": "3.14: the compiler's note of lines passed",
    "class:__dict__": "a descriptor of the class itself",
    "class:__weakref__": "a descriptor of the class itself",
    "class:_abc_impl": "caches of isinstance",
    "class:__annotate__": "see module:__annotate__",
    "class:__annotate_func__": "see module:__annotate__",
    "class:__annotations_cache__": "see module:__annotations_cache__",
    "class:__conditional_annotations__": "see module:__conditional_annotations__",
    "class:__signature__": "pydantic's lazily made descriptor; the fields are compared",
    "class:__pydantic_*": "cores and validators in Rust; the fields are compared",
    "class:__subclasses__()": "retired classes live until collected; programs that "
    "read it are compared by what they read",
    "code:columns": "only carets in tracebacks use them; lines are compared",
    "code:specialisation": "co_code is the code before adaptation",
    "immutable:identity": "a file compiled whole shares equal constants, statements "
    "compiled alone do not; immutable values are compared by type and value",
    "library instance:attributes": "what a library keeps inside is its own (locks, "
    "caches, lazily built parts); type and identity are compared, for Starlette and "
    "FastAPI the routes too, and their answers in test_fastapi.py",
    "lru_cache:content": "filled by requests; only what is wrapped is compared",
    "generator:frame": "a suspended frame cannot be compared; its code is",
    "logger:untouched": "without level, handlers and filters it is as good as none",
    "sys.path_importer_cache": "a cache",
    "threads:anyio": "its workers end a moment after the loop that they worked for",
}

realpath = functools.cache(os.path.realpath)  # thousands of times a picture
ATOMS = (int, float, complex, str, bytes, bool, type(None), range, type(Ellipsis))
ATOMS += (type(NotImplemented),)
LIBRARIES: set[str] = set()  # modules loaded before any program: never ours


class Picture:
    """Writes one process's objects as plain data.

    Responsibilities: give every object met a path (the first way it was reached), write
    immutable values by type and content, everything else once.
    """

    def __init__(self, root: str, *, brief: bool = False) -> None:
        self.root = realpath(root) + os.sep
        self.brief = brief  # code as bytes, which tell the same and are cheap
        self.paths: dict[int, str] = {}
        self.alive: list[Any] = []  # keeps ids from being used again
        self.names = {m.__name__ for _, m in tracked_modules(self.root)}

    def tracked_file(self, file: str | None) -> bool:
        return bool(file) and realpath(file).startswith(self.root)

    def tracked_module(self, name: str | None) -> bool:
        return name in self.names

    def value(self, obj: Any, path: str) -> Any:
        if isinstance(obj, ATOMS) and type(obj) in ATOMS:
            # repr tells 0.0 from -0.0 and shows nan
            return (type(obj).__name__, repr(obj))
        if type(obj) is tuple:
            return ("tuple", *self.items(obj, path))
        if type(obj) in (set, frozenset):
            members = self.members(obj, path)
            if type(obj) is frozenset:
                return ("frozenset", *members)
            return self.once(obj, path) or ("set", *members)
        if isinstance(obj, types.ModuleType):
            own = sys.modules.get(obj.__name__) is obj
            return ("module", obj.__name__, own)
        if isinstance(obj, types.BuiltinFunctionType) and (
            obj.__self__ is None or isinstance(obj.__self__, types.ModuleType)
        ):
            return ("builtin", obj.__module__, obj.__qualname__)
        if isinstance(obj, types.CodeType):
            return self.code(obj)
        if isinstance(obj, type) and not self.tracked_module(obj.__module__):
            return ("library class", f"{obj.__module__}.{obj.__qualname__}")
        if type(obj).__module__ == "typing" and hasattr(obj, "__args__"):
            return self.annotation(obj, path)
        return self.once(obj, path) or self.fresh(obj, path)

    def once(self, obj: Any, path: str) -> Any:
        """None at the first meeting, else where that was."""
        before = self.paths.get(id(obj))
        if before is not None:
            return ("same as", before)
        self.paths[id(obj)] = path
        self.alive.append(obj)
        return None

    def items(self, values: Any, path: str) -> Iterator[Any]:
        for i, value in enumerate(values):
            yield self.value(value, f"{path}[{i}]")

    def members(self, values: Any, path: str) -> list[Any]:
        """A set's members: in order where hashing has one, else sorted."""
        written = [self.value(v, f"{path}{{}}") for v in values]
        if all(isinstance(v, (str, int, bytes, float)) for v in values):
            return written
        return sorted(written, key=repr)

    def mapping(self, values: Any, path: str) -> list[Any]:
        return [
            (
                self.value(k, f"{path}.keys[{i}]"),
                self.value(
                    v, f"{path}[{k!r}]" if type(k) in ATOMS else f"{path}[#{i}]"
                ),
            )
            for i, (k, v) in enumerate(list(values.items()))
        ]

    def fresh(self, obj: Any, path: str) -> Any:
        """What an object met for the first time holds."""
        if isinstance(obj, types.FunctionType):
            return self.function(obj, path)
        if isinstance(obj, type):
            return self.cls(obj, path)
        if isinstance(obj, types.MethodType):
            owner = self.value(obj.__self__, path + ".__self__")
            return ("method", owner, self.value(obj.__func__, path + ".__func__"))
        if isinstance(obj, (classmethod, staticmethod)):
            inner = self.value(obj.__func__, path + ".__func__")
            return (type(obj).__name__, inner)
        if isinstance(obj, property):
            parts = [self.value(f, path) for f in (obj.fget, obj.fset, obj.fdel)]
            return ("property", *parts, obj.__doc__)
        if isinstance(obj, functools.partial):
            parts = (obj.func, obj.args, obj.keywords)
            own = obj.__reduce__()[2][3]  # vars() would make the dict; so does wraps()
            return ("partial", *self.items(parts, path), self.value(own or None, path))
        if isinstance(obj, functools.cached_property):
            return ("cached_property", self.value(obj.func, path + ".func"))
        if isinstance(obj, functools._lru_cache_wrapper):
            own = self.mapping(vars(obj), path)  # __wrapped__ among them
            return ("lru_cache", repr(obj.cache_parameters()), own)
        if isinstance(obj, re.Pattern):
            return ("pattern", obj.pattern, obj.flags)
        if inspect.isgenerator(obj) or inspect.iscoroutine(obj):
            code = obj.gi_code if inspect.isgenerator(obj) else obj.cr_code
            return (type(obj).__name__, self.code(code))
        if isinstance(obj, BaseException):
            return ("exception", type(obj).__name__, *self.items(obj.args, path))
        if isinstance(obj, (types.GenericAlias, types.UnionType)) or (
            type(obj).__module__ == "typing"
        ):
            return self.annotation(obj, path)
        return self.instance(obj, path)

    def annotation(self, obj: Any, path: str) -> Any:
        """A type expression: its origin and arguments."""
        kind = type(obj).__name__
        if isinstance(getattr(obj, "__origin__", None), type) or hasattr(
            obj, "__args__"
        ):
            origin = self.value(getattr(obj, "__origin__", None), path + ".__origin__")
            more = getattr(obj, "__metadata__", ())
            noted = [
                self.metadata(one, f"{path}.__metadata__[{i}]")
                for i, one in enumerate(more)
            ]
            return (
                kind,
                origin,
                *self.items(getattr(obj, "__args__", ()), path),
                *noted,
            )
        if kind == "ForwardRef":
            return (kind, obj.__forward_arg__)
        if kind == "TypeAliasType":
            try:
                meant = obj.__value__
            except Exception as error:  # a name that is not there, or not yet
                return (kind, obj.__name__, type(error).__name__, str(error))
            return (kind, obj.__name__, self.value(meant, path + ".__value__"))
        return (kind, getattr(obj, "__name__", None) or repr(obj))

    def metadata(self, obj: Any, path: str) -> Any:
        """An alias out of typing's cache, of 128, brings its metadata along."""
        alike = type(obj).__hash__ is not object.__hash__
        module = type(obj).__module__
        if alike and module != "builtins" and not self.tracked_module(module):
            return self.fresh(obj, path)
        return self.value(obj, path)

    def instance(self, obj: Any, path: str) -> Any:
        cls = type(obj)
        out: list[Any] = ["instance", self.value(cls, path + ".__class__")]
        if isinstance(obj, enum.Enum):
            return (*out, obj.name, self.value(obj.value, path + ".value"))
        if isinstance(obj, (list, tuple, deque)):
            out.append([*self.items(list(obj), path)])
        elif isinstance(obj, (dict, types.MappingProxyType)):
            out.append(self.mapping(obj, path))
        elif isinstance(obj, (set, frozenset)):
            out.append(self.members(obj, path))
        elif isinstance(obj, bytearray):
            out.append(bytes(obj))
        elif isinstance(obj, ATOMS):
            out.append(next(b for b in cls.__mro__ if b in ATOMS).__repr__(obj))
        routes = self.routes(obj, path)
        if routes is not None:
            return (*out, routes)
        if self.tracked_module(cls.__module__) or cls is types.SimpleNamespace:
            out.append(self.mapping(getattr(obj, "__dict__", {}), path))
            out.extend(self.slots(obj, path))
        return tuple(out)

    def slots(self, obj: Any, path: str) -> Iterator[Any]:
        for cls in type(obj).__mro__:
            for name, member in vars(cls).items():
                if (
                    isinstance(member, types.MemberDescriptorType)
                    and (self.tracked_module(cls.__module__))
                    and hasattr(obj, name)
                ):
                    got = self.value(getattr(obj, name), f"{path}.{name}")
                    yield (name, got)

    def routes(self, obj: Any, path: str) -> Any:
        """The routes of a Starlette application or router, None for anything else."""
        if not type(obj).__module__.startswith(("starlette.", "fastapi.")):
            return None
        routes = getattr(obj, "routes", None)
        if not isinstance(routes, list):
            return None
        return [self.route(r, f"{path}.routes[{i}]") for i, r in enumerate(routes)]

    def route(self, route: Any, path: str) -> Any:
        shown = [type(route).__name__, getattr(route, "path", None)]
        shown.append(sorted(getattr(route, "methods", None) or ()))
        shown.append(getattr(route, "name", None))
        endpoint = getattr(route, "endpoint", None)
        if self.tracked_module(getattr(endpoint, "__module__", None)):
            shown.append(self.value(endpoint, path + ".endpoint"))
        if hasattr(route, "response_model"):
            model = self.value(route.response_model, path + ".response_model")
            tags = self.value(list(route.tags), path + ".tags")
            shown += [route.status_code, tags, route.summary, model]
        return tuple(shown)

    def cls(self, cls: type, path: str) -> Any:
        name = f"{cls.__module__}.{cls.__qualname__}"
        out: list[Any] = ["class", name, cls.__doc__]
        out.append(self.value(type(cls), path + ".__class__"))
        out.append([*self.items(cls.__bases__, path + ".__bases__")])
        out.append(("annotations", self.annotations(cls, path)))
        fields = getattr(cls, "model_fields", None)
        if isinstance(fields, dict) and hasattr(cls, "__pydantic_fields__"):
            out.append(("fields", [(k, repr(v)) for k, v in fields.items()]))
        for key, value in list(vars(cls).items()):
            if f"class:{key}" in LEFT_OUT or key.startswith("__pydantic_"):
                continue
            if key in ("__doc__", "__annotations__"):
                continue
            if key == "__static_attributes__":
                value = tuple(sorted(value))
            out.append((key, self.member(value, f"{path}.{key}")))
        return tuple(out)

    def member(self, value: Any, path: str) -> Any:
        """A value in a class; descriptors of the interpreter by name only."""
        if isinstance(
            value,
            (
                types.GetSetDescriptorType,
                types.MemberDescriptorType,
                types.WrapperDescriptorType,
                types.MethodDescriptorType,
            ),
        ):
            return (type(value).__name__, value.__name__)
        return self.value(value, path)

    def function(self, func: types.FunctionType, path: str) -> Any:
        if not self.tracked_file(func.__code__.co_filename):
            shown = ["library function", func.__module__, func.__qualname__]
            if not self.tracked_module(func.__module__):
                return tuple(shown)
            # a library's wrapper around something of ours
            return (*shown, *self.closure(func, path))
        out: list[Any] = ["function", func.__module__, func.__qualname__, func.__doc__]
        out.append(func.__name__)
        out.append(func.__globals__.get("__name__"))
        out.append(("code", self.code(func.__code__)))
        defaults = self.value(func.__defaults__, path + ".__defaults__")
        kwonly = self.value(func.__kwdefaults__, path + ".__kwdefaults__")
        out.append(("defaults", defaults, kwonly))
        out.append(("annotations", self.annotations(func, path)))
        out.append(("dict", self.mapping(func.__dict__, path)))
        out.append(("closure", *self.closure(func, path)))
        return tuple(out)

    def closure(self, func: types.FunctionType, path: str) -> Iterator[Any]:
        for name, cell in zip(
            func.__code__.co_freevars, func.__closure__ or (), strict=False
        ):
            try:
                content = cell.cell_contents
            except ValueError:
                yield (name, "empty")
            else:
                yield (name, self.value(content, f"{path}<{name}>"))

    def annotations(self, obj: Any, path: str) -> Any:
        if isinstance(obj, types.ModuleType):
            found = module_annotations(obj)
        elif sys.version_info >= (3, 14):
            import annotationlib

            found = annotationlib.get_annotations(
                obj, format=annotationlib.Format.FORWARDREF
            )
        else:
            found = inspect.get_annotations(obj)
        return self.mapping(found, path + ".__annotations__")

    def code(self, code: types.CodeType) -> Any:
        file = code.co_filename
        if self.tracked_file(file):
            file = os.path.relpath(realpath(file), self.root)
        consts = [
            self.code(c) if isinstance(c, types.CodeType) else self.value(c, "const")
            for c in code.co_consts
        ]
        return (
            ("name", code.co_qualname),
            ("file", file),
            ("line", code.co_firstlineno),
            ("flags", code.co_flags),
            ("arguments", code.co_argcount, code.co_posonlyargcount),
            ("keyword-only", code.co_kwonlyargcount),
            ("names", code.co_names),
            ("variables", code.co_varnames, code.co_freevars, code.co_cellvars),
            ("consts", consts),
            *self.instructions(code),
        )

    def instructions(self, code: types.CodeType) -> Any:
        """Instructions with their lines, and what handles their exceptions."""
        if self.brief:
            return code.co_code, [*code.co_lines()], code.co_exceptiontable
        raw = dis.Bytecode(code)
        lines = {
            offset: line
            for start, end, line in code.co_lines()
            for offset in range(start, end, 2)
        }
        shown = [(i.opname, lines.get(i.offset), i.arg) for i in raw]
        return ("instructions", shown), ("handlers", code.co_exceptiontable.hex())

    def module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        names = [
            k
            for k in list(vars(module))
            if f"module:{k}" not in LEFT_OUT and not k.endswith("]")
        ]
        own = [k for k in names if not (k.startswith("__") and k.endswith("__"))]
        names = sorted({*names} - {*own}) + own  # the import system's in any order
        out = {
            "type": type(module).__name__,
            "names": own,
            "annotations": self.annotations(module, name),
        }
        for key in names:
            value = vars(module)[key]
            if key in ("__file__", "__path__"):
                value = str(value).replace(self.root, "")
            out[f"{name}.{key}"] = self.value(value, f"{name}.{key}")
        return out


def tracked_modules(root: str) -> list[tuple[str, types.ModuleType]]:
    """(name in sys.modules, module) of what was imported from below `root`."""
    found = []
    for name in itertools.filterfalse(LIBRARIES.__contains__, list(sys.modules)):
        module = sys.modules.get(name)
        if not isinstance(module, types.ModuleType):
            continue
        places = [getattr(module, "__file__", None) or ""]
        if not places[0]:
            places = list(getattr(module, "__path__", None) or [])
        if any(realpath(p).startswith(root) for p in places if p):
            found.append((name, module))
    return found


def module_annotations(module: types.ModuleType) -> dict[str, Any]:
    """Without the attribute `__annotations__`: getting it writes into the module."""
    space = vars(module)
    annotate = space.get("__annotate__") if sys.version_info >= (3, 14) else None
    if annotate is None:
        return space.get("__annotations__", {})
    import annotationlib

    return annotationlib.call_annotate_function(
        annotate, annotationlib.Format.FORWARDREF
    )


def logging_tree() -> list[Any]:
    def shown(logger: logging.Logger) -> Any:
        handlers = [
            (
                type(h).__name__,
                h.level,
                h.formatter._fmt if h.formatter else None,
                len(h.filters),
            )
            for h in logger.handlers
        ]
        return (logger.level, logger.disabled, logger.propagate, handlers)

    tree = [("root", *shown(logging.getLogger()))]
    for name, logger in sorted(logging.Logger.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            state = shown(logger)
            if state != (0, False, True, []) or logger.filters:
                tree.append((name, *state, len(logger.filters)))
    return tree


def surroundings() -> dict[str, Any]:
    """The process around the modules."""
    import atexit
    import multiprocessing
    import signal
    import warnings

    handlers = {
        number.name: getattr(signal.getsignal(number), "__qualname__", None)
        for number in signal.valid_signals()
        if isinstance(number, signal.Signals)
    }
    return {
        "logging": logging_tree(),
        "environ": list(os.environ.items()),
        "threads": sorted(
            type(t).__name__
            for t in threading.enumerate()
            if not type(t).__module__.startswith("anyio.")
        ),
        "children": len(multiprocessing.active_children()),
        "atexit": atexit._ncallbacks(),
        "signals": sorted(handlers.items()),
        "warnings": [(f[0], f[2].__name__, f[4]) for f in warnings.filters],
        "sys.path": list(sys.path),
    }


def take(root: str, *, brief: bool = False) -> dict[str, Any]:
    """The picture of this process: {"modules", one entry a module, "process"}."""
    picture = Picture(root, brief=brief)
    modules = sorted(tracked_modules(picture.root))
    shown: dict[str, Any] = {"modules": [name for name, _ in modules]}
    for name, module in modules:
        shown[name] = picture.module(module)
    shown["process"] = surroundings()
    return shown


def differences(live: Any, cold: Any, path: str = "") -> list[str]:
    """Where two pictures differ, as readable lines; [] when they are equal."""
    if type(live) is type(cold):
        if isinstance(live, dict):
            return _dict_differences(live, cold, path)
        if isinstance(live, (list, tuple)) and len(live) == len(cold):
            return [
                line
                for i, (a, b) in enumerate(zip(live, cold, strict=False))
                for line in differences(a, b, f"{path}{_step(a, i)}")
            ]
        if live == cold:
            return []
    return [f"{path}: live {_short(live)}, cold {_short(cold)}"]


def _dict_differences(live: dict, cold: dict, path: str) -> list[str]:
    lines = []
    for key in [*live, *(k for k in cold if k not in live)]:
        where = f"{path}/{key}" if path else str(key)
        if key not in cold:
            lines.append(f"{where}: only live: {_short(live[key])}")
        elif key not in live:
            lines.append(f"{where}: only cold: {_short(cold[key])}")
        else:
            lines += differences(live[key], cold[key], where)
    return lines


def _step(item: Any, i: int) -> str:
    if isinstance(item, tuple) and item and isinstance(item[0], str):
        return f"/{item[0]}"
    return f"[{i}]"


def _short(value: Any, limit: int = 300) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
