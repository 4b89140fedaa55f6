"""Inputs: what matters besides the files that the program itself reads.

Responsibilities: the environment file, files that are read once at the start, what the
options --reload-include and --reload-exclude add and take away. Loop thread only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .entry import read_env_file
from .rules import Rules
from .saves import content, files_in

if TYPE_CHECKING:
    from ._core import Engine
    from .config import Config


class Inputs:
    """What the options name."""

    def __init__(self, config: Config, roots: Sequence[str]) -> None:
        self.environ = dict(os.environ)  # without what the file sets
        self._rules = Rules(config.reload_includes or (), config.reload_excludes or ())
        self._roots = roots
        self._included: set[str] = set()  # files that nothing but an include names
        # What was read at the start and cannot be read again: path -> content.
        given = [config.log_config] if isinstance(config.log_config, str) else []
        paths = map(os.path.realpath, given)
        self._start_files = {path: content(path) for path in paths}
        self._env_file = config.env_file and os.path.realpath(config.env_file)
        self._env: dict[str, str] = {}  # what the file adds to it: applied,
        self._env_wanted = self._env  # and as it is now

    def load(self) -> None:
        """The process's variables with those of the file."""
        if self._env_file:
            self._env = self._env_wanted = read_env_file(self._env_file, self.environ)
            os.environ.update(self._env)

    def add(self, files: set[str], folders: set[str]) -> tuple[set[str], set[str]]:
        """What has to be watched where the program has read these."""
        files.update(self._start_files, [self._env_file] if self._env_file else [])
        if not self._rules:
            return files, folders
        kept = {path for path in files if self._rules.excluded_by(path) is None}
        folders = {path for path in folders if self._rules.excluded_by(path) is None}
        if self._rules.has_includes:
            found, searched = self._rules.find_included(self._roots)
            self._included = found - files
            return kept | found, folders | searched
        return kept, folders

    def counted(self, paths: set[str]) -> set[str]:
        """Those that are not excluded. The environment file among them is read."""
        if self._rules:
            paths = {path for path in paths if self._rules.excluded_by(path) is None}
        if self._env_file in paths and os.path.isfile(self._env_file):
            self._env_wanted = read_env_file(self._env_file, self.environ)
        return paths

    def start_file_changed(self, paths: set[str]) -> str | None:
        """Such a file. Logging is used by too much to withdraw it: a new process reads
        its configuration anew."""
        for path, text in self._start_files.items():
            if path in paths and content(path) not in (text, None):
                return path
        return None

    def included_changed(self, paths: set[str], engine: Engine) -> list[str]:
        """Files among `paths` that count only since --reload-include names them."""
        if not self._rules.has_includes:
            return []
        known = engine.watched()[0]
        changed = {path for path in paths if path in self._included}
        for path in paths:
            # A file that came may show only as a change of its folder.
            inside = files_in(path) if os.path.isdir(path) else [path]
            changed.update(set(inside) - known - self._included)
        return sorted(filter(self._rules.included_by, changed))

    def env_changes(self) -> dict[str, str | None]:
        """Variables that the file sets otherwise than what is applied; None: it no
        longer does."""
        now, before = self._env_wanted, self._env
        names = {*now, *before}
        return {n: now.get(n) for n in names if now.get(n) != before.get(n)}

    def env_applied(self) -> None:
        self._env = self._env_wanted
