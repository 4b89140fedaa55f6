"""What methods and cached properties remember, in statements and by requests."""

from __future__ import annotations

import pytest

from .harness import Project

KINDS = {
    "a cached method": "@functools.lru_cache(maxsize=None)\n    def get(self):",
    "a cached static method": "@staticmethod\n    @functools.cache\n"
    "    def get(self=None):",
    "a cached class method": "@classmethod\n    @functools.cache\n    def get(cls):",
    "a cached_property": "@functools.cached_property\n    def get(self):",
}


def program(kind: str) -> dict[str, str]:
    call = "" if kind == "a cached_property" else "()"
    return {
        "a.py": "X = 1\n",
        "s.py": "import functools\nfrom a import X\n\ndef help():\n    return X\n\n"
        f"class S:\n    {KINDS[kind]}\n        return ['old', help()]\n\ns = S()\n",
        "first.py": f"from s import s\nx = s.get{call}\n",
        "main.py": "from s import s, S\n"
        f"import first\ny = s.get{call}\ndef get_it():\n    return s.get{call}\n",
        "quiet.py": f"from s import s\ndef get_it():\n    return s.get{call}\n",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_statements_see_what_is_new(project: Project, kind: str) -> None:
    project.start(program(kind))
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("main.y, first.x") == (["old", 2], ["old", 2])
    project.edit("s.py", "old", "new")
    assert project.eval("main.y, first.x") == (["new", 2], ["new", 2])
    assert project.eval("main.get_it()") == ["new", 2]


@pytest.mark.parametrize("kind", KINDS)
def test_requests_see_what_is_new(project: Project, kind: str) -> None:
    project.start(program(kind), "quiet")
    assert project.eval("quiet.get_it()") == ["old", 1]
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("quiet.get_it()") == ["old", 2]
    project.edit("s.py", "old", "new")
    assert project.eval("quiet.get_it()") == ["new", 2]
    project.edit("s.py", "['new', help()]", "('new', help(), 1)")
    assert project.eval("quiet.get_it()") == ("new", 2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_concern_it_leaves_it(project: Project, kind: str) -> None:
    project.start(program(kind), "quiet")
    project.exec("import quiet; held = quiet.get_it()")
    project.edit("s.py", "s = S()", "s = S()\nt = 1")
    assert project.eval("held is quiet.get_it()")


MORE = {
    "an abstract class": "import abc, functools\nfrom a import X\nclass S(abc.ABC):\n"
    "    @functools.cached_property\n    def get(self):\n        return [X]\n",
    "a property of a cache": "import functools\nfrom a import X\nclass S:\n"
    "    @property\n    @functools.cache\n    def get(self):\n        return [X]\n",
    "another method": "import functools\nfrom a import X\nclass S:\n"
    "    @functools.cached_property\n    def get(self):\n        return self.inner()\n"
    "    def inner(self):\n        return [X]\n",
    "a subclass": "import functools\nfrom a import X\nclass B:\n"
    "    @functools.cached_property\n    def get(self):\n        return [X]\n"
    "class S(B):\n    pass\n",
    "a pydantic model": "import functools, pydantic\nfrom a import X\n"
    "class S(pydantic.BaseModel):\n"
    "    @functools.cached_property\n    def get(self):\n        return [X]\n",
}


@pytest.mark.parametrize("kind", MORE)
def test_requests_see_what_is_new_behind(project: Project, kind: str) -> None:
    quiet = "from s import S\ns = S()\ndef get_it():\n    return s.get\n"
    project.start({"a.py": "X = 1\n", "s.py": MORE[kind], "quiet.py": quiet}, "quiet")
    assert project.eval("quiet.get_it()") == [1]
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("quiet.get_it()") == [2]
    project.edit("s.py", "return [X]", "return [X, 'new']")
    assert project.eval("quiet.get_it()") == [2, "new"]


def test_a_new_statement_is_not_told_what_a_request_was(project: Project) -> None:
    """And depends on what that was computed from."""
    project.start(program("a cached_property"), "quiet")
    project.eval("quiet.get_it()")
    text = project.read("quiet.py")
    project.save({"a.py": "X = 2\n", "quiet.py": text + "y = s.get\n"})
    assert project.eval("quiet.y") == ["old", 2]


def test_a_statement_that_found_what_a_request_had_computed(project: Project) -> None:
    project.start(program("a cached_property"), "quiet")
    project.eval("quiet.get_it()")
    project.save({"quiet.py": project.read("quiet.py") + "y = s.get\n"})
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("quiet.y") == ["old", 2]


def test_a_cache_that_has_no_name(project: Project) -> None:
    main = """
        import functools
        from a import X

        def get():
            return [X]

        CACHES = {"get": functools.lru_cache(get)}
        x = CACHES["get"]()

        def again():
            return CACHES["get"]()

        y = again()
        """
    project.start({"a.py": "X = 1\n", "main.py": main})
    project.edit("a.py", "X = 1", "X = 2")
    assert project.eval("main.x, main.y") == ([2], [2])


SERVICE = """
    import functools
    from a import X

    class S:
        @functools.cached_property
        def get(self) -> X:
            return [X]

        @property
        def all(self) -> int:
            return [self.get]
    """


def test_a_class_with_a_cached_property_is_patched(project: Project) -> None:
    """Its instances stay, without what was computed from what has changed."""
    quiet = "from s import S\ns = S()\ndef get_it():\n    return s.all\n"
    project.start({"a.py": "X = 1\n", "s.py": SERVICE, "quiet.py": quiet}, "quiet")
    project.exec("import quiet; quiet.get_it(); held = quiet.s")
    report = project.edit("a.py", "X = 1", "X = 2")
    assert report.patched == ["s:class S"]
    assert project.eval("quiet.get_it()") == [[2]]
    project.edit("s.py", "X:\n        return [X]", "str:\n        return X")
    assert project.eval("quiet.get_it()") == [2]
    assert project.eval("held is quiet.s")
    report = project.edit("s.py", "def all(self) -> int", "def all(self)")
    assert report.patched == ["s:class S"]
    report = project.edit("s.py", "@property", "@functools.cached_property")
    assert project.eval("quiet.get_it(), quiet.get_it()") == ([2], [2])


def test_a_failed_edit_leaves_it(project: Project) -> None:
    project.start(program("a cached_property"), "quiet")
    project.exec("import quiet; held = quiet.get_it()")
    project.save({"a.py": "X = 2\n1 / 0\n"})
    assert project.eval("held is quiet.get_it()")


@pytest.mark.parametrize(
    "head",
    ["import abc\nclass C(abc.ABC):\n", "import typing\nclass C(typing.Protocol):\n"],
)
def test_a_variable_concerns_no_class_of_the_interpreters(
    project: Project, head: str
) -> None:
    """Only what a library's metaclass makes may ask for variables in secret."""
    text = (
        f"{head}    x = 1\n\n\nclass D(C):\n    pass\n\n\nimport functools\nclass O:\n"
        "    @functools.cached_property\n    def made(self):\n        return D()\n\n\n"
        "o = O()\ny = o.made.x\n"
    )
    project.start({"main.py": text})
    project.save({"main.py": f"import os\nos.environ['HMR_A'] = '1'\n{text}"})
    assert project.eval("list(vars(main.o))") == ["made"]
