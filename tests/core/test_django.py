"""Django's adapter, with a stand-in of the parts that it looks at."""

from __future__ import annotations

from .harness import Project, ran

STAND_IN = {
    "django/__init__.py": "",
    "django/apps/__init__.py": "from .registry import apps\n",
    "django/apps/registry.py": """
        class Apps:
            ready = False

        apps = Apps()
        """,
    "django/conf.py": """
        class Settings:
            SETTINGS_MODULE = "settings"

            def is_overridden(self, name):
                return name in vars(self)

        settings = Settings()
        """,
    "django/asgi.py": """
        import importlib
        from django.apps import apps
        from django.conf import settings

        def get_application():
            if not apps.ready:
                module = importlib.import_module(settings.SETTINGS_MODULE)
                for name in dir(module):
                    if name.isupper():
                        setattr(settings, name, getattr(module, name))
                apps.ready = True
            return [settings.LIMIT]
        """,
    "django/template/__init__.py": "",
    "django/template/utils.py": """
        import functools, os

        @functools.lru_cache
        def get_app_template_dirs():
            return [d for d in ("app", "other") if os.path.isdir(d)]
        """,
    "django/template/loaders/__init__.py": "",
    "django/template/loaders/cached.py": """
        import os
        from ..utils import get_app_template_dirs

        class Origin:
            def __init__(self, name):
                self.name = name

        class Loader:
            def __init__(self):
                self.get_template_cache = {}

            def cache_key(self, name, skip):
                return name

            def get_template_sources(self, name):
                for folder in get_app_template_dirs():
                    yield Origin(os.path.join(folder, name))

            def get_template(self, name, skip=None):
                if name not in self.get_template_cache:
                    for origin in self.get_template_sources(name):
                        if os.path.exists(origin.name):
                            with open(origin.name) as file:
                                self.get_template_cache[name] = file.read()
                            break
                return self.get_template_cache.get(name)
        """,
}
HEAD = "import sys\nsys.path.insert(0, '../site-packages')\n"


def stand_in(project: Project) -> None:
    project.write({f"../site-packages/{name}": t for name, t in STAND_IN.items()})


def test_settings_that_django_has_read_need_a_new_process(project: Project) -> None:
    stand_in(project)
    main = "from django.asgi import get_application\napp = get_application()\nx = 1\n"
    project.start({"main.py": HEAD + main, "settings.py": "LIMIT = 1\n"})
    report = project.edit("main.py", "x = 1", "x = 2")
    assert (report.restart, ran(report)) == (None, ["main: x = 2"])
    report = project.edit("settings.py", "LIMIT = 1", "LIMIT = 2", check=False)
    assert report.restart == "Django sets itself up once in a process"
    assert project.eval("main.app") == [1]
    project.write({"settings.py": "LIMIT = 1\n"})
    report = project.edit("settings.py", "LIMIT = 1", "LIMIT = 1\nNEW = 1", check=False)
    assert report.restart == "Django sets itself up once in a process"


def test_a_template_is_read_again_when_its_file_changes(project: Project) -> None:
    stand_in(project)
    project.write({"other/a.html": "one", "other/b.html": "b"})
    main = (
        f"{HEAD}import os\nfrom django.template.loaders.cached import Loader\n"
        "os.chdir(os.path.dirname(__file__))\nloader = Loader()\n"
    )
    project.start({"main.py": main}, check=False)
    get = "main.loader.get_template('a.html')"
    assert project.eval(get) == "one"
    project.write({"other/a.html": "another"})
    assert project.eval(get) == "another"
    missing = "main.loader.get_template('c.html')"
    assert project.eval(missing) is None
    project.write({"app/c.html": "c"})  # in a folder that comes with it
    assert project.eval(missing) == "c"
    project.write({"app/a.html": "first"})
    assert project.eval(get) == "first"
