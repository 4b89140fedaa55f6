"""What tracked code stores outside of the program goes back with the statement.

`outside` is a library that nobody tracks. Every state is compared with a cold start
through the names that `main` binds from it.
"""

from __future__ import annotations

import textwrap

import pytest

from .harness import Project, ran, reasons

LIBRARY = """
    class Client:
        timeout = 1

        def get(self):
            return self.timeout

    class Bag:
        pass

    bag = Bag()
    bag.kept = "kept"
    OPTIONS = {"a": 1}
    HOOKS = ["first"]
    flag = "off"

    def ask():
        return flag, Client().get(), vars(bag), OPTIONS, HOOKS
    """
ON_PATH = "import sys\nsys.path.insert(0, '../site-packages')\nimport outside\n"
STATE = (
    "state = (outside.flag, outside.Client.timeout, "
    "sorted(outside.bag.__dict__.items()), "
    "dict(outside.OPTIONS), list(outside.HOOKS))\n"
)


def start(project: Project, text: str) -> None:
    project.write({"../site-packages/outside.py": LIBRARY})
    project.start({"main.py": ON_PATH + text})


STORES = {
    "a list in place": "outside.HOOKS += ['one']",
    "a dict in place": "outside.OPTIONS |= {'a': 'one'}",
    "a module": "outside.flag = 'one'",
    "a new name": "outside.other = 'one'\nx = outside.other",
    "setattr": "setattr(outside, 'flag', 'one')",
    "by its import": "import outside as o\no.flag = 'one'",
    "in a function": "def f():\n    outside.flag = 'one'\nf()",
    "in a function with its own import": (
        "def f():\n    import outside as o\n    o.flag = 'one'\nf()"
    ),
    "a loop": "for n in ['one']:\n    outside.flag = n",
    "a class": "outside.Client.timeout = 'one'",
    "a class by its name": "from outside import Client\nClient.timeout = 'one'",
    "a class in a function": (
        "def f():\n    outside.Client.timeout = 'one'\nf()\nx = outside.Client().get()"
    ),
    "a method": "outside.Client.get = lambda self: 'one'\nx = outside.Client().get()",
    "an instance": "outside.bag.kept = 'one'",
    "an instance by its name": "from outside import bag\nbag.new = 'one'",
    "an item": "outside.OPTIONS['a'] = 'one'",
    "a new item": "outside.OPTIONS['b'] = 'one'",
    "update": "outside.OPTIONS.update(a='one', b=2)",
    "append": "outside.HOOKS.append('one')",
    "insert": "outside.HOOKS.insert(0, 'one')",
    "a slice": "outside.HOOKS[:] = ['one']",
    "a list by its name": "from outside import HOOKS\nHOOKS += ['one']",
    "a tuple of targets": "x, outside.bag.kept = 1, 'one'",
    "a list of targets": "[x, (outside.flag, *outside.HOOKS[:])] = 1, ('one', 2)",
    "the target of a loop": "for outside.bag.kept in ['one']:\n    pass",
    "the target of a with": (
        "import contextlib\n"
        "with contextlib.nullcontext('one') as outside.OPTIONS['a']:\n    pass"
    ),
    "two": "outside.flag = 'zero'\noutside.flag = 'one'",
}


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_store_goes_with_its_statement(project: Project, store: str) -> None:
    start(project, f"{store}\n{STATE}")
    project.save({"main.py": ON_PATH + store.replace("one", "two") + f"\n{STATE}"})
    assert "two" in project.eval("repr([main.state, vars(main).get('x')])")
    report = project.save({"main.py": ON_PATH + STATE})
    assert report.error is None
    now = project.eval("main.state")
    assert now == ("off", 1, [("kept", "kept")], {"a": 1}, ["first"])
    project.save({"main.py": ON_PATH + store + f"\n{STATE}"})
    assert project.restarts == []


DELETES = {
    "a module": "del outside.flag",
    "a class": "del outside.Client.timeout",
    "an instance": "del outside.bag.kept",
    "an item": "del outside.OPTIONS['a']",
    "pop": "outside.OPTIONS.pop('a')",
    "clear": "outside.OPTIONS.clear()",
    "a list": "outside.HOOKS.clear()",
}


@pytest.mark.parametrize("delete", DELETES.values(), ids=DELETES)
def test_what_was_deleted_comes_back(project: Project, delete: str) -> None:
    state = "state = outside.__dict__.get('flag'), vars(outside.Client).get('timeout')"
    state += ", dict(vars(outside.bag)), dict(outside.OPTIONS), list(outside.HOOKS)\n"
    start(project, f"{delete}\n{state}")
    project.save({"main.py": ON_PATH + state})
    now = project.eval("main.state")
    assert now == ("off", 1, {"kept": "kept"}, {"a": 1}, ["first"])
    project.save({"main.py": ON_PATH + f"{delete}\n{state}"})
    assert project.restarts == []


def test_a_store_that_comes_first_reaches_its_readers(project: Project) -> None:
    """Nobody had stored there when they ran."""
    start(project, f"x = outside.flag\nfrom outside import flag\n{STATE}z = 1\n")
    project.edit("main.py", "x = outside", "outside.flag = 'on'\nx = outside")
    assert project.eval("(main.x, main.flag, main.state[0])") == ("on", "on", "on")
    report = project.edit("main.py", "z = 1", "z = 2")
    assert ran(report) == ["main: z = 2"]
    report = project.edit("main.py", "'on'", "'more'")
    assert "main: x = outside.flag" in ran(report)


UNSEEN = {
    "an attribute of a result": "x = outside.get_bag().kept",
    "getattr of a result": "x = getattr(outside.get_bag(), 'kept')",
    "getattr of an import": "x = getattr(__import__('outside'), 'kept', 0)",
    "names in a tuple": "x = [getattr(outside.get_bag(), n) for n in ('kept',)]",
    "an item of a result": "x = outside.get_bag().__dict__['kept']",
    "a class body": "class C:\n    x = outside.get_bag().kept\nx = C.x",
    "a function": "def f():\n    return outside.get_bag().kept\nx = f()",
    "an alias": "bag = outside.get_bag()\nx = bag.kept",
}


@pytest.mark.parametrize("read", UNSEEN.values(), ids=UNSEEN)
def test_a_store_reaches_who_reads_it_through_a_call(
    project: Project, read: str
) -> None:
    """Nobody knows that it is the same object."""
    bag = "kept = 0\n\ndef get_bag():\n    return bag\n"
    library = LIBRARY + textwrap.indent(bag, "    ")
    project.write({"../site-packages/outside.py": library})
    files = {
        "early.py": "import outside\ny = 1\n",
        "other.py": "class Other:\n    kept = 1\n\nz = Other().kept\n",
        "main.py": f"{ON_PATH}import early\nimport other\n{read}\n",
    }
    project.start(files)
    for store in (
        "outside.bag.kept = outside.kept = 'one'",
        "b = outside.get_bag()\nb.kept = outside.kept = 'two'",
        "outside.bag.kept, outside.kept = 'three', 'four'",
    ):
        project.save({"early.py": f"import outside\n{store}\ny = 1\n"})
        assert project.eval("main.x") != "kept"
        report = project.edit("early.py", "y = 1", "y = 2")
        assert ran(report) == ["early: y = 2"], reasons(report)
    report = project.save({"early.py": files["early.py"]})
    assert "other: class Other" not in ran(report)
    assert project.restarts == []


def test_an_object_that_was_there_before_who_seemed_to_make_it(
    project: Project,
) -> None:
    library = LIBRARY + "\n    def get_bag():\n        return bag\n"
    project.write({"../site-packages/outside.py": library})
    main = f"{ON_PATH}import early\nbag = outside.get_bag()\nx = [bag]\n"
    project.start({"early.py": "y = 1\n", "main.py": main})
    project.save({"early.py": "from outside import bag\nz = [bag]\n"})
    project.save({"main.py": f"{main}bag.more = 2\n"})
    project.save({"early.py": "from outside import bag\nbag.kept = 'other'\n"})
    project.save({"main.py": main})
    assert project.eval("vars(main.bag)") == {"kept": "other"}
    project.save({"early.py": "y = 1\n"})
    assert project.eval("vars(main.bag)") == {"kept": "kept"}
    assert project.restarts == []


def test_a_function_of_a_module_that_was_stored_into(project: Project) -> None:
    files = {
        "patches.py": ON_PATH + "outside.flag = 'one'\n",
        "main.py": "import patches, outside\n\ndef f():\n    return outside.flag\n\n"
        "x = f()\ny = 1\n",
    }
    project.write({"../site-packages/outside.py": LIBRARY})
    project.start(files)
    report = project.edit("patches.py", "'one'", "'two'")
    assert "main: x = f()" in ran(report)
    assert "main: y = 1" not in ran(report)


def test_modules_before_and_after_the_one_that_stores(project: Project) -> None:
    project.write({"../site-packages/outside.py": LIBRARY})
    get = "import outside\nx = outside.flag\n"
    files = {
        "early.py": get,
        "late.py": "import outside\noutside.flag = 'one'\n",
        "last.py": get,
        "main.py": f"{ON_PATH}import early, late, last\n",
    }
    project.start(files)
    for name in ("early", "last", "late"):
        project.save({f"{name}.py": files[f"{name}.py"] + "y = 1\n"})
        project.save({f"{name}.py": files[f"{name}.py"].replace("flag", "flag ")})
        assert project.eval("(early.x, last.x)") == ("off", "one")
    report = project.edit("late.py", "'one'", "'two'")
    assert ran(report) == ["late: outside.flag = 'two'", "last: x = outside.flag"]
    project.edit("early.py", "x = outside.flag", "outside.OPTIONS['a'] = 2")
    project.edit("early.py", "outside.OPTIONS", "outside.flag = 'now'\noutside.OPTIONS")
    project.edit("late.py", "outside.flag  = 'two'\n", "")
    assert project.eval("last.x") == "now"


def test_an_unrelated_edit_leaves_what_was_stored(project: Project) -> None:
    start(project, f"outside.flag = 'on'\n{STATE}x = 1\n")
    report = project.edit("main.py", "x = 1", "x = 2")
    assert ran(report) == ["main: x = 2"]
    assert project.eval("main.outside.flag") == "on"


def test_what_a_request_stored_stays(project: Project) -> None:
    start(project, "outside.flag = 'on'\noutside.HOOKS.append('ours')\nx = 1\n")
    project.exec("main = sys.modules['main']; main.outside.flag = 'theirs'")
    project.exec("main.outside.HOOKS.append('theirs')")
    project.edit("main.py", "x = 1", "x = 2", check=False)
    assert project.eval("main.outside.flag") == "theirs"
    assert project.eval("main.outside.HOOKS") == ["first", "ours", "theirs"]
    project.edit("main.py", "outside.HOOKS.append('ours')\n", "", check=False)
    assert project.eval("main.outside.flag") == "theirs"
    assert project.eval("main.outside.HOOKS") == ["first", "theirs"]


def test_a_failed_edit_leaves_what_is_outside(project: Project) -> None:
    start(project, "outside.flag = 'on'\noutside.HOOKS.append('ours')\nx = 1\n")
    before = project.eval("(main.outside.flag, main.outside.HOOKS)")
    text = project.read("main.py").replace("ours", "new").replace("'on'", "'more'")
    text += "outside.OPTIONS['x'] = 1\noutside.Client.timeout = 2\n1 / 0\n"
    assert project.save({"main.py": text}).error
    assert project.eval("(main.outside.flag, main.outside.HOOKS)") == before
    state = "(main.outside.OPTIONS, main.outside.Client.timeout)"
    assert project.eval(state) == ({"a": 1}, 1)
    project.save({"main.py": text.replace("1 / 0\n", "")})
    assert project.eval(state) == ({"a": 1, "x": 1}, 2)


def test_a_failed_import_that_is_caught(project: Project) -> None:
    """What the module stored before it failed stays, as in a cold start."""
    broken = "import outside\noutside.flag = 'one'\nimport nosuch\n"
    caught = "try:\n    import broken\nexcept ImportError:\n    pass\n"
    project.write({"broken.py": broken})
    start(project, f"{caught}{STATE}")
    assert project.eval("main.state[0]") == "one"
    project.edit("main.py", caught, "")
    assert project.eval("main.state[0]") == "off"


def test_what_a_library_stores_is_its_own(project: Project) -> None:
    project.write(
        {
            "../site-packages/outside.py": """
                count = 0

                def ask():
                    global count
                    count += 1
                    return count
                """
        }
    )
    project.start({"main.py": ON_PATH + "x = outside.ask()\ny = 1\n"}, check=False)
    report = project.edit("main.py", "y = 1", "y = outside.count", check=False)
    assert ran(report) == ["main: y = outside.count"]
    assert project.eval("(main.y, main.outside.count)") == (1, 1)


def test_the_old_world_has_what_was_stored(project: Project) -> None:
    start(project, "outside.flag = 'one'\n")
    project.edit("main.py", "'one'", "'two'")
    project.exec("engine.swap_back()")
    assert project.eval("main.outside.flag") == "one"
    project.exec("engine.swap_forward()")
    assert project.eval("main.outside.flag") == "two"


def test_a_builtin_that_was_replaced(project: Project) -> None:
    text = "import builtins\nbuiltins.shout = str.upper\nx = shout('a')\n"
    project.start({"main.py": text})
    project.edit("main.py", "str.upper", "str.title")
    project.edit("main.py", "shout('a')", "builtins.shout('b')")
    report = project.edit("main.py", "builtins.shout = str.title\n", "")
    assert report.error
    assert project.eval("main.x") == "B"


def test_sys_path(project: Project) -> None:
    project.write({"more/extra.py": "v = 1\n"})
    text = "import sys\nsys.path.append('more')\nimport extra\nx = extra.v\n"
    project.start({"main.py": text}, check=False)
    report = project.edit("main.py", "sys.path.append('more')\n", "", check=False)
    assert project.eval("'more' in sys.path") == bool(report.error)


def test_between_updates_nobody_watches(project: Project) -> None:
    start(project, f"outside.flag = 'on'\n{STATE}")
    project.exec("sys.modules['main'].outside.flag = 'theirs'")
    project.edit("main.py", STATE, STATE + "y = 1\n", check=False)
    assert project.eval("main.outside.flag") == "theirs"


def test_an_import_of_an_object_that_was_stored_into_runs_once(
    project: Project,
) -> None:
    log = """
        import logging
        from logging import NullHandler

        logger = logging.getLogger('a')
        logger.addHandler(NullHandler())
        """
    main = "from log import logger\nx = 1\nn = len(logger.handlers)\n"
    project.start({"log.py": log, "main.py": main})
    assert ran(project.edit("main.py", "x = 1", "x = 2")) == ["main: x = 2"]
    report = project.edit("log.py", "addHandler(NullHandler())", "handlers.clear()")
    assert "main: n = len(logger.handlers)" in ran(report)
    assert project.eval("main.n") == 0
