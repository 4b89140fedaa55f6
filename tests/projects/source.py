"""A Python file's text with its syntax tree: places are found in the tree, edits made
in the text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
VERBS = {"get", "post", "put", "delete", "patch", "head", "options", "route"}


class Source:
    """Responsibilities: find what can be edited; replace it and leave all else as the
    author wrote it. Offsets of the tree are in bytes, so lines are bytes."""

    def __init__(self, text: str) -> None:
        self.lines = text.encode().splitlines(keepends=True)
        self.tree = ast.parse(text)
        self.body = self.tree.body

    # -- the text

    def replaced(self, node: ast.AST, new: str) -> str:
        """With `new` for what stands in the file for a node."""
        start = (node.lineno, node.col_offset)
        return self.between(start, (node.end_lineno, node.end_col_offset), new)

    def inserted(self, line: int, new: str) -> str:
        """With whole lines above a line (1-based)."""
        return self.between((line, 0), (line, 0), new)

    def before(self, statement: ast.stmt, new: str) -> str:
        return self.inserted(first_line(statement), new)

    def without(self, statement: ast.stmt) -> str:
        end = (statement.end_lineno, statement.end_col_offset)
        return self.between((first_line(statement), 0), end, "")

    def swapped(self, one: ast.stmt, two: ast.stmt) -> str:
        """Two statements, each on lines of its own, in each other's place."""
        begin, middle = first_line(one) - 1, first_line(two) - 1
        parts = [
            self.lines[:begin],
            self.lines[middle : two.end_lineno],
            self.lines[one.end_lineno : middle],
            self.lines[begin : one.end_lineno],
            self.lines[two.end_lineno :],
        ]
        return b"".join(line for part in parts for line in part).decode()

    def between(self, start: tuple[int, int], end: tuple[int, int], new: str) -> str:
        """With `new` between two places, each (1-based line, offset in it)."""
        (first, left), (last, right) = start, end
        before = [*self.lines[: first - 1], self.line(first)[:left]]
        after = [self.line(last)[right:], *self.lines[last:]]
        return b"".join([*before, new.encode(), *after]).decode()

    def text(self, node: ast.AST) -> str:
        """What stands in the file for a node."""
        return ast.get_source_segment(b"".join(self.lines).decode(), node) or ""

    def line(self, number: int) -> bytes:
        return self.lines[number - 1] if number <= len(self.lines) else b""

    # -- what is in it

    def functions(self) -> list[Function]:
        return [n for n in self.body if isinstance(n, Function)]

    def classes(self) -> list[ast.ClassDef]:
        return [n for n in self.body if isinstance(n, ast.ClassDef)]

    def routes(self) -> list[Function]:
        return [f for f in self.functions() if route_of(f) is not None]

    def every_function(self) -> Iterator[Function]:
        """Methods and nested functions too, if their body has lines of its own."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function) and node.body[0].lineno > node.lineno:
                yield node


def route_of(function: Function) -> ast.Call | None:
    """The decorator that makes a function a route: `@app.get("/path", ...)`."""
    for decorator in function.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and isinstance(decorator.func, ast.Attribute)
            and decorator.func.attr in VERBS
            and decorator.args
            and is_string(decorator.args[0])
        ):
            return decorator
    return None


def owner(function: Function) -> str:
    """The application or router of a route."""
    return ast.unparse(route_of(function).func.value)


def first_line(statement: ast.stmt) -> int:
    """Where a statement begins, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def docstring(node: ast.AST) -> ast.Expr | None:
    first = node.body[0]
    return first if isinstance(first, ast.Expr) and is_string(first.value) else None


def code_of(function: Function) -> list[ast.stmt]:
    """The body without the docstring."""
    return function.body[1:] if docstring(function) else function.body


def literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Strings and numbers, without those that f-strings are made of."""
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.Constant) and type(node.value) in (str, int, float):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from literals(child)


def other_value(literal: ast.Constant) -> str:
    """Another value of the same type, as source."""
    if is_string(literal):
        return repr(literal.value + " edited")
    return repr(literal.value + 1)
