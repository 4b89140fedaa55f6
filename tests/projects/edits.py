"""Mechanical edits of any source: what a person does in seconds, at every place of a
file where it can be done.

    for kind, edit in EDITS.items():
        for text in edit(Source(old)):  # the whole edited file, one for each place

Every edit leaves a file that compiles; whether it runs is for a cold start to say.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise

from .source import (
    Function,
    Source,
    code_of,
    docstring,
    first_line,
    is_string,
    literals,
    other_value,
    owner,
    route_of,
)

Edit = Callable[[Source], Iterator[str]]
EDITS: dict[str, Edit] = {}
ROUTES: dict[str, Edit] = {}  # those of them that are about routes


def edit(function: Edit) -> Edit:
    """Register under the function's name in words."""
    EDITS[function.__name__.replace("_", " ")] = function
    return function


def route_edit(function: Edit) -> Edit:
    ROUTES[function.__name__.replace("_", " ")] = function
    return edit(function)


# Routes


@route_edit
def a_string_in_a_handler(source: Source) -> Iterator[str]:
    for handler in source.routes():
        for string in filter(is_string, in_body(handler)):
            yield source.replaced(string, other_value(string))


@route_edit
def a_path(source: Source) -> Iterator[str]:
    for handler in source.routes():
        path = route_of(handler).args[0]
        yield source.replaced(path, repr("/edited" + path.value))


@route_edit
def a_new_route(source: Source) -> Iterator[str]:
    for handler in source.routes():
        yield source.before(handler, new_route(handler))


@route_edit
def a_new_last_route(source: Source) -> Iterator[str]:
    for handler in source.routes()[:1]:
        yield source.inserted(len(source.lines) + 1, "\n\n" + new_route(handler))


def new_route(handler: Function) -> str:
    return (
        f'@{owner(handler)}.get("/added")\n'
        "def added(number: int = 1):\n    return {'added': number}\n\n\n"
    )


@route_edit
def a_removed_route(source: Source) -> Iterator[str]:
    for handler in source.routes():
        yield source.without(handler)


@route_edit
def the_order_of_two_routes(source: Source) -> Iterator[str]:
    for one, two in pairwise(source.routes()):
        yield source.swapped(one, two)


@route_edit
def a_dependency_of_a_route(source: Source) -> Iterator[str]:
    for handler in source.routes():
        call = route_of(handler)
        if any(k.arg == "dependencies" for k in call.keywords):
            continue
        path = source.text(call.args[0]) + ", dependencies=[Depends(edited_dependency)]"
        text = source.replaced(call.args[0], path)
        new = "from fastapi import Depends, Response\n\n\n"
        new += "def edited_dependency(response: Response, edited: int = 3):\n"
        new += "    response.headers['x-edited'] = str(edited)\n\n\n"
        yield Source(text).inserted(first_line(handler), new)


@route_edit
def a_function_that_is_a_dependency(source: Source) -> Iterator[str]:
    named = {
        node.args[0].id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Depends", "Security")
        and node.args
        and isinstance(node.args[0], ast.Name)
    }
    for function in source.functions():
        if function.name in named:
            yield from with_parameter(source, function)


@route_edit
def a_parameter_of_a_handler(source: Source) -> Iterator[str]:
    for handler in source.routes():
        yield from with_parameter(source, handler)


def with_parameter(source: Source, function: Function) -> Iterator[str]:
    """One more parameter, where the signature's end is easily found."""
    body = function.body[0]
    line = source.line(body.lineno - 1).decode()
    arguments = function.args
    if arguments.kwarg or arguments.vararg or body.lineno == function.lineno:
        return
    for number in range(function.lineno, body.lineno):
        line = source.line(number).decode()
        at = line.find(")") if function.returns is None else line.find(") ->")
        whole = at >= 0 and line[:at].count("(") == line[:at].count(")") + 1
        if whole and function.lineno == number:
            names = arguments.args + arguments.kwonlyargs
            new = ", edited: int = 3" if names else "edited: int = 3"
            place = (number, len(line[:at].encode()))
            yield source.between(place, place, new)
            return


# Definitions


@edit
def a_field_of_a_model(source: Source) -> Iterator[str]:
    for cls in models(source):
        last = cls.body[-1]
        indent = " " * last.col_offset
        line = (last.end_lineno or last.lineno) + 1
        yield source.inserted(line, f"{indent}edited: int | None = None\n")


@edit
def a_type_of_a_field(source: Source) -> Iterator[str]:
    for cls in models(source):
        for field in cls.body:
            if isinstance(field, ast.AnnAssign):
                old = ast.unparse(field.annotation)
                yield source.replaced(field.annotation, f"{old} | bytes")


def models(source: Source) -> list[ast.ClassDef]:
    """Classes whose fields are annotated."""
    return [
        cls
        for cls in source.classes()
        if any(isinstance(n, ast.AnnAssign) for n in cls.body)
    ]


@edit
def an_attribute_of_a_class(source: Source) -> Iterator[str]:
    for cls in source.classes():
        for node in cls.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                for literal in literals(node.value):
                    yield source.replaced(literal, other_value(literal))


@edit
def a_new_method(source: Source) -> Iterator[str]:
    for cls in source.classes():
        last = cls.body[-1]
        indent = " " * last.col_offset
        new = f"\n{indent}def edited(self):\n{indent}    return 'edited'\n"
        yield source.inserted((last.end_lineno or last.lineno) + 1, new)


@edit
def a_removed_method(source: Source) -> Iterator[str]:
    for cls in source.classes():
        for node in cls.body:
            if isinstance(node, Function) and len(cls.body) > 1:
                yield source.without(node)


@edit
def the_body_of_a_function(source: Source) -> Iterator[str]:
    for function in source.every_function():
        for literal in in_body(function):
            yield source.replaced(literal, other_value(literal))


def in_body(function: Function) -> Iterator[ast.Constant]:
    """Literals of the code, without docstrings of what is nested in it."""
    for statement in code_of(function):
        if not (isinstance(statement, ast.Expr) and is_string(statement.value)):
            yield from literals(statement)


@edit
def a_default(source: Source) -> Iterator[str]:
    for function in source.every_function():
        for default in [*function.args.defaults, *function.args.kw_defaults]:
            if default is not None:
                for literal in literals(default):
                    yield source.replaced(literal, other_value(literal))


@edit
def a_docstring(source: Source) -> Iterator[str]:
    for node in [*source.every_function(), *source.classes()]:
        found = docstring(node)
        if found:
            yield source.replaced(found, '"""Edited.\n\n    Twice."""')
        elif node.body[0].lineno > node.lineno:
            indent = " " * node.body[0].col_offset
            yield source.inserted(first_line(node.body[0]), f'{indent}"""Edited."""\n')


@edit
def a_docstring_of_the_module(source: Source) -> Iterator[str]:
    found = docstring(source.tree) if source.body else None
    if found:
        yield source.replaced(found, '"""Edited."""')
    else:
        yield source.inserted(1, '"""Edited."""\n')


# Statements


@edit
def a_comment_above(source: Source) -> Iterator[str]:
    for statement in source.body:
        yield source.before(statement, "# edited\n\n")


@edit
def a_constant(source: Source) -> Iterator[str]:
    for statement in source.body:
        value = getattr(statement, "value", None)
        bound = isinstance(statement, (ast.Assign, ast.AnnAssign)) and value
        if bound and not isinstance(value, ast.Call):
            for literal in literals(value):
                yield source.replaced(literal, other_value(literal))


@edit
def an_argument_of_a_call(source: Source) -> Iterator[str]:
    """At the top level: `app = FastAPI(title="Shop")`, `register("a", 1)`."""
    for statement in source.body:
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Call):
            for literal in literals(value):
                yield source.replaced(literal, other_value(literal))


@edit
def a_new_constant(source: Source) -> Iterator[str]:
    for statement in source.body[len(source.body) // 2 :][:1]:
        yield source.before(statement, "EDITED = 'new'\n")


@edit
def a_removed_statement(source: Source) -> Iterator[str]:
    for statement in source.body:
        if not is_future(statement):
            yield source.without(statement)


@edit
def the_order_of_two_statements(source: Source) -> Iterator[str]:
    for one, two in pairwise(source.body):
        if not is_future(one) and two.lineno > (one.end_lineno or one.lineno):
            yield source.swapped(one, two)


def is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


@edit
def a_statement_written_twice(source: Source) -> Iterator[str]:
    for statement in source.body:
        if not is_future(statement):
            lines = source.lines[first_line(statement) - 1 : statement.end_lineno]
            text = b"".join(lines).decode().rstrip("\n") + "\n"
            yield source.before(statement, text)


@edit
def a_decorator_less(source: Source) -> Iterator[str]:
    for node in [*source.functions(), *source.classes()]:
        for decorator in node.decorator_list:
            start = (decorator.lineno, decorator.col_offset - 1)
            end = (decorator.end_lineno, decorator.end_col_offset)
            yield source.between(start, end, "")


@edit
def a_base_less(source: Source) -> Iterator[str]:
    for cls in source.classes():
        if len(cls.bases) == 1 and not cls.keywords:
            yield source.replaced(cls.bases[0], "object")


@edit
def an_alias_of_an_import(source: Source) -> Iterator[str]:
    for statement in source.body:
        is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
        for name in statement.names if is_import and not is_future(statement) else ():
            if name.asname is None and name.name.isidentifier():
                yield source.replaced(name, f"{name.name} as edited")


@edit
def a_condition_around(source: Source) -> Iterator[str]:
    """`if True:` before a statement: the same effect from another shape."""
    for statement in source.body:
        start, end = first_line(statement) - 1, statement.end_lineno
        inside = [ast.walk(statement)]
        multiline = any(
            is_string(n) and n.lineno != n.end_lineno for part in inside for n in part
        )
        if is_future(statement) or multiline or statement is docstring(source.tree):
            continue
        rows = [b"    " + row for row in source.lines[start:end]]
        lines = [*source.lines[:start], b"if True:\n", *rows, *source.lines[end:]]
        yield b"".join(lines).decode()
