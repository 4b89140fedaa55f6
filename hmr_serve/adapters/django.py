"""Django sets itself up once in a process: what it has read of the settings, and which
applications it knows, stays. Templates that it has cached are read again when their
files change: requests read them, so that no edit tells."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Hashable, Iterable
from typing import Any

from . import Adapter, CannotWithdraw

Stamp = tuple[str, int, int]
ONCE = "Django sets itself up once in a process"


class Setup(Adapter):
    """Who called `django.setup()`, as `get_asgi_application()` does, and settings that
    came later: of the others that call depends on by itself."""

    library = "django.apps.registry"
    lasting = True
    always = True

    def look(self) -> dict[Hashable, Any]:
        if not sys.modules[self.library].apps.ready:
            return {}
        settings = sys.modules["django.conf"].settings
        module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", ""))
        late = [name for name in vars(module) if name.isupper()] if module else []
        return dict.fromkeys(
            ["setup", *(name for name in late if not settings.is_overridden(name))],
            True,
        )

    def remove(self, place: Any) -> None:
        raise CannotWithdraw(ONCE)

    def doubt(self, place: Any, before: Any, after: Any) -> str | None:
        return ONCE


class Templates(Adapter):
    """Its cached loader forgets a template whose files are others now."""

    library = "django.template.loaders.cached"
    blind = True

    def types(self) -> tuple[type, ...]:
        loader = importlib.import_module(self.library).Loader
        folders = importlib.import_module("django.template.utils").get_app_template_dirs
        cached = loader.get_template

        @functools.wraps(cached)
        def get_template(this: Any, name: Any, skip: Any = None) -> Any:
            stamps = this.__dict__.setdefault("_hmr_stamps", {})
            key = this.cache_key(name, skip)
            stamp = stamp_of(this.get_template_sources(name))
            if not stamp:
                folders.cache_clear()  # one of an application may be new
                stamp = stamp_of(this.get_template_sources(name))
            if stamps.get(key, stamp) != stamp:
                this.get_template_cache.pop(key, None)
            stamps[key] = stamp
            return cached(this, name, skip)

        loader.get_template = get_template
        return ()


def stamp_of(sources: Iterable[Any]) -> list[Stamp]:
    """Which of the files that a template may come from there are."""
    found = []
    for source in sources:
        try:
            info = os.stat(source.name)
        except (OSError, ValueError, TypeError):  # not there, or no file's name
            continue
        found.append((source.name, info.st_mtime_ns, info.st_size))
    return found


adapters = (Setup(), Templates())
