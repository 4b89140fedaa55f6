"""Modules that a program gives to a library: what this finds there is read."""

from __future__ import annotations

import pytest

from .harness import Project, ran

LIBRARY = """
    import inspect

    class Manager:
        def __init__(self):
            self.found = {}

        def by_dir(self, module):
            for name in dir(module):
                value = inspect.getattr_static(module, name)
                if getattr(value, 'hook', False):
                    self.found[name] = value

        def by_dict(self, *modules):
            for module in modules:
                self.add(module)

        def by_all(self, modules):
            self.by_dict(*modules)

        def add(self, module):
            for name, value in module.__dict__.items():
                if getattr(value, 'hook', False):
                    self.found[name] = value
    """
PLUGIN = """
    def marked(f):
        f.hook = True
        return f

    @marked
    def hello(name='you'):
        return 'hello ' + name

    def bye():
        return 'bye'
    """
CALLS = ["by_dir(mod)", "by_dict(mod)", "by_all([mod])"]


@pytest.mark.parametrize("call", CALLS)
def test_a_library_that_was_given_a_module_reads_all_of_it(
    project: Project, call: str
) -> None:
    main = f"""
        import importlib
        import sys

        sys.path.insert(0, '../site-packages')
        import lib_given

        manager = lib_given.Manager()
        for name in ['plugin']:
            mod = importlib.import_module(name)
            manager.{call}


        def said():
            return sorted(f() for f in manager.found.values())
        """
    project.write({"../site-packages/lib_given.py": LIBRARY})
    project.start({"plugin.py": PLUGIN, "main.py": main})
    assert project.eval("main.said()") == ["hello you"]
    report = project.edit("plugin.py", "'hello '", "'hi '")
    assert ran(report) == []
    assert project.eval("main.said()") == ["hi you"]
    project.edit("plugin.py", "'you'", "'all'")
    assert project.eval("main.said()") == ["hi all"]
    project.edit("plugin.py", "def bye", "@marked\ndef bye")
    assert project.eval("main.said()") == ["bye", "hi all"]
    project.edit("plugin.py", "@marked\ndef hello", "def hello")
    assert project.eval("main.said()") == ["bye"]
    project.edit("plugin.py", "def bye", "def ciao")
    assert project.eval("list(main.manager.found)") == ["ciao"]
