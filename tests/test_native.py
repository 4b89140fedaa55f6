"""The tests in C (tests/asgi/CMakeLists.txt), which need no Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command,
        cwd=TOP,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_the_native_tests_pass() -> None:
    build = f"build/native-{sys.version_info.major}.{sys.version_info.minor}"
    python = f"-DPython_EXECUTABLE={sys.executable}"
    run("cmake", "-S", ".", "-B", build, "-G", "Ninja", "-DHMR_NATIVE_TESTS=ON", python)
    run("cmake", "--build", build, "--target", "native_tests", "--parallel", "2")
    output = run(
        "ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error"
    )
    assert "100% tests passed" in output
