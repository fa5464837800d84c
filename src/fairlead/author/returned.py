"""The names that a function's return statements give to its values, read from its source.

Reads only; a function whose source is not there simply names nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["returned_names"]


def returned_names(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Give the names in `return df, score` when every return statement has the same ones.

    Empty when the function returns no value; None when it returns one that has no name.
    """
    import ast
    import inspect
    import textwrap

    function = inspect.unwrap(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # builtins, consoles, lambdas in the middle of an expression
        return None
    outer = next(iter(tree.body), None)
    if not isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    if outer.name != function.__code__.co_name:  # the file was edited since, and something else stands there now
        return None
    found = {_names(statement.value) for statement in _returns(outer)}
    return found.pop() if len(found) == 1 else None if found else ()


def _names(value: Any) -> tuple[str, ...] | None:
    import ast

    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return ()
    parts = value.elts if isinstance(value, ast.Tuple) and value.elts else [value]
    names = tuple(part.id for part in parts if isinstance(part, ast.Name))
    return names if len(names) == len(parts) and len(set(names)) == len(names) else None


def _returns(node: Any) -> Iterator[Any]:
    import ast

    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _returns(child)
