"""`__subclasses__()` is a read of which subclasses there are, at that place."""

from __future__ import annotations

import pytest

from .harness import Project, expect, ran

BASE = "class P:\n    pass\n\nclass Q:\n    pass\n"
ONE = "from base import P\n\nclass A(P):\n    x = 'a'\n"
TWO = "from base import P\n\nclass B(P):\n    x = 'b'\n"
MAIN = """
    import one, two
    from base import P, Q
    ALL = [c.x for c in P.__subclasses__()]
    NONE = Q.__subclasses__()
    other = [1]

    def get_all():
        return [c.x for c in P.__subclasses__()]
    """
FILES = {"base.py": BASE, "one.py": ONE, "two.py": TWO, "main.py": MAIN}
ALL = "main: ALL = [c.x for c in P.__subclasses__()]"
NONE = "main: NONE = Q.__subclasses__()"


def test_an_edited_subclass_reruns_who_lists_its_base(project: Project) -> None:
    project.start(FILES)
    report = project.edit("one.py", "x = 'a'", "x = ['a']")
    assert ran(report) == ["one: class A", ALL]
    assert project.eval("main.ALL") == [["a"], "b"]
    assert project.eval("main.get_all()") == [["a"], "b"]
    report = project.edit("two.py", "x = 'b'", "x = ['b']")
    assert project.eval("main.ALL") == [["a"], ["b"]]


def test_a_new_subclass_and_one_that_goes(project: Project) -> None:
    project.start(FILES)
    report = project.edit(
        "one.py", "x = 'a'\n", "x = 'a'\n\nclass C(P):\n    x = 'c'\n"
    )
    expect(report, ["one: class C", ALL])
    assert project.eval("main.ALL") == ["a", "c", "b"]
    assert project.eval("main.get_all()") == ["a", "c", "b"]
    report = project.edit("one.py", "\nclass C(P):\n    x = 'c'\n", "")
    expect(report, [ALL])
    assert project.eval("main.get_all()") == ["a", "b"]
    report = project.edit("main.py", "other = [1]", "class D(Q):\n    pass")
    expect(report, ["main: class D"])  # comes after who lists them
    assert project.eval("main.NONE") == []


def test_who_lists_another_class_stays(project: Project) -> None:
    project.start(FILES)
    report = project.edit("two.py", "x = 'b'", "x = ['z']")
    assert NONE not in ran(report)
    report = project.edit("two.py", "class B(P)", "class Z(P)")
    assert NONE not in ran(report)
    report = project.edit("one.py", "import P", "import P, Q", check=True)
    assert ALL not in ran(report)


DYNAMIC = {
    "a class method": (
        "class P:\n    @classmethod\n    def all(cls):\n"
        "        return [c.x for c in cls.__subclasses__()]\n",
        "P.all()",
    ),
    "a function that goes down": (
        "class P:\n    pass\n\ndef walk(cls):\n    for c in cls.__subclasses__():\n"
        "        yield c.x\n        yield from walk(c)\n",
        "list(walk(P))",
    ),
    "type's own method": (
        "class P:\n    pass\n",
        "[c.x for c in type.__subclasses__(P)]",
    ),
}


@pytest.mark.parametrize("case", DYNAMIC.values(), ids=DYNAMIC)
def test_a_class_that_only_the_run_knows(project: Project, case: tuple) -> None:
    base, call = case
    main = f"""
        from base import *
        import one
        ALL = {call}

        def get_all():
            return {call}
        """
    project.start({"base.py": base, "one.py": ONE, "main.py": main})
    project.edit("one.py", "x = 'a'", "x = ['z']")
    assert project.eval("main.ALL") == [["z"]]
    project.edit("one.py", "x = ['z']\n", "x = ['z']\n\nclass B(A):\n    x = 'b'\n")
    project.edit("one.py", "x = 'b'", "x = ['c']")


def test_classes_made_in_a_function(project: Project) -> None:
    project.start(
        {
            "main.py": """
                class P:
                    pass

                def make(n):
                    class Made(P):
                        x = n
                    return Made

                kinds = [make(i) for i in range(2)]
                more = type("More", (P,), {"x": 7})
                ALL = [c.x for c in P.__subclasses__()]

                def get_all():
                    return [c.x for c in P.__subclasses__()]
                """
        }
    )
    project.edit("main.py", "range(2)", "range(3)")
    assert project.eval("main.ALL") == [0, 1, 2, 7]
    project.edit("main.py", '{"x": 7}', '{"x": 8}')
    assert project.eval("main.get_all()") == [0, 1, 2, 8]


def test_a_failed_edit_leaves_the_subclasses_as_they_were(project: Project) -> None:
    project.start(FILES)
    old = project.eval("main.get_all()")
    report = project.edit("one.py", "x = 'a'", "x = ['a']\n\n1 / 0")
    assert report.error
    assert project.eval("main.get_all()") == old
    project.edit("one.py", "\n\n1 / 0", "")
    assert project.eval("main.get_all()") == [["a"], "b"]


def test_an_old_class_that_is_held_is_not_listed(project: Project) -> None:
    project.start(FILES)
    project.exec("import one; held = one.A")
    project.edit("one.py", "x = 'a'", "x = ['a']")
    assert project.eval("main.get_all()") == [["a"], "b"]
    assert project.eval("held.x") == "a"


def test_a_walk_that_is_begun_again_is_no_import_that_failed(project: Project) -> None:
    """The class was taken for the doing of who imports its module (seed 3034182)."""
    m1 = "from m2 import C1, C8\nclass C10(C8): pass\n"
    one = "import m1\ndef f(): pass\n"
    m2 = "from sub import *\nclass C7(C1): pass\nC1.extra = 1\nclass C8(C7): pass\n"
    project.start(
        {
            "sub.py": "class C1: pass\n",
            "m2.py": m2,
            "m1.py": m1,
            "one.py": one,
            "main.py": "from one import f\n",
        }
    )
    listed = "class C12(C10): pass\nl = [c.__name__ for c in C10.__subclasses__()]\n"
    report = project.save({"m1.py": m1 + listed})
    assert ran(report)[0] == "m1: class C12"
    assert project.eval("sys.modules['m1'].l") == ["C12"]
