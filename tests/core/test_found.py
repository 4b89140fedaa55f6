# ruff: noqa: E501 (programs, one a line)
"""Programs that the random oracle found (soak.py), reduced."""

from __future__ import annotations

import pytest

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


def test_a_module_with_a_type_alias_goes_with_the_class_that_it_names(
    project: Project,
) -> None:
    """The alias would have to run again, and its module is walked no more."""
    project.start(
        {
            "a.py": "class C: ...\n",
            "b.py": "from a import C\ntype A = list[C]\n",
            "main.py": "from b import A\n",
        }
    )
    project.save({"a.py": "", "b.py": None, "main.py": ""})


def test_a_cached_function_in_front_of_a_dynamic_import_is_edited_around(
    project: Project,
) -> None:
    cached = "import functools\n@functools.cache\ndef f():\n    return [0]\n"
    use = "from a import dyn1 as v\n"
    project.start(
        {
            "a.py": "def __getattr__(name):\n    if name == 'dyn1':\n"
            "        return [name]\n    raise AttributeError(name)\n",
            "b.py": f"{cached}p = (0.5, -0.0)\n{use}",
            "main.py": "try:\n    from b import f, p, v\nexcept ImportError:\n"
            "    f = None\n",
        }
    )
    project.save({"b.py": f"{cached}p = (0.5, -0.1)\n{use}"})


def test_a_partial_of_a_cached_function_is_computed_anew(project: Project) -> None:
    start = "x = 3\nclass Error(Exception): ...\n"
    project.start(
        {
            "a.py": f"{start}def g():\n    raise Error\n",
            "b.py": """
                import functools
                from a import *

                @functools.cache
                def f():
                    try:
                        return [x, g()]
                    except Error:
                        return [0]
                """,
            "main.py": """
                from b import f
                p = __import__("functools").partial(f)
                v = p()
                """,
        }
    )
    project.save({"a.py": f"{start}def g():\n    return x\n"})
    assert project.eval("main.v") == [3, 3]


def test_a_request_that_imports_a_broken_module_gets_the_error(
    project: Project,
) -> None:
    project.start({"one.py": "", "main.py": ""})
    project.save(
        {
            "one.py": "def f(:\n",
            "main.py": "def get_x():\n    from one import v\n    return v\n",
        }
    )


def test_a_module_that_only_a_failing_import_had_imported_first_comes_back(
    project: Project,
) -> None:
    """In its new place of the cold order, with what it imports."""
    project.start(
        {
            "plain.py": "from cyclic import p\n",
            "tries.py": "try:\n    from plain import C\nexcept ImportError:\n"
            "    C = None\n",
            "inner.py": "X = 1\n",
            "late.py": "import inner\n",
            "cyclic.py": "import late\nfrom tries import nosuch\n",
            "main.py": "import tries\nimport late\n",
        }
    )
    project.save({"plain.py": "", "cyclic.py": ""})


def test_what_a_modules_getattr_makes_is_its_importers_creation(
    project: Project,
) -> None:
    project.start(
        {
            "a.py": "def __getattr__(name):\n    if name == 'made':\n"
            "        return []\n    raise AttributeError(name)\n",
            "b.py": "from a import made\nmade.append(1)\n",
            "main.py": "from b import made\n",
        }
    )
    report = project.edit("b.py", "append(1)", "append(2)")
    assert ran(report) == [
        "b: from a import made",
        "b: made.append(2)",
        "main: from b import made",
    ]


def test_a_list_in_a_dict_in_a_list_is_part_of_the_dict(project: Project) -> None:
    project.start(
        {
            "a.py": "V = 1\n",
            "main.py": """
                from a import V
                page = {"items": []}
                pages = [page]
                pages[0]["items"].append(V)
                """,
        }
    )
    report = project.edit("a.py", "V = 1", "V = 2")
    assert "main: page = {'items': []}" in ran(report)


def test_an_import_by_name_above_what_a_cycle_needs_fails(project: Project) -> None:
    project.start(
        {
            "sub.py": "v = [1]\nfrom deep import x\n",
            "deep.py": "from sub import v\nx = 2\n",
            "main.py": "import sub\n",
        }
    )
    by_name = "k = __import__('importlib').import_module('deep')\n"
    report = project.save({"sub.py": f"{by_name}v = [1]\nfrom deep import x\n"})
    assert report.error


def test_a_class_in_an_edited_class_that_has_moved_has_its_new_line(
    project: Project,
) -> None:
    text = (
        "class Outer:\n    limit = 3\n\n    class Inner:\n        own = 0.5\n\n"
        "        def show(self):\n            return self.own\n"
    )
    project.start({"main.py": text})
    project.save({"main.py": f"\n# a comment\n{text}    extra = 9\n"})
    report = project.edit("main.py", "extra = 9", "extra = 10")
    assert ran(report) == ["main: class Outer"]


def test_a_failed_import_leaves_the_subclasses_that_there_were(
    project: Project,
) -> None:
    classes = "class Base:\n    pass\nclass One(Base):\n    limit = 6\n"
    limits = "limits = [c.limit for c in Base.__subclasses__()]\n"
    main = "from two import limits\n"
    project.start({"two.py": classes + limits, "main.py": main})
    assert project.save({"two.py": classes + "limits = missing\n"}).error
    project.save({"two.py": classes + limits, "main.py": f"{main}x = 1\n"})
    assert project.eval("main.limits") == [6]


def test_a_module_that_comes_in_later_than_it_did_runs_there(project: Project) -> None:
    """Its import had failed within a statement that imports something else now."""
    caught = "try:\n    from {} import {}\nexcept ImportError:\n    {} = None\n"
    tried = caught.format("outer", "C", "C")
    project.start(
        {
            "outer.py": "from inner import p\n",
            "inner.py": "from low import p, x\n",
            "low.py": "",
            "top.py": tried,
            "main.py": "import top\n",
        }
    )
    project.save(
        {
            "outer.py": "",
            "inner.py": "",
            "low.py": caught.format("top", "D, C, nosuch", "D") + "p = x = 2\n",
            "top.py": f"{tried}class D:\n    pass\n",
            "main.py": "import top\nfrom low import p, x\n",
        }
    )
    assert project.eval("list(vars(sys.modules['low']))[-4:]") == ["D", "C", "p", "x"]


def test_a_submodule_that_its_package_imported_first_is_missed(
    project: Project,
) -> None:
    project.start(
        {
            "pkg/__init__.py": "from . import sub\n",
            "pkg/sub.py": "",
            "main.py": "for name in ('pkg.sub', 'json'):\n    __import__(name)\n",
        }
    )
    report = project.save({"pkg/__init__.py": "", "pkg/sub.py": None})
    assert report.error


def test_a_class_that_comes_back_by_an_import_has_its_new_line(
    project: Project,
) -> None:
    text = "class D:\n    x = 1\n"
    files = {"other.py": "", "m.py": text, "main.py": "import m\n"}
    project.start(files)
    files["other.py"] = "from m import *\n"
    files["m.py"] = f"def f():\n    return 1\n{text}from other import D\n"
    report = project.save(files)
    assert "m: class D" not in ran(report)


def test_a_module_in_a_folder_that_was_not_there_is_imported(project: Project) -> None:
    main = "try:\n    from space.deep import x\nexcept ImportError:\n    x = None\n"
    project.start({"main.py": main})
    project.save({"space/deep.py": ""})
    project.save({"space/deep.py": "x = 1\n"})
    assert project.eval("main.x") == 1


def test_a_module_of_requests_that_fails_now_leaves_nothing_outside(
    project: Project,
) -> None:
    ask = "def get_x():\n    import late\n    return late.x\n"
    project.start({"late.py": "x = 1\n", "main.py": ask})
    failing = "import sys\nsys.path.append('/nowhere')\nmissing\n"
    project.save({"late.py": failing, "main.py": ""})
    assert "/nowhere" not in project.eval("sys.path")


def test_an_attribute_that_is_stored_into_later_is_what_it_was_above(
    project: Project,
) -> None:
    m = "class C:\n    limit = 9\ni = C()\nx = i.limit\ni.limit = 7\n"
    project.start({"m.py": m, "main.py": "import m\n"})
    report = project.save({"n.py": "", "main.py": "import m\nimport n\n"})
    assert ran(report) == ["main: import n"]
    project.edit("m.py", "x = i.limit", "x = i.limit, 1")
    assert project.eval("main.m.x") == (9, 1)


def test_a_base_whose_name_was_bound_anew_has_its_new_line(project: Project) -> None:
    m = "# a comment\nclass B: ...\nclass C(B): ...\nclass B: ...\n"
    project.start({"m.py": m, "main.py": "import m\n"})
    project.edit("m.py", "class C", "# more\nclass C")
    project.edit("m.py", "# a comment\n", "")


def test_the_error_of_a_module_that_imports_itself(project: Project) -> None:
    project.start({"space/one.py": "x = 1\n", "main.py": "from space.one import x\n"})
    report = project.save({"space/one.py": "import space.one\nx = space.one.y\n"})
    assert "circular import" in report.error["message"]


def test_a_package_that_fails_at_first_in_each_of_several_walks(
    project: Project,
) -> None:
    project.start(
        {
            "pkg/__init__.py": "",
            "pkg/sub.py": "more = [1]\n",
            "pkg/deep.py": "",
            "a.py": "",
            "b.py": "",
            "main.py": "import pkg.sub as s\n",
        }
    )
    attempt = "try:\n    import pkg.opt\nexcept ImportError:\n    pass\n"
    project.save(
        {
            "pkg/__init__.py": "from . import deep\n",
            "pkg/sub.py": "x = 1\nmore = [1]\n",
            "pkg/deep.py": "d = __import__('importlib').import_module('b')\n",
            "a.py": f"{attempt}def f(): ...\n",
            "b.py": "from pkg.sub import *\nfrom a import f\nmore.insert(2, x)\n",
            "main.py": "from a import *\nimport b\nimport pkg.sub as s\n",
        }
    )
    assert project.eval("hasattr(__import__('pkg'), 'sub')") is False


def test_none_that_is_stored_where_a_function_was_replaced_by_none(
    project: Project,
) -> None:
    m = "def f(): ...\ntry:\n    from n import f\nexcept ImportError:\n    f = None\n"
    project.start({"n.py": "", "m.py": m, "main.py": "import m\n"})
    project.save({"n.py": "from m import missing, f\n"})
    assert project.eval("main.m.f") is None


def test_a_method_sees_its_class_as_it_was_above_a_store_into_it(
    project: Project,
) -> None:
    main = "from pkg.a import C, i\nx = i.method()\nfrom pkg.b import *\n"
    project.start(
        {
            "pkg/a.py": "class C:\n    limit = 1\n    def method(self):\n        return [self.limit]\ni = C()\n",
            "pkg/b.py": "from pkg.a import C\nC.limit = 5\n",
            "main.py": "from pkg.b import *\n",
        }
    )
    project.save({"main.py": main})
    assert project.eval("main.x, main.i.limit") == ([1], 5)


def test_a_name_that_a_failing_import_stores_elsewhere_keeps_its_place(
    project: Project,
) -> None:
    one = "import m\nm.put = 2\n{}from m import v\n"
    project.start(
        {
            "one.py": one.format(""),
            "m.py": "try:\n    from one import x\nexcept ImportError:\n    x = None\nv = 1\n",
            "main.py": "from m import *\nimport one\n",
        }
    )
    project.save({"one.py": one.format("w = 3\n")})
    assert project.eval("main.put") == 2


def test_a_failed_edit_leaves_a_list_whose_statement_went_with_it(
    project: Project,
) -> None:
    deco = "from m import seen\ndef d(f):\n    seen.append(1)\n    return f\n"
    use = "from deco import d\n@d\ndef f(): ...\n"
    project.start(
        {"m.py": "seen = []\n", "deco.py": deco, "main.py": "import m\nimport deco\n"}
    )
    report = project.save({"m.py": "", "main.py": use})
    assert report.error
    assert project.eval("__import__('m').seen") == []


def test_a_variable_is_set_by_the_module_that_it_came_back_to(
    project: Project,
) -> None:
    """The failing edit had another module set it, which is gone again."""
    sets = "__import__('os').environ.setdefault('HMR_C', '1')\n"
    reads = "v = __import__('os').getenv('HMR_C')\n"
    project.start({"one.py": sets, "m.py": "import one\n", "main.py": "import m\n"})
    files = {"one.py": None, "two.py": sets, "main.py": "import two\nmissing\n"}
    project.save(files)
    project.save({"one.py": sets, "two.py": None, "main.py": "import m\nx = 1\n"})
    for number in range(3):
        project.save({"main.py": f"import m\nx = {number}\n{reads}"})
        project.save({"main.py": f"import m\nx = {number}\n"})
    assert project.eval("__import__('os').environ['HMR_C']") == "1"


def test_a_module_that_a_failing_one_imports_is_run_on_the_way_into_it(
    project: Project,
) -> None:
    project.start(
        {
            "n.py": "",
            "pkg/__init__.py": "from .sub import *\n",
            "pkg/sub.py": "from m import missing\n",
            "m.py": "",
            "main.py": "try:\n    import pkg.opt\nexcept ImportError:\n    pass\n",
        }
    )
    attempt = "try:\n    from n import x\nexcept ImportError:\n    x = None\n"
    project.save({"n.py": "from pkg.sub import *\n", "m.py": attempt})
    assert project.eval("'n' in __import__('sys').modules")


def test_a_submodule_whose_place_in_its_package_has_changed_stays(
    project: Project,
) -> None:
    """The import system has put it there: no statement can make it again."""
    plain = {
        "n29.py": "",
        "pkg/__init__.py": "",
        "m3.py": "def f1():\n    return [7]\n",
        "m2.py": "",
        "main.py": "from pkg.deep import v12\n",
    }
    deep = "from m3 import f1 as n8\nv12 = n8()\n"
    project.start({**plain, "pkg/deep.py": deep})
    project.save(
        {
            "n29.py": "from m2 import f15\n",
            "pkg/__init__.py": "from n29 import f15\n",
            "m3.py": f"{plain['m3.py']}try:\n    import pkg.opt3 as o2\nexcept ImportError:\n    o2 = None\nf5 = lambda: []\n",
            "m2.py": "from m3 import f5\ndef f15():\n    return f5()\n",
            "main.py": f"import m3 as k22\n{plain['main.py']}",
        }
    )
    project.save(plain)
    project.save({"main.py": f"import m3 as k22\n{plain['main.py']}"})


def test_a_module_looks_for_itself_in_its_package(project: Project) -> None:
    """Its package has its name when its import is over (seed 3011179)."""
    early = "import space.one\nx = space.one.y\n"
    later = "y = 1\nimport space.one as k\nx = k.y\n"
    project.start({"space/one.py": later, "main.py": "from space.one import *\n"})
    report = project.save({"space/one.py": f"y = 1\n{early}"})
    assert "circular import" in report.error["traceback"]
    project.save({"space/one.py": later + "def f():\n    return space.one.y\n"})
    report = project.save({"space/one.py": f"y = 2\n{later}"})
    assert report.error is None


def test_a_module_of_another_package_is_not_imported_for_its_name(
    project: Project,
) -> None:
    """`from two import deep` takes pkg's module, if it comes that far (seed 511936)."""
    tried = "try:\n    from two import x, deep\nexcept ImportError:\n    x = None\n"
    project.start(
        {
            "pkg/__init__.py": tried,
            "pkg/deep.py": "",
            "two/__init__.py": "from pkg import deep\ndeep.put = ()\nx = 2\n",
            "main.py": "import pkg.deep\n",
        }
    )
    project.save({"two/__init__.py": ""})


def test_what_a_package_had_imported_that_a_request_cannot_import_any_more(
    project: Project,
) -> None:
    """Seed 512255."""
    project.start(
        {
            "two.py": "",
            "pkg/__init__.py": "",
            "pkg/sub.py": "",
            "main.py": "def get():\n    import pkg.sub\n",
        }
    )
    project.eval("main.get()")
    project.save(
        {
            "two.py": "from pkg.sub import x\n",
            "pkg/__init__.py": "import two\n",
            "pkg/sub.py": "import sys\nsys.path += ['/nowhere']\n",
            "main.py": "",
        }
    )
    assert "/nowhere" not in project.eval("sys.path")


def test_an_alias_that_was_replaced_gets_the_class_below_it(project: Project) -> None:
    """The function's annotations hold it, no name does (seed 512601)."""
    made = "class C:\n    limit = 1\n"
    alias = "type A = list[C]\n"
    text = f"{made}{alias}def f(a: A = ()) -> A:\n    return []\n{alias}"
    project.start({"main.py": "import a\n", "a.py": ""})
    project.save({"a.py": text})
    project.save({"a.py": text + made})


def test_who_changed_an_object_is_gone_and_so_is_its_module(project: Project) -> None:
    """The update found no end: the module fails before it makes the object again (seed
    3012351)."""
    kept = "class C:\n    pass\no = C()\n"
    project.start(
        {
            "one.py": f"def w(f):\n    return f\n{kept}",
            "pkg/__init__.py": "from .deep import *\n",
            "pkg/deep.py": "from one import w, o\no.total = 1\n@w\ndef f():\n    return 1\n",
            "two.py": "from pkg.deep import f\n",
            "main.py": "try:\n    import pkg\nexcept ImportError:\n    x = None\n",
        }
    )
    project.save(
        {
            "two.py": "from pkg.deep import f\ndef w(f):\n    return f\n",
            "one.py": f"from two import w\n{kept}",
        }
    )


def test_a_module_holds_one_whose_import_failed_in_a_request(project: Project) -> None:
    """Nothing that was loaded knows of the file that is edited (seed 3012458)."""
    project.start(
        {
            "one.py": "import pkg.sub as k\n",
            "pkg/sub.py": "import one as m\nx = 1 / 0\n",
            "main.py": "def get():\n"
            "    try:\n        import pkg.sub\n    except ZeroDivisionError:\n"
            "        return None\n    import one\n    return one.k is pkg.sub\n",
        }
    )
    assert project.eval("main.get()") is None
    project.save({"pkg/sub.py": ""}, check=False)  # a cold start has no request
    assert project.eval("main.get()") is True


def test_a_name_that_is_hidden_for_a_while_keeps_its_place(project: Project) -> None:
    """Seed 236."""
    project.start(
        {
            "pkg/__init__.py": "from . import sub\n",
            "pkg/sub.py": "from m3 import one as n8\n",
            "space/one.py": "try:\n    import pkg.opt3 as o3\nexcept ImportError:\n"
            "    o3 = None\n",
            "space/two.py": "",
            "m3.py": "from space import one\nx = 1\n",
            "main.py": "import space.one\nimport space.two\n",
        }
    )
    project.save({"m3.py": "x = 1\nfrom space import one\n"})


def test_what_a_module_of_requests_changed_before_it_failed_is_undone(
    project: Project,
) -> None:
    """Its import passes through a module that adds to another's list (seed 3031525)."""
    project.start(
        {
            "kept.py": "names = []\n",
            "adds.py": "",
            "late.py": "x = 1\n",
            "main.py": "import kept\ndef get():\n    import late\n    return late.x\n",
        }
    )
    assert project.eval("main.get()") == 1
    project.save(
        {
            "adds.py": "from kept import names\nnames.append('adds')\n",
            "late.py": "import adds\nx = 1 / 0\n",
        }
    )
    assert project.eval("main.kept.names") == []
    project.save({"late.py": "import adds\nx = 2\n"})
    assert project.eval("main.get()") == 2


@pytest.mark.parametrize("change", ["kept.names.append(1)", "kept.K.limit = 1"])
def test_what_an_import_of_a_request_changed_before_it_failed_is_undone(
    project: Project, change: str
) -> None:
    """The request before the edit saw the change, as without us; a cold start of the
    edited code does not (seed 3031525)."""
    project.start(
        {
            "kept.py": "names = []\nclass K: pass\n",
            "late.py": f"import kept\n{change}\nmissing\n",
            "main.py": "import kept\ndef get():\n    try:\n        import late\n"
            "    except NameError:\n        return len(kept.names)\n",
        }
    )
    assert project.eval("main.get()") in {0, 1}
    project.save({"main.py": "import kept\n"})
    assert project.eval("kept.names, kept.K.__dict__.get('limit')") == ([], None)


def test_what_a_run_that_did_not_count_put_into_slots_is_taken_out(
    project: Project,
) -> None:
    """A property keeps its value there; the first run of `v` is void (seed 3034123)."""
    kept = "class C:\n    __slots__ = ['_kept']\n    @property\n    def kept(self):\n"
    kept += "        if not hasattr(self, '_kept'):\n            self._kept = [1]\n"
    kept += "        return self._kept\no = C()\n"
    project.start(
        {"deep.py": kept, "top.py": "", "main.py": "import deep\nimport top\n"}
    )
    missing = (
        "try:\n    from new import v, missing\nexcept ImportError:\n    v = None\n"
    )
    project.save({"new.py": "from deep import o\nv = o.kept\n", "top.py": missing})
    project.save({"new.py": None, "top.py": ""})
    assert not project.eval("hasattr(main.deep.o, '_kept')")


def test_a_failed_edit_leaves_slots_as_they_were(project: Project) -> None:
    a = "class A:\n    __slots__ = 'x', 'y'\na = A()\na.x = 1\nclass D(dict):\n"
    a += "    __slots__ = ['z']\nd = D(k=1)\nd.z = 1\n"
    project.start({"a.py": a, "main.py": "from a import a, d\n"})
    change = "a.x = [2]\na.y = 3\nd.z = 5\nd['k'] = 2\n1 / 0\n"
    report = project.save({"main.py": "from a import a, d\n" + change}, check=False)
    assert report.error
    state = "main.a.x, hasattr(main.a, 'y'), main.d.z, dict(main.d)"
    assert project.eval(state) == (1, False, 1, {"k": 1})
