"""Programs that the random oracle found (soak.py), reduced."""

from __future__ import annotations

from .harness import Project, ran


def test_a_failed_edit_keeps_the_annotations_of_a_module_with_annotated_classes(
    project: Project,
) -> None:
    """A class body's annotations go by the same name as the module's."""
    project.start(
        {
            "a.py": "V = 1\n",
            "b.py": "class C:\n    limit: int\nx: int = 5\n",
            "main.py": "from a import V\nimport b\n",
        }
    )
    report = project.save({"a.py": "", "main.py": "from a import V\n"})
    assert report.error


def test_a_namespace_package_becomes_a_module(project: Project) -> None:
    project.start({"pkg/sub/one.py": "X = 1\n", "main.py": "import pkg.sub\n"})
    project.save({"pkg/sub.py": "X = 2\n", "main.py": "from pkg.sub import X\n"})
    assert project.eval("main.X") == 2


def test_a_cached_function_reads_what_its_lambdas_read(project: Project) -> None:
    project.start(
        {
            "a.py": "V = 1\n",
            "main.py": """
                import functools
                from a import V

                @functools.cache
                def f():
                    return [(lambda: V)(), [V for _ in "a"], (V for _ in "a")]

                x = f()[:2]
                y = f()[:2]
                """,
        }
    )
    report = project.edit("a.py", "V = 1", "V = 2")
    assert "main: x = f()[:2]" in ran(report)
    assert project.eval("main.y") == [2, [2]]


def test_a_circular_importer_misses_a_name_that_is_bound_later(
    project: Project,
) -> None:
    """b reads a.f while a is imported; that a has it in the end does not help."""
    files = {
        "b.py": "from a import f\n",
        "a.py": "def f(): return 1\nfrom b import f\n",
        "main.py": "import a\n",
    }
    project.start(files)
    report = project.save({"a.py": "from b import f\n"})
    assert report.error
    assert project.save({"a.py": files["a.py"]}).error is None


def test_a_circular_importer_reads_what_is_bound_before_it(project: Project) -> None:
    project.start(
        {
            "b.py": "import a\nx = a.x\n",
            "a.py": "x = 1\nimport b\nx = 2\n",
            "main.py": "import a\n",
        }
    )
    report = project.edit("a.py", "x = 1", "x = 5")
    assert ran(report) == ["a: x = 5", "b: x = a.x"]


def test_an_annotation_that_was_replaced_comes_back(project: Project) -> None:
    project.start({"main.py": "x: int = 1\ny: int = 2\nx: str = 'a'\n"})
    project.save({"main.py": "x: int = 1\ny: int = 2\n"})


def test_an_annotation_goes_with_a_value_that_is_imported(project: Project) -> None:
    main = "from a import V\ny: int = 1\nif V:\n    x: int = 1\nelse:\n    z: int = 2\n"
    project.start({"a.py": "V = 1\n", "main.py": main})
    project.edit("a.py", "1", "0")
    project.edit("a.py", "0", "1 / 0")
    project.edit("a.py", "1 / 0", "1")


def test_a_type_alias_of_a_class_below_it_follows_the_class(project: Project) -> None:
    """Its value was computed when it was asked for, and is kept."""
    project.start(
        {
            "main.py": """
                type A = list[C]
                type B = list[int]

                class C:
                    limit = 2

                x = 1

                def get_a():
                    return A.__value__, B.__value__, C
                """
        }
    )
    report = project.edit("main.py", "limit = 2", "limit = [2]")
    assert sorted(ran(report)) == ["main: class C", "main: type A = list[C]"]


def test_an_attribute_of_the_class_is_read_before_it_is_stored_into(
    project: Project,
) -> None:
    """By way of an instance, and in another module."""
    project.start(
        {
            "m.py": "class C:\n    limit = 0.5\nitems = []\nitems.append(1)\ni = C()\n",
            "a.py": "from m import items, i\n",
            "b.py": "from m import items, C\n",
            "main.py": "from a import *\nfrom b import items\n",
        }
    )
    project.save(
        {
            "a.py": "from m import items, i\nx = (i.limit, 2)\n",
            "b.py": "from m import items, C\ny = 3\nC.limit = y\n",
        }
    )
    assert project.eval("main.x") == (0.5, 2)
