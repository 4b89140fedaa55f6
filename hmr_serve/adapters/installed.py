"""The entry points of a group, quickly where there are none: importlib.metadata reads
and takes apart those of all installed packages, which is a part of the start that one
sees."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FILE = "entry_points.txt"


def entry_points_of(group: str) -> Iterable[EntryPoint]:
    mark = group.encode()
    if _others_find() or any(_may_name(folder, mark) for folder in sys.path):
        from importlib.metadata import entry_points

        return entry_points(group=group)
    return ()


def _others_find() -> bool:
    """Whether somebody but importlib knows of packages."""
    return any(
        finder is not PathFinder and hasattr(finder, "find_distributions")
        for finder in sys.meta_path
    )


def _may_name(folder: str, mark: bytes) -> bool:
    """Whether a package in a folder of sys.path may have such an entry point. An
    archive may."""
    try:
        names = os.listdir(folder or ".")
    except NotADirectoryError:
        return True
    except OSError:
        return False
    infos = [n for n in names if n.lower().endswith((".dist-info", ".egg-info"))]
    if folder.lower().endswith(".egg"):
        infos.append("EGG-INFO")
    return any(_holds(os.path.join(folder, info, FILE), mark) for info in infos)


def _holds(path: str, mark: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return mark in file.read()
    except OSError:
        return False
