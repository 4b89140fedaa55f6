"""Programs and edits for rules that random programs seldom need (mutants.py): each goes
wrong without its rule."""

from __future__ import annotations

from .chunks import Files

RECORD = """
import dataclasses, functools
@dataclasses.dataclass(frozen=True)
class Settings:
    path: str
@functools.cache
def get_settings():
    return Settings(PATH)
"""
ENUM = "import enum\nclass E(enum.Enum):\n    A = {}"
ADD = "def add():\n    l.append(1)"
ADD_IF = [ADD, "if V:\n    add()"]
FAIL = "if V:\n    raise ImportError"
READS_A = ["import os", "v = os.environ.get('HMR_A')", "y = 2"]
SETS_A = ["import os", "os.environ['HMR_A'] = '7'", "z = 2"]
IMPORTS = "from a import y"
ALL = "import json\nx = [k for k in vars(json) if k[:4] == 'hmr_']"
TRY = "try:\n    import m\nexcept ImportError:\n    m = None"
CACHED_METHOD = """
import functools
class C:
    @functools.cache
    def get(self):
        return X
"""
TAKEN = ["x = get_settings().path", "y = [get_settings()]"]
ASKED = ["c = C()", "x = c.get()", "y = c.get()"]
# typing copies the module's names for classes with type parameters.
FORWARD = [
    "from a import X",
    "class C[T]:\n    x = X\n    b: 'B'",
    "from b import B",
    "import typing\nx = C.x, typing.get_type_hints(C)['b'].__name__",
]
BASE = "class C:\n    held = []\n\n\nclass D(C):\n    pass"
OPEN = "class M(pydantic.BaseModel):\n    late: 'L | None' = None"
OPEN = f"import pydantic\n\n\n{OPEN}\n\n\nclass L(pydantic.BaseModel):\n    x: int = 1"
KEPT = """class P:
    @property
    def y(self):
        self.kept = getattr(self, "kept", None) or [x]
        return self.kept
"""
CACHED = "import functools\n\n\n@functools.cache\ndef f():\n    return [x]"
LAZY = """_kept = None


def get_kept():
    global _kept
    if _kept is None:
        _kept = [x]
    return _kept
"""
LATER = """class relationship:
    def __init__(self, function):
        self.function = function

    def get(self):
        if not hasattr(self, "kept"):
            self.kept = self.function()
        return self.kept
"""
ASKS_ALIAS = "def get_a():\n    return A.__value__"
ASKS = "def get_r():\n    return r.get()"
FILE = """import functools


@functools.cache
def f():
    with open("data.txt") as file:
        return file.read()
"""
GIVEN = "x = [n for n, _ in inspect.getmembers(a) if n[0] != '_']"
GET = "def get_f():\n    return f()"
PUT = "import os\nos.environ['HMR_{}'] = '1'"
NAMED: dict[str, list[Files]] = {
    "SLOT_ORDER": [
        {"a.py": [PUT.format("A")], "b.py": [PUT.format("B")], "main.py": main}
        for main in (
            ["import a, b"],
            ["import b, a"],
            ["1 / 0", "import b, a"],
        )
    ],
    "RECORD_FIELDS": [
        {
            "a.py": ["PATH = 'a'"],
            "main.py": ["from a import PATH", RECORD, "x = get_settings().path"],
        },
        {
            "a.py": ["PATH = 'b'"],
            "main.py": ["from a import PATH", RECORD, "x = get_settings().path"],
        },
    ],
    "READ_SUBCLASSES": [
        {"main.py": ["class B: ...", "x = len(B.__subclasses__())"]},
        {
            "main.py": [
                "class B: ...",
                "class C(B): ...",
                "x = len(B.__subclasses__())",
            ]
        },
    ],
    "READ_GROUPS": [
        {"a.py": ["import json\njson.hmr_a = 1"], "main.py": ["import a", ALL]},
        {"a.py": ["import json"], "main.py": ["import a", ALL]},
    ],
    "READ_DELETED": [
        {"main.py": ["x = 1", "del x", "y = 2"]},
        {"main.py": ["del x", "y = 2"]},
    ],
    "OBJECT_AS_IT_WAS": [
        {"main.py": ["l = [1]", "x = [0, *l]", "l.append(2)"]},
        {"main.py": ["l = [1]", "x = [5, *l]", "l.append(2)"]},
    ],
    "READ_MEMBERS": [
        {"main.py": ["class C:\n    limit = 1", "i = C()", "x = getattr(i, 'limit')"]},
        {"main.py": ["class C:\n    limit = 2", "i = C()", "x = getattr(i, 'limit')"]},
    ],
    "IMPORTS_PASSED": [
        {"a.py": READS_A, "b.py": [IMPORTS, *SETS_A], "main.py": ["import b"]},
        {"a.py": READS_A, "b.py": [*SETS_A, IMPORTS], "main.py": ["import b"]},
    ],
    "SET_MEMBERS": [
        {"main.py": ["class C:\n    limit = 1", "C.limit = 1"]},
        {"main.py": ["class C:\n    limit = 2", "C.limit = 1"]},
    ],
    "ENUM_MEMBERS": [
        {"main.py": [ENUM.format(1), "x = E.A", "y = x.value"]},
        {"main.py": [ENUM.format(2), "x = E.A", "y = x.value"]},
    ],
    "GROUP_RERUNS": [
        {"a.py": ["V = 1"], "main.py": ["from a import V", "l = []", *ADD_IF]},
        {"a.py": ["V = 0"], "main.py": ["from a import V", "l = []", *ADD_IF]},
    ],
    "SHOW_NAMES": [
        {"a.py": [f"X = {n}"], "b.py": ["class B: ..."], "main.py": FORWARD}
        for n in (1, 2)
    ],
    "MEMBER_CACHES": [
        {"a.py": [f"X = {n}"], "main.py": ["from a import X", CACHED_METHOD, *ASKED]}
        for n in (1, 2)
    ],
    "READ_DOCSTRINGS": [
        {
            "a.py": [f"def f():\n    'the {word} one'"],
            "main.py": ["from a import f", "x = getattr(f, '__doc__')"],
        }
        for word in ("old", "new")
    ],
    "GIVEN_MODULES": [
        {"a.py": [*names, "X = 1"], "main.py": ["import a, inspect", GIVEN]}
        for names in ([], ["Y = 1"])
    ],
    "RELEASED_VALUES": [
        {"main.py": ["l = [1]"]},
        {"main.py": ["l = [1]", "l = [2]"]},
        {"main.py": ["l = [1]"]},
    ],
    "BASE_CLASSES": [
        {"main.py": [BASE, "D.held.append(1)"]},
        {"main.py": [BASE]},
    ],
    "CLASS_PRIVATE": [
        {"main.py": [OPEN, "M.model_rebuild()"]},
        {"main.py": [OPEN]},
    ],
    "COMPUTED": [
        {"main.py": ["x = 1", KEPT, "p = P()", "z = p.y"]},
        {"main.py": ["x = 2", KEPT, "p = P()", "z = p.y"]},
    ],
    "READ_CACHES": [
        {"main.py": [f"PATH = {n}", RECORD, *TAKEN]} for n in ("'a'", "'b'")
    ],
    "CACHE_FILLS": [
        {"main.py": ["x = 1", CACHED, "y = f()", "x += 5"]},
        {"main.py": ["x = 1", CACHED, "x += 5", "y = f()"]},
    ],
    "CACHES_EXPIRE": [
        {"main.py": ["x = 1", CACHED, GET]},
        {"main.py": ["x = 2", CACHED, GET]},
    ],
    "LATER_NAMES": [
        {"main.py": ["type A = list[C]", f"C = {name}", ASKS_ALIAS]}
        for name in ("int", "str")
    ],
    "DEFERRED": [
        {"main.py": ["x = 1", LATER, "r = relationship(lambda: x)", ASKS]},
        {"main.py": ["x = 2", LATER, "r = relationship(lambda: x)", ASKS]},
    ],
    "LAZIES": [{"main.py": ["x = 1", LAZY]}, {"main.py": ["x = 2", LAZY]}],
    "REMEMBERED_FILES": [
        {"data.txt": ["1"], "main.py": [FILE, GET]},
        {"data.txt": ["2"], "main.py": [FILE, GET]},
    ],
    "FAILED_IMPORTS": [
        {"a.py": ["V = 1"], "m.py": ["from a import V", FAIL], "main.py": [TRY]},
        {"a.py": ["V = 0"], "m.py": ["from a import V", FAIL], "main.py": [TRY]},
    ],
    "ROLLBACK_SHAPES": [
        {"main.py": ["l = []", ADD]},
        {"main.py": ["l = []", ADD, "add()", "1 / 0"]},
    ],
}
