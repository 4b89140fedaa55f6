"""Docstrings of functions follow an edit; who has looked at one runs again."""

from __future__ import annotations

import pytest

from .harness import Project, ran, reasons, settled

DECORATOR = '''
    import functools

    def auto_init():
        def decorator(init):
            {wraps}
            def wrapper(self, *args):
                """What it does."""
                init(self, *args)
            return wrapper
        return decorator
    '''
MODELS = """
    from deco import auto_init

    class A:
        @auto_init()
        def __init__(self, x):
            "Documented."
            self.x = x

    class B:
        @auto_init()
        def __init__(self, x):
            self.x = x

    b = B(2)
    """
WRAPS = {"with wraps": "@functools.wraps(init)", "plain": "# nothing"}


@pytest.mark.parametrize("wraps", WRAPS.values(), ids=WRAPS)
def test_a_docstring_in_a_decorator_reruns_nothing(
    project: Project, wraps: str
) -> None:
    project.start({"deco.py": DECORATOR.format(wraps=wraps), "main.py": MODELS})
    report = project.edit("deco.py", '"""What it does."""', '"""Initializes."""')
    assert ran(report) == []
    assert report.patched == ["deco:auto_init.<locals>.decorator.<locals>.wrapper"]


@pytest.mark.parametrize("wraps", WRAPS.values(), ids=WRAPS)
def test_a_docstring_comes_and_goes(project: Project, wraps: str) -> None:
    project.start({"deco.py": DECORATOR.format(wraps=wraps), "main.py": MODELS})
    # instructions are the same: only the constant goes
    assert ran(project.edit("deco.py", '"""What it does."""\n', "# none\n")) == []
    assert ran(project.edit("deco.py", "# none\n", '"""Back."""\n')) == []
    project.edit("deco.py", "init(self, *args)", "init(self, *args[:1])")


def test_a_helper_s_docstring_leaves_its_callers(project: Project) -> None:
    helper = 'def f(x):\n    "Old."\n    return [y for y in (lambda: x)()]\n'
    main = "from a import f\nx = f('ab')\nheld = {f: f}\n"
    project.start({"a.py": helper, "main.py": main})
    report = project.edit("a.py", "Old.", "New.")
    assert (ran(report), report.patched) == ([], ["a:f"])
    assert ran(project.edit("a.py", "    'New.'\n".replace("'", '"'), "")) == []
    report = project.save({"a.py": helper.replace("(lambda: x)()", "(lambda: 'z')()")})
    assert "main: x = f('ab')" in ran(report)
    assert project.eval("main.f.__doc__, main.x") == ("Old.", ["z"])


LOOKS = {
    "an attribute": "text = f.__doc__",
    "getattr": "text = getattr(f, '__doc__')",
    "a library": "import inspect\ntext = [inspect.getdoc(f)]",
    "wraps": "import functools\ntext = functools.wraps(f)(lambda: 1)",
    "a property": "text = property(f)",
    "a cached property": "import functools\ntext = functools.cached_property(f)",
    "a static method": "text = vars(staticmethod(f))",
    "a method": "class C:\n    m = f\ntext = C().m.__doc__",
    "a function": "def look(g):\n    return g.__doc__\ntext = look(f)",
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_who_has_looked_at_a_docstring_runs(project: Project, look: str) -> None:
    source = 'def f(self=1):\n    "Old."\nspare = [9]\n'
    project.start({"a.py": source, "main.py": f"from a import f\n{look}\nlast = [1]\n"})
    report = project.edit("a.py", "Old.", "New.")
    assert [s.partition(" = ")[0] for s in ran(report)] == ["main: text"]
    assert "docstring" in reasons(report)[ran(report)[0]] or look.endswith("f.__doc__")
    assert project.eval("main.f.__doc__") == "New."


def test_who_looks_in_code_that_was_hot_before_runs(project: Project) -> None:
    look = "def look(g):\n    return g.__doc__\n"
    main = 'from look import look\ndef f():\n    "Old."\n'
    project.start({"look.py": look, "main.py": main})
    project.exec("import main\nfor _ in range(5000): main.look(main.f)")
    project.save({"b.py": "import main\nx = [main.look(main.f)]\n"})
    project.save({"main.py": main + "x = [look(f)]\n"})
    project.edit("main.py", "Old.", "New.")
    assert project.eval("main.x") == ["New."]


OWN = {
    "functools.cache": "import functools\n@functools.cache\ndef f():\n    'old'\n",
    "a property": "class C:\n    @property\n    def f(self):\n        'old'\n",
    "a class method": "class C:\n    @classmethod\n    def f(self):\n        'old'\n",
    "kept": "def keep(g):\n    g.text = g.__doc__\n    return g\n"
    "@keep\ndef f():\n    'old'\n",
    "replaced": "def keep(g):\n    g.__doc__ = 'old'\n    return g\n"
    "@keep\ndef f():\n    'old' 's'\n",
    "replaced by as much": "def keep(g):\n    g.__doc__ = 'older'\n    return g\n"
    "@keep\ndef f():\n    'old' 'er'\n",
    "both": "class C:\n    x = 1\n    @property\n    def f(self):\n        'old'\n",
    "cached_property": "import functools\nclass C:\n    @functools.cached_property\n"
    "    def f(self):\n        'old'\n",
}


@pytest.mark.parametrize("source", OWN.values(), ids=OWN)
def test_what_was_made_of_a_docstring_follows(project: Project, source: str) -> None:
    project.start({"main.py": f"{source}last = [1]\n"})
    at = source.rindex("    'old'")
    edited = f"{source[:at]}    'new'{source[at + 9 :]}"
    assert "last" not in str(ran(project.save({"main.py": f"{edited}last = [1]\n"})))
    edited = edited.replace("x = 1", "x = 2\n    y = 1")
    project.save({"main.py": f"{edited.replace('new', 'newer')}last = [1]\n"})


def test_a_method_s_docstring_is_patched(project: Project) -> None:
    source = 'class C:\n    x = 1\n    def f(self):\n        "Old."\n\nheld = [C()]\n'
    project.start({"main.py": source})
    report = project.edit("main.py", "Old.", "New.")
    assert (ran(report), report.patched) == ([], ["main:C.f"])
    report = project.save({"main.py": source.replace("x = 1", "x = 2")})
    assert settled(project, "main.held[0].f.__doc__") == "Old."


def test_a_docstring_goes_back_with_a_failed_edit(project: Project) -> None:
    source = 'def f():\n    "Old."\n'
    project.start({"main.py": source})
    report = project.save({"main.py": source.replace("Old", "New") + "1 / 0\n"})
    assert report.error
    assert project.eval("main.f.__doc__") == "Old."
    project.save({"main.py": source.replace("Old", "Newer")})
    assert project.eval("main.f.__doc__") == "Newer."
