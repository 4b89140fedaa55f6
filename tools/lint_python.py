"""What our Python must not do: read or run source. That is the C engine's work.

    python tools/lint_python.py hmr_serve

The engine decides which statements run, and traces them; a second place that parses or
executes source would be a second engine, without its rules.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN_MODULES = {"ast", "codeop", "code", "dis", "symtable", "tokenize", "runpy"}
FORBIDDEN_CALLS = {"compile", "exec", "eval", "__import__"}


def modules_imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [(node.module or "").partition(".")[0]]
    return []


def lint(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        for module in modules_imported(node):
            if module in FORBIDDEN_MODULES:
                yield f"{path}:{node.lineno}: imports {module}: source is the engine's"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in FORBIDDEN_CALLS
        ):
            yield f"{path}:{node.lineno}: calls {node.func.id}: source is the engine's"


def main(folders: list[str]) -> int:
    paths = [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    slips = [slip for path in paths for slip in lint(path)]
    print(*slips, sep="\n", end="\n" if slips else "")
    return 1 if slips else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
