"""What developers' tools see of tracked and of patched code: coverage, pickle, inspect,
tracing functions, exceptions."""

from __future__ import annotations

import pytest

from .harness import Project, ran

SHOP = """
    def price(count):
        if count > 10:
            return count * 2
        return count


    class Item:
        def __init__(self, name):
            self.name = name

        def label(self):
            return "<" + self.name + ">"
    """


def test_coverage_of_code_that_was_edited(project: Project) -> None:
    """Lines of the present text, whether the function was patched or only moved."""
    project.start({"shop.py": SHOP, "main.py": "import shop\n"})
    project.exec("""
        import builtins, coverage
        builtins.watch = coverage.Coverage(data_file=None)
        watch.start()
        main.shop.price(1)
        """)
    # Unchecked: coverage registers an exit function, a cold start does not.
    old, new = "return count\n", "count += 1\n    return count\n"
    report = project.edit("shop.py", old, new, check=False)
    assert (ran(report), report.patched) == ([], ["shop:price"])
    project.edit("shop.py", "\ndef price", "# moved\n\ndef price", check=False)
    project.exec("""
        watch.stop()
        watch.erase()
        watch.start()
        main.shop.price(1), main.shop.Item("x").label()
        watch.stop()
        """)
    path = project.root / "shop.py"
    text = path.read_text().splitlines()
    lines = project.eval(f"sorted(watch.get_data().lines({str(path)!r}))")
    assert [text[line - 1].strip() for line in lines] == [
        "if count > 10:",
        "count += 1",
        "return count",
        "self.name = name",
        'return "<" + self.name + ">"',
    ]


def test_pickles_of_before_and_after_an_edit(project: Project) -> None:
    project.start(
        {"shop.py": SHOP, "main.py": "from shop import Item, price\nitem = Item('x')\n"}
    )
    project.exec("import builtins, pickle\nbuiltins.old = pickle.dumps(main.item)")
    for old, new in [('"<"', '"["'), ("count * 2", "count * 3")]:
        # Unchecked: pickle notes __slotnames__ in the class.
        project.edit("shop.py", old, new, check=False)
        for value in ("main.item", "main.Item", "main.price"):
            project.eval(f"bool(pickle.loads(pickle.dumps({value})))")
        assert project.eval("type(pickle.loads(old)) is main.Item")
        assert project.eval("pickle.loads(pickle.dumps(main.item)).label()") == "[x>"


def test_a_trace_function_sees_the_lines_of_the_present_text(project: Project) -> None:
    project.start({"shop.py": SHOP, "main.py": "import shop\n"})
    project.edit("shop.py", "return count\n", "count += 1\n    return count\n")
    project.exec("""
        import builtins, sys
        builtins.lines = []

        def trace(frame, event, arg):
            if event == "line":
                lines.append(frame.f_lineno)
            return trace

        sys.settrace(trace)
        main.shop.price(1)
        sys.settrace(None)
        """)
    text = project.read("shop.py").splitlines()
    seen = [text[line - 1].strip() for line in project.eval("lines")]
    assert seen == ["if count > 10:", "count += 1", "return count"]


@pytest.mark.parametrize("name", ["price", "Item", "Item.label"])
def test_the_source_that_inspect_shows(project: Project, name: str) -> None:
    project.start({"shop.py": SHOP, "main.py": "import shop\n"})
    project.exec("import builtins, inspect\nbuiltins.inspect = inspect")
    edits = [("\ndef price", "# one\n\ndef price"), ('"<"', '"["'), ("* 2", "* 3")]
    for old, new in edits:
        project.edit("shop.py", old, new)
        source = project.eval(f"inspect.getsource(main.shop.{name})")
        assert source in project.read("shop.py")
        assert f" {name.rpartition('.')[2]}" in source.splitlines()[0]
        lines, first = project.eval(f"inspect.getsourcelines(main.shop.{name})")
        there = project.read("shop.py").splitlines(keepends=True)
        assert there[first - 1 : first - 1 + len(lines)] == lines


def test_the_traceback_of_a_patched_function_underlines_the_present_text(
    project: Project,
) -> None:
    project.start({"shop.py": SHOP, "main.py": "import shop\n"})
    project.edit("shop.py", "\ndef price", "# moved\n\ndef price")
    project.edit("shop.py", "return count * 2", "return (count * 2) / (count - count)")
    project.exec("""
        import builtins, traceback
        try:
            main.shop.price(11)
        except ZeroDivisionError:
            builtins.text = traceback.format_exc()
        """)
    lines = project.eval("text").splitlines()
    at = lines.index("    return (count * 2) / (count - count)")
    assert lines[at + 1].strip() == "~~~~~~~~~~~~^~~~~~~~~~~~~~~~~"
    number = project.read("shop.py").splitlines().index(" " * 8 + lines[at].strip())
    assert f"line {number + 1}, in price" in lines[at - 1]
