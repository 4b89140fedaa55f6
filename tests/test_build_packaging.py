"""What users install: sdist and wheel, built as PyPI's users would, and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
SOURCES = ["core", "asgi", "include", "hmr_serve", "cmake"]

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

APP = """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"old"})
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Output of a command that must succeed, without this environment's settings."""
    env = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONPATH")}
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as a clone has it: nothing that was built."""
    tree = tmp_path_factory.mktemp("checkout") / "tree"
    ignored = shutil.ignore_patterns("build*", ".venv*", ".git", "__pycache__", "*.so")
    shutil.copytree(TOP, tree, ignore=ignored)
    return tree


@pytest.fixture(scope="module")
def dist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it, in isolation."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ".", cwd=checkout)
    return out


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A fresh environment's bin folder."""
    venv.create(tmp_path / "env", with_pip=True, symlinks=True)
    return tmp_path / "env" / "bin"


@pytest.fixture
def app_folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text(APP)
    yield tmp_path / "app"


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read().decode()


def answers(bin_folder: Path, app_folder: Path) -> list[str]:
    """What `hmr-serve main:app` of that environment answers before and after a save."""
    command = [bin_folder / "hmr-serve", "main:app", "--port", "0", "--no-use-colors"]
    with subprocess.Popen(
        command,
        cwd=app_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        seen = []
        try:
            for line in server.stdout:
                seen.append(line)
                url = re.search(r"http://[\d.]+:\d+", line)
                if url:
                    before = get(url.group())
                    (app_folder / "main.py").write_text(APP.replace("old", "new"))
                    return [before, get(url.group())]
        finally:
            server.kill()
    pytest.fail("no address was printed:\n" + "".join(seen))


def test_the_sdist_has_the_sources_and_only_them(dist: Path, checkout: Path) -> None:
    with tarfile.open(only(dist, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        str(path.relative_to(checkout))
        for folder in SOURCES
        for path in (checkout / folder).rglob("*")
        if path.is_file()
    }
    wanted |= {"LICENSE", "README.md", "CMakeLists.txt", "pyproject.toml", "PKG-INFO"}
    assert wanted - names == set()
    unwanted = re.compile(r"\.ci/|benchmarks/|build/|\.venv|.*\.(so|o|pyc)$")
    assert [name for name in names if unwanted.match(name)] == []


def test_the_wheel_has_both_extensions_and_the_licence(dist: Path) -> None:
    with zipfile.ZipFile(only(dist, "*.whl")) as wheel:
        names = wheel.namelist()
    stems = {Path(name).name.partition(".")[0] for name in names if ".so" in name}
    assert stems == {"_core", "_asgi"}
    assert {"hmr_serve/py.typed", "hmr_serve/_core.pyi"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"hmr_serve"}


def test_the_wheel_installed_serves(
    dist: Path, environment: Path, app_folder: Path
) -> None:
    run(environment / "pip", "install", only(dist, "*.whl"), cwd=app_folder)
    assert answers(environment, app_folder) == ["old", "new"]


def test_pip_install_from_the_sources_serves(
    checkout: Path, environment: Path, app_folder: Path
) -> None:
    run(environment / "pip", "install", checkout, cwd=app_folder)
    version = run(environment / "hmr-serve", "--version", cwd=app_folder)
    assert version.startswith("hmr-serve ")
    assert answers(environment, app_folder) == ["old", "new"]
