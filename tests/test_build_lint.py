"""Our own lint finds each slip that it is there for, and nothing in good code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent

GOOD = """\
/* A file. */

#include <stddef.h>


/* Calls PyDict_GetItem() in a comment only. */
static int
thing_fill(void *list, void *item)
{
    const char *text = "PyDict_GetItem(";
    if (PyList_Append(list, item) < 0) {
        return -1;
    }
    (void)PySet_Discard(list, item); /* absent is fine */
    int result = text != NULL
                 && PyList_Append(list, item) == 0;
    return result ? 0
                  : PyList_Append(list, item);
}
"""
IN_A_BODY = "/* A file. */\n\n\nstatic void\nthing_do(void)\n{\n    %s\n}\n"


def lint(path: Path, text: str) -> str:
    path.write_text(text)
    result = subprocess.run(
        [sys.executable, "tools/lint_c.py", str(path)],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert result.stderr == ""
    assert (result.returncode != 0) == bool(result.stdout)
    return result.stdout.replace(str(path), path.name)


def test_good_code_has_no_slips(tmp_path: Path) -> None:
    assert lint(tmp_path / "thing.c", GOOD) == ""


@pytest.mark.parametrize(
    ("statement", "slip"),
    [
        ("v = PyDict_GetItem(d, k);", "PyDict_GetItem: use PyDict_GetItemRef"),
        ("PyErr_Fetch(&t, &v, &tb);", "PyErr_Fetch: use PyErr_GetRaisedException"),
        ("PyList_Append(list, item);", "the result of PyList_Append is ignored"),
        ("PyErr_CheckSignals();", "the result of PyErr_CheckSignals is ignored"),
        ("uv_read_start(s, a, r);", "the result of uv_read_start is ignored"),
        ("if (x)\n        PySet_Add(s, i);", "the result of PySet_Add is ignored"),
        ("sprintf(text, name);", "sprintf: use snprintf"),
        ("#if PY_VERSION_HEX >= 1\n#endif", "PY_VERSION_HEX outside compat.h"),
        ("\treturn;", "a tab"),
        ("return; ", "blanks at the end of the line"),
        ("return; /*" + "x" * 80 + "*/", "columns: more than 80"),
        ("x = 1;\n" * 100, "a function of 101 lines: more than 100"),
        ("x = 1;\n" * 800, "lines: more than 800 in a file"),
    ],
)
def test_a_slip_is_found_once(tmp_path: Path, statement: str, slip: str) -> None:
    found = [
        line
        for line in lint(tmp_path / "thing.c", IN_A_BODY % statement).splitlines()
        if slip in line
    ]
    assert len(found) == 1


def test_a_slip_can_be_accepted_with_a_reason(tmp_path: Path) -> None:
    text = IN_A_BODY % "PySet_Add(s, i); /* LINT_OK: s is ours and i is hashed */"
    assert lint(tmp_path / "thing.c", text) == ""


def test_compat_may_test_the_version(tmp_path: Path) -> None:
    text = "/* A file. */\n#ifndef HMR_CORE_COMPAT_H\n#define HMR_CORE_COMPAT_H\n"
    text += "#define PY_VERSION_HEX 1\n#if PY_VERSION_HEX > 0\n#endif\n#endif\n"
    assert lint(tmp_path / "compat.h", text) == ""


@pytest.mark.parametrize(
    ("guard", "slips"),
    [("HMR_THING_H", 0), ("HMR_CORE_THING_H", 0), ("THING_H", 1), ("HMR_OTHER_H", 1)],
)
def test_a_header_has_a_guard_of_its_name(
    tmp_path: Path, guard: str, slips: int
) -> None:
    text = f"/* A file. */\n\n#ifndef {guard}\n#define {guard}\n\n#endif\n"
    assert lint(tmp_path / "thing.h", text).count("no include guard") == slips


def test_a_header_compiles_alone(tmp_path: Path) -> None:
    text = (
        "/* A. */\n\n#ifndef HMR_THING_H\n#define HMR_THING_H\n%s\nextern size_t n;\n"
    )
    text += "\n#endif\n"
    assert "does not compile alone" in lint(tmp_path / "thing.h", text % "")
    assert lint(tmp_path / "thing.h", text % "#include <stddef.h>") == ""


def test_a_folder_does_not_include_the_headers_of_another(tmp_path: Path) -> None:
    include = '#include "../core/graph.h"\n#include "hmr/shared.h"\n#include "own.h"\n'
    found = lint(tmp_path / "thing.c", "/* A file. */\n" + include)
    assert found == 'thing.c:2: "../core/graph.h": a header of another folder\n'


@pytest.mark.parametrize(
    ("source", "slip"),
    [
        ("import ast\n", "imports ast"),
        ("from ast import parse\n", "imports ast"),
        ("x = compile('1', 'f', 'eval')\n", "calls compile"),
        ("exec('1')\n", "calls exec"),
        ("import re\nx = re.compile('1')\n", ""),
    ],
)
def test_python_code_of_ours_does_not_run_source(
    tmp_path: Path, source: str, slip: str
) -> None:
    (tmp_path / "thing.py").write_text(source)
    result = subprocess.run(
        [sys.executable, "tools/lint_python.py", str(tmp_path)],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, slip in result.stdout) == (1 if slip else 0, True)


@pytest.mark.parametrize(
    ("path", "leaks"),
    [
        ("core/graph/cell.c", 1),
        ("core/module.c", 1),
        ("asgi/bridge/scope.c", 1),
        ("Objects/dictobject.c", 0),
    ],
)
def test_a_leak_is_ours_by_the_folder_of_its_frames(
    tmp_path: Path, path: str, leaks: int
) -> None:
    frame = f"    #1 0x7f in make /home/me/hmr/{path}:10"
    report = f"Direct leak of 64 byte(s) in 1 object(s) allocated from:\n{frame}\n"
    (tmp_path / "report.1").write_text(report)
    tool = [sys.executable, "tools/leaks.py", str(tmp_path)]
    result = subprocess.run(tool, cwd=TOP, capture_output=True, text=True)
    assert result.stdout.count("Direct leak") == leaks
    assert result.returncode == leaks
