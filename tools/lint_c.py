"""Our own lint of C: slips of the C API, and the layout rules a formatter cannot hold.

    python tools/lint_c.py [--cc CC] [--include DIR]... FILE.[ch]...

Works on text, not on syntax: strings and comments are blanked out first, functions are
found by the house style (the brace in the first column). `LINT_OK: reason` in a line's
comment accepts that line.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_COLUMNS = 80
MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 100
EXTENSIONS = ("core", "asgi")  # a header's name says enough in one of them

# Calls that lose errors or overflow, and what to call instead.
BANNED = {
    "PyDict_GetItem": "PyDict_GetItemRef (it swallows errors)",
    "PyDict_GetItemString": "PyDict_GetItemStringRef (it swallows errors)",
    "PyObject_HasAttr": "PyObject_HasAttrWithError (it swallows errors)",
    "PyObject_HasAttrString": "PyObject_HasAttrStringWithError (it swallows errors)",
    "PyMapping_HasKey": "PyMapping_HasKeyWithError (it swallows errors)",
    "PyMapping_HasKeyString": "PyMapping_HasKeyStringWithError (it swallows errors)",
    "PyErr_Fetch": "PyErr_GetRaisedException",
    "PyErr_Restore": "PyErr_SetRaisedException",
    "PyErr_NormalizeException": "PyErr_GetRaisedException",
    "PyModule_AddObject": "PyModule_AddObjectRef (it steals only on success)",
    "PyImport_AddModule": "PyImport_AddModuleRef (it borrows)",
    "PyWeakref_GetObject": "PyWeakref_GetRef (it borrows)",
    "PyWeakref_GET_OBJECT": "PyWeakref_GetRef (it borrows)",
    "strcpy": "memcpy with the length",
    "strcat": "memcpy with the length",
    "strtok": "strcspn",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "atoi": "strtol",
}

# Calls whose result says that they failed: not to be used as a statement.
CHECKED = [
    r"PyArg_Parse\w*",
    "PyCallable_Check",
    "PyCode_AddWatcher",
    r"PyDict_Add\w*",
    r"PyDict_DelItem\w*",
    "PyDict_Merge",
    "PyDict_MergeFromSeq2",
    r"PyDict_Pop\w*",
    "PyDict_SetDefaultRef",
    r"PyDict_SetItem\w*",
    "PyDict_Unwatch",
    "PyDict_Update",
    "PyDict_Watch",
    "PyErr_CheckSignals",
    "PyErr_ResourceWarning",
    "PyErr_WarnEx",
    r"PyErr_WarnExplicit\w*",
    "PyErr_WarnFormat",
    "PyErr_Occurred",
    "PyFunction_AddWatcher",
    r"PyFunction_Set\w*",
    "PyList_Append",
    "PyList_Insert",
    "PyList_Reverse",
    "PyList_SetItem",
    "PyList_SetSlice",
    "PyList_Sort",
    r"PyMapping_DelItem\w*",
    "PyMapping_SetItemString",
    r"PyModule_Add\w*",
    r"PyObject_DelAttr\w*",
    r"PyObject_DelItem\w*",
    "PyObject_GenericSetAttr",
    r"PyObject_SetAttr\w*",
    "PyObject_SetItem",
    "PySequence_DelItem",
    "PySequence_SetItem",
    "PySet_Add",
    "PySet_Clear",
    "PySet_Discard",
    "PySys_Audit",
    "PySys_SetObject",
    "PyType_Ready",
    "PyUnicode_Append",
    r"PyObject_Call\w*",
    r"PyObject_Vectorcall\w*",
    "PyEval_EvalCode",
    "PyContextVar_Set",
    "PyContextVar_Get",
    "PyContext_Enter",
    "PyContext_Exit",
    r"PyImport_Import\w*",
    "uv_accept",
    "uv_async_init",
    "uv_async_send",
    "uv_idle_init",
    "uv_idle_start",
    "uv_listen",
    "uv_loop_init",
    "uv_loop_close",
    "uv_pipe_bind",
    "uv_pipe_init",
    "uv_pipe_open",
    "uv_poll_init",
    "uv_poll_start",
    "uv_prepare_start",
    "uv_read_start",
    "uv_run",
    "uv_shutdown",
    "uv_tcp_bind",
    "uv_tcp_init",
    "uv_tcp_open",
    "uv_thread_create",
    "uv_timer_start",
    "uv_write",
    "pthread_create",
    "pthread_join",
]

CHECKED_CALL = re.compile(rf"\s+({'|'.join(CHECKED)})\(")
BANNED_CALL = re.compile(rf"\b({'|'.join(BANNED)})\s*\(")
VERSION_TEST = re.compile(r"\s*#.*\bPY_(VERSION_HEX|MINOR_VERSION|MAJOR_VERSION)\b")
QUOTED_INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
# A line that ends an earlier statement or opens a block: what follows is a statement.
STATEMENT_END = re.compile(r"[;{}:]\s*$|^\s*$|^\s*#|\b(else|do)\s*$")
CONTROL_HEAD = re.compile(r"^\s*(\}\s*)?(else\s+)?(if|for|while|switch)\b.*\)\s*$")
BLANKED = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S
)


class Slip(NamedTuple):
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def blank(text: str) -> str:
    """The text without what comments and strings say; lines and columns stay."""
    return BLANKED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def lint_layout(path: Path, lines: list[str]) -> Iterator[Slip]:
    most = MAX_FILE_LINES
    if len(lines) > most:
        yield Slip(path, 1, f"{len(lines)} lines: more than {most} in a file")
    if lines and not lines[0].startswith("/*"):
        yield Slip(path, 1, "does not begin with a comment that says what it is")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield Slip(path, number, f"{len(line)} columns: more than {MAX_COLUMNS}")
        if "\t" in line:
            yield Slip(path, number, "a tab")
        if line != line.rstrip():
            yield Slip(path, number, "blanks at the end of the line")


def lint_functions(path: Path, code: list[str]) -> Iterator[Slip]:
    """Functions longer than anyone can follow."""
    start = None
    for number, line in enumerate(code, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start - 1
            if length > MAX_FUNCTION_LINES:
                text = f"a function of {length} lines: more than {MAX_FUNCTION_LINES}"
                yield Slip(path, start, text)
            start = None


def lint_calls(path: Path, code: list[str]) -> Iterator[Slip]:
    previous = "{"
    for number, line in enumerate(code, 1):
        for match in BANNED_CALL.finditer(line):
            name = match.group(1)
            yield Slip(path, number, f"{name}: use {BANNED[name]}")
        match = CHECKED_CALL.match(line)
        starts = STATEMENT_END.search(previous) or CONTROL_HEAD.match(previous)
        if match and starts:
            text = (
                f"the result of {match.group(1)} is ignored: test it, or (void) and why"
            )
            yield Slip(path, number, text)
        if line.strip():
            previous = line


def lint_versions(path: Path, code: list[str]) -> Iterator[Slip]:
    if path.name == "compat.h":
        return
    for number, line in enumerate(code, 1):
        match = VERSION_TEST.match(line)
        if match:
            yield Slip(path, number, f"PY_{match.group(1)} outside compat.h")


def lint_includes(path: Path, lines: list[str]) -> Iterator[Slip]:
    """A folder's headers are private to it; what is shared is in include/."""
    for number, line in enumerate(lines, 1):
        match = QUOTED_INCLUDE.match(line)
        if match and ("/" in match.group(1) and not match.group(1).startswith("hmr/")):
            yield Slip(path, number, f'"{match.group(1)}": a header of another folder')


def lint_guard(path: Path, code: list[str]) -> Iterator[Slip]:
    name = re.escape(path.stem.upper().replace("-", "_"))
    guard = re.compile(rf"#ifndef (HMR_(?:[A-Z0-9]+_)*{name}_H)$")
    directives = [line.strip() for line in code if line.strip()]
    match = guard.match(directives[0]) if directives else None
    if match is None or directives[1] != f"#define {match.group(1)}":
        yield Slip(path, 1, f"no include guard HMR_..{path.stem.upper()}_H around it")


def siblings(path: Path) -> list[str]:
    """The folder of a file, and those beside it in one extension (core/*, asgi/*)."""
    beside = path.parent.parent
    folders = sorted(beside.glob("*/")) if beside.name in EXTENSIONS else []
    return [str(path.parent), *map(str, folders)]


def lint_alone(path: Path, cc: str, includes: list[str]) -> Iterator[Slip]:
    """A header includes what it needs."""
    flags = [f"-I{directory}" for directory in [*siblings(path), *includes]]
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
    result = subprocess.run(
        [cc, "-std=gnu11", *warnings, *flags, "-fsyntax-only", "-x", "c", "-"],
        input=f'#include "{path.name}"\n',
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if "error:" in line]
        first = errors[0] if errors else "the compiler failed"
        yield Slip(path, 1, f"does not compile alone: {first}")


def lint(path: Path, cc: str, includes: list[str]) -> Iterator[Slip]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    code = blank(text).splitlines()
    found = [*lint_layout(path, lines), *lint_functions(path, code)]
    found += [*lint_calls(path, code), *lint_versions(path, code)]
    found += lint_includes(path, lines)
    if path.suffix == ".h":
        found += [*lint_guard(path, code), *lint_alone(path, cc, includes)]
    return (slip for slip in found if "LINT_OK: " not in lines[slip.line - 1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("files", nargs="+", type=Path)
    args = parser.parse_args()
    slips = [slip for path in args.files for slip in lint(path, args.cc, args.include)]
    print(*slips, sep="\n", end="\n" if slips else "")
    return 1 if slips else 0


if __name__ == "__main__":
    sys.exit(main())
