"""Jinja reads a template again when its file has changed, also where `auto_reload` is
off, as in Quart's and Flask's applications: requests read it, so that no edit tells."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from . import Adapter


class Templates(Adapter):
    library = "jinja2.environment"
    blind = True

    def types(self) -> tuple[type, ...]:
        environment = importlib.import_module(self.library).Environment
        load = environment._load_template

        @functools.wraps(load)
        def load_template(this: Any, name: Any, variables: Any) -> Any:
            auto_reload, this.auto_reload = this.auto_reload, True
            try:
                return load(this, name, variables)
            finally:
                this.auto_reload = auto_reload

        environment._load_template = load_template
        return ()


adapter = Templates()
