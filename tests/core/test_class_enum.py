# ruff: noqa: E501 (tables of programs, one a line)
"""Members of enums stay the same objects over every edit that keeps their names."""

from __future__ import annotations

import pytest

from .harness import Project, ran

COLORS = """
    import enum

    class Color(enum.Enum):
        RED = 1
        BLUE = 2
        CRIMSON = 1

        def shown(self):
            return self.name.lower()
    """
MAIN = """
    from colors import Color

    default = Color.RED
    value = default.value
    pair = (getattr(Color, "BLUE", Color.RED), 1)
    second = pair[0].value
    names = [c.name for c in Color]
    other = [1]

    def get_shown():
        return [c.shown() for c in Color], default.value, Color(default.value).name
    """
FILES = {"colors.py": COLORS, "main.py": MAIN}
KEEP = """
    import main
    kept = dict(main.Color.__members__)
    table = {member: name for name, member in kept.items()}
    del main
    """
SAME = "[n for n in kept if n not in main.Color.__members__ or kept[n] is not main.Color[n]]"

EDITS = {
    "a value": ("RED = 1", "RED = 10", ["CRIMSON"]),
    "a new member": ("BLUE = 2", "BLUE = 2\n    GREEN = 3", []),
    "a member gets another name": ("BLUE = 2", "GREEN = 2", ["BLUE"]),
    "order": ("RED = 1\n    BLUE = 2", "BLUE = 2\n    RED = 1", []),
    "a method": ("self.name.lower()", "self.name.title() + self.name", []),
    "a new method": ("    def shown", "    def more(self):\n        return 1\n\n    def shown", []),
    "auto": ("BLUE = 2", "BLUE = enum.auto()", []),
    "an alias goes": ("CRIMSON = 1", "CRIMSON = 7", ["CRIMSON"]),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS.values(), ids=EDITS)
def test_members_stay_the_same_objects(project: Project, case: tuple) -> None:
    old, new, others = case
    project.start(FILES)
    project.exec(KEEP)
    report = project.edit("colors.py", old, new)
    assert "main: other = [1]" not in ran(report)
    assert sorted(project.eval(SAME)) == sorted(others)
    assert project.eval("all(m.name in (table[m], 'RED') for m in table)")
    project.edit("colors.py", new, old)
    assert project.eval("kept['RED'] is main.Color.RED is main.Color(1)")
    assert project.eval("isinstance(kept['RED'], main.Color)")


OTHERS = {
    "IntEnum": ("enum.IntEnum", "1", "2"),
    "StrEnum": ("enum.StrEnum", "'a'", "'b'"),
    "Flag": ("enum.Flag", "1", "2"),
    "IntFlag": ("enum.IntFlag", "1", "2"),
    "a tuple": ("enum.Enum", "(1, 'a')", "(2, 'b')"),
    "auto": ("enum.Enum", "enum.auto()", "enum.auto()"),
}


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_enums_of_every_kind_keep_their_members(project: Project, case: tuple) -> None:
    base, a, b = case
    source = (
        f"import enum\n\nclass E({base}):\n    A = {a}\n    B = {b}\n\nheld = [E.A]\n"
    )
    project.start({"main.py": source})
    project.exec("import main; kept, pickle = main.E.A, __import__('pickle')")
    project.edit(
        "main.py", f"B = {b}", f"B = {b}\n\n    def f(self):\n        return 1\n"
    )
    assert project.eval("kept is main.E.A is main.held[0] and kept.f()") == 1
    assert project.eval("pickle.loads(pickle.dumps(kept)) is kept")
    assert project.eval("kept in main.E and main.E(kept.value) is kept")


def test_a_member_that_is_hidden_by_a_base_stays(project: Project) -> None:
    source = """
        import enum

        class Base(enum.Enum):
            @property
            def label(self):
                return [self.value, self.name]

        class E(Base):
            label = 1
            name_ = 2
        """
    project.start({"main.py": source})
    project.exec("import main; kept = main.E['label']")
    project.edit("main.py", "name_ = 2", "name_ = 3")
    assert project.eval("kept is main.E['label'] is main.E.label")


def test_a_failed_edit_leaves_the_members(project: Project) -> None:
    project.start(FILES)
    project.exec(KEEP)
    before = project.read("colors.py")
    broken = before.replace("RED = 1", "RED = 5").replace("BLUE", "GREEN")
    report = project.save({"colors.py": broken + "\n1 / 0\n"})
    assert report.error
    assert project.eval("kept['RED'].value, type(kept['RED']) is main.Color") == (
        1,
        True,
    )
    report = project.save({"colors.py": broken.replace("GREEN", "BLUE")}, check=False)
    assert report.error is None
    assert project.eval("kept['RED'] is main.Color.RED and kept['RED'].value") == 5


def test_whoever_used_a_member_runs_when_its_value_changes(project: Project) -> None:
    project.start(FILES)
    report = project.edit("colors.py", "BLUE = 2", "BLUE = 20")
    assert "main: second = pair[0].value" in ran(report)
    assert project.eval("main.second") == 20
    report = project.edit("colors.py", "RED = 1", "RED = 10")
    assert project.eval("main.value") == 10
