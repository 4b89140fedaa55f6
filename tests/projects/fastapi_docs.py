"""FastAPI's own documentation apps, from the sdist of the installed version.

The sdist is downloaded once into `.cache/` (pip checks its hash against the index) and
only read there: none of it is part of this repository.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CACHE = Path(__file__).parents[2] / ".cache" / "sdists"


class Unavailable(Exception):
    """The sdist is not in the cache and cannot be downloaded; pip's own words."""


@dataclass(frozen=True)
class App:
    """One documentation app: a file, or a package with a main module."""

    name: str  # "first_steps/tutorial001"
    files: dict[str, str]
    entry: str


def documentation_apps() -> list[App]:
    """Every file and package of the documentation that makes a FastAPI application.
    Raises Unavailable."""
    sources = documentation_sources()
    apps = []
    for path, text in sources.items():
        if "FastAPI(" not in text:
            continue
        name = str(path.with_suffix(""))
        if len(path.parts) == 2:
            apps.append(App(name, {"main.py": text}, "main"))
        elif path.name == "main.py":
            files = {
                f"app/{p.relative_to(path.parent)}": content
                for p, content in sources.items()
                if p.is_relative_to(path.parent) and not p.name.startswith("test_")
            }
            apps.append(App(name, files, "app.main"))
    return apps


def documentation_sources(
    suffixes: tuple[str, ...] = (".py",),
) -> dict[PurePosixPath, str]:
    """The Python files of the sdist's docs_src, or others, by their path in it."""
    sdist = sdist_of("fastapi")
    top = f"{sdist.name.removesuffix('.tar.gz')}/docs_src/"
    with tarfile.open(sdist) as archive:
        return {
            PurePosixPath(m.name.removeprefix(top)): archive.extractfile(m)
            .read()
            .decode()
            for m in sorted(archive.getmembers(), key=lambda m: m.name)
            if m.name.startswith(top) and m.name.endswith(suffixes)
        }


def sdist_of(package: str) -> Path:
    """The sdist of the installed version, from the cache or the index."""
    version = importlib.metadata.version(package)
    sdist = CACHE / f"{package}-{version}.tar.gz"
    if not sdist.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        pip += ["--disable-pip-version-check", "--no-binary", package]
        what = ["-d", str(CACHE), f"{package}=={version}"]
        done = subprocess.run([*pip, *what], capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise Unavailable(f"no sdist of {package} {version}: {last}")
    return sdist
