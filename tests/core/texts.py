"""What the text of a program says of its statements."""

from __future__ import annotations

import ast
import functools


def statement_at(source: str, line: int) -> str:
    """The top-level statement at a line, short: "x = 1", "def f", "class C"."""
    for node in parsed(source):
        start = min([node.lineno, *(d.lineno for d in decorators(node))])
        if start <= line <= (node.end_lineno or start):
            if isinstance(node, ast.ClassDef):
                return f"class {node.name}"
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return f"def {node.name}"
            return ast.unparse(node).splitlines()[0]
    return f"line {line}"


@functools.lru_cache(maxsize=64)
def parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):
        return []


def bound_names(source: str, line: int) -> set[str]:
    """The names that the top-level statement at a line may bind; "*": any."""
    found = set()
    for node in parsed(source):
        start = min([node.lineno, *(d.lineno for d in decorators(node))])
        if not start <= line <= (node.end_lineno or start):
            continue
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            return {node.name}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, (ast.ClassDef, ast.FunctionDef)):
                found.add(inner.name)
            elif isinstance(inner, ast.alias):
                found.add((inner.asname or inner.name).split(".")[0])
    return found


def decorators(node: ast.AST) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])
