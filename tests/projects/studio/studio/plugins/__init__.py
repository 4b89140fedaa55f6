"""Plugins: every module of this package, found by listing it."""

import importlib
import pkgutil


def load():
    for info in pkgutil.iter_modules(__path__, __name__ + "."):
        if not info.name.endswith("_base"):
            yield importlib.import_module(info.name)


found = list(load())
by_name = {module.NAME: module for module in found}
