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
NAMED: dict[str, list[Files]] = {
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
    "READ_DELETED": [
        {"main.py": ["x = 1", "del x", "y = 2"]},
        {"main.py": ["del x", "y = 2"]},
    ],
    "OBJECT_AS_IT_WAS": [
        {"main.py": ["l = [1]", "x = [0, *l]", "l.append(2)"]},
        {"main.py": ["l = [1]", "x = [5, *l]", "l.append(2)"]},
    ],
}
