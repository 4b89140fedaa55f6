"""`./dev`: clear refusals, and nothing done twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
BASH = shutil.which("bash") or "/bin/bash"


def dev(*args: str, cwd: Path = TOP, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./dev", *args],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def shell(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script that has the functions of tools/environment.sh."""
    return subprocess.run(
        [BASH, "-euo", "pipefail", "-c", f". tools/environment.sh\n{script}"],
        cwd=TOP,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_unknown_verb_is_refused_with_a_sentence() -> None:
    result = dev("serv")
    assert result.returncode == 1
    assert result.stderr.endswith('dev: there is no verb "serv".\n')


def test_an_unknown_benchmark_is_refused_before_anything_is_installed() -> None:
    result = dev("bench", "speed")
    assert result.returncode == 1
    assert 'there is no benchmark "speed"' in result.stderr
    assert "installing" not in result.stderr


def test_a_python_that_is_too_old_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = executable(tmp_path / "python", "#!/bin/sh\nexit 1\n")
    result = dev("build", PYTHON=str(old))
    assert result.returncode == 1
    assert result.stderr == (
        f"dev: PYTHON={old} is no CPython 3.12 to 3.15 with headers and venv.\n"
    )


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    version = "{}.{}".format(*sys.version_info)
    executable(
        tmp_path / f"python{version}", "#!/bin/sh\necho no such version >&2\nexit 127\n"
    )
    real = tmp_path / "pyenv" / "versions" / f"{version}.99" / "bin"
    real.mkdir(parents=True)
    base = Path(sys.base_prefix, "bin", f"python{version}")
    executable(real / "python3", f'#!/bin/sh\nexec "{base}" "$@"\n')
    result = shell(
        f"python_of_version {version}",
        PATH=str(tmp_path),
        PYENV_ROOT=str(tmp_path / "pyenv"),
    )
    assert result.stdout == f"{real}/python3\n"


def test_a_user_who_is_not_root_gets_the_command_to_run() -> None:
    if not shutil.which("apt-get"):
        pytest.skip("the command is apt-get's")
    fake = "libraries_found() { return 1; }\nid() { echo 1000; }\nCC=no-such-compiler\n"
    result = shell(fake + "libraries_ready")
    assert result.returncode == 1
    assert re.fullmatch(
        r'dev: C libraries are missing: run "sudo apt-get update && sudo apt-get '
        r"install gcc libc6-dev pkg-config libuv1-dev zlib1g-dev "
        r"libssl-dev "
        r'(libllhttp-dev|node-llhttp)"\.\n',
        result.stderr,
    )


def test_building_twice_builds_once() -> None:
    """What runs this test is up to date, or `./dev test` would have built."""
    venv = Path(sys.prefix)
    if not (venv / ".hmr-build").exists():
        pytest.skip("not in an environment of ./dev")
    before = (venv / ".hmr-build").stat().st_mtime_ns
    started = time.monotonic()
    result = shell("environment_ready", HMR_VENV=str(venv.relative_to(TOP)), PYTHON="")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert time.monotonic() - started < 5  # half a second alone
    assert (venv / ".hmr-build").stat().st_mtime_ns == before


@pytest.mark.parametrize("path", ["core/module.c", "CMakeLists.txt", "pyproject.toml"])
def test_a_changed_source_changes_the_sum_that_decides_to_build(
    tmp_path: Path, path: str
) -> None:
    for name in ("CMakeLists.txt", "pyproject.toml"):
        shutil.copy(TOP / name, tmp_path)
    for name in ("cmake", "core", "asgi"):
        shutil.copytree(TOP / name, tmp_path / name)
    script = (
        f'cd "{tmp_path}"; sources_sum; printf x >>{path}; sources_sum; '
        f"rm {path}; sources_sum"
    )
    sums = shell(script).stdout.split("\n")[:-1]
    assert len(set(sums)) == 3


def test_skips_are_counted_against_the_expected_number(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_passes(): pass\n"
        "@pytest.mark.skip(reason='no such device')\n"
        "def test_skips(): pass\n"
        "@pytest.mark.skip(reason='this machine has no such device')\n"
        "def test_of_the_machine(): pass\n"
        "@pytest.mark.xfail(reason='known')\n"
        "def test_fails(): assert 0\n"
    )
    report = tmp_path / "report.xml"
    pytest_args = [
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        str(tmp_path),
    ]
    subprocess.run(
        [sys.executable, "-m", "pytest", *pytest_args],
        cwd=tmp_path,
        capture_output=True,
    )
    result = subprocess.run(
        [sys.executable, "tools/skips.py", "0.0", str(report)],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "skipped  test_it::test_skips: no such device" in result.stdout
    assert "not run  test_it::test_of_the_machine: this machine" in result.stdout
    assert "test_fails: known" in result.stdout
    assert "{'skipped': 1, 'xfailed': 1}, but" in result.stdout
