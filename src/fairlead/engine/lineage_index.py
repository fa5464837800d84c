"""What the top level of a file binds: each name with the statements that give it its meaning.

Reads syntax only. Where files are, and what a name reaches from here, is not worked out here.
"""

from __future__ import annotations

import _ast as ast  # the node classes alone: importing `ast` itself costs as much as the whole analysis
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import CodeType
from typing import Any

__all__ = ["Binding", "Import", "Module", "imports", "parse", "parse_code"]


class Import:
    """What an import statement makes a name mean."""

    __slots__ = ("attribute", "level", "module")

    def __init__(self, module: str, level: int = 0, attribute: str = "") -> None:
        self.module = module
        self.level = level
        """Dots in front: 0 for an absolute import."""
        self.attribute = attribute
        """What is taken out of the module; empty for the module itself."""

    def absolute(self, module: str, *, package: bool) -> str:
        """Name the imported module as seen from the module it is written in."""
        if not self.level:
            return self.module
        parts = module.split(".")
        parts = parts[: len(parts) - self.level + (1 if package else 0)]
        return ".".join((*parts, self.module) if self.module else parts)


class Binding:
    """One statement that gives a top-level name its meaning, or changes what it means."""

    __slots__ = ("guards", "imported", "loose", "node", "optional")

    def __init__(
        self,
        node: ast.stmt,
        guards: tuple[ast.AST, ...],
        imported: Import | None = None,
        *,
        optional: bool = False,
        loose: bool = False,
    ) -> None:
        self.node = node
        self.guards = guards
        """Conditions, iterables and exception types of the statements around it."""
        self.imported = imported
        self.optional = optional
        """Stands in a `try`: what it imports need not be there."""
        self.loose = loose
        """Changes the name's object only if that is the project's own: `@X.register`, `fill(X)`."""


class Module:
    """The top level of one version of one project file."""

    __slots__ = ("bindings", "file", "name", "package", "readings", "rebound", "stars", "subclasses", "tree")

    def __init__(self, name: str, file: str, tree: ast.Module, source: str) -> None:
        self.name = name
        """Canonical."""
        self.file = file
        self.tree = tree
        self.package = file.endswith(f"{os.sep}__init__.py")
        self.bindings: dict[str, list[Binding]] = {}
        self.stars: list[Import] = []
        self.rebound: dict[str, int] = {}
        """Names that a function assigns by `global`, with the line that says so."""
        self.subclasses = "__subclasses__" in source
        """Asks classes for those made from them."""
        self.readings: dict[str, Any] = {}
        """What the resolver keeps per name, for as long as this version of the file lives."""
        index(self, tree.body)
        for bound, bindings in self.bindings.items():
            if any(binding.loose for binding in bindings):
                self.bindings[bound] = _without_strangers(bindings)
        if "global " in source:
            self.rebound.update(_rebound(tree))


def _without_strangers(bindings: list[Binding]) -> list[Binding]:
    """Drop uses of what another module owns: `@functools.wraps` does not change `functools`."""
    firm = [binding for binding in bindings if not binding.loose]
    return bindings if firm and not any(binding.imported for binding in firm) else firm


_lock = Lock()


@contextmanager
def _parsing() -> Iterator[None]:
    """Have the parser for oneself.

    Before 3.11.8, Python's parser counts its depth for all threads at once: two at a time are a
    SystemError, and so is what a collection of garbage in between has parsed.
    """
    with _lock:
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()


def parse(source: bytes | str, file: str) -> ast.Module:
    """Parse as `ast.parse` does."""
    with _parsing():
        tree = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def parse_code(source: bytes, file: str) -> CodeType:
    """Compile as an import does."""
    with _parsing():
        return compile(source, file, "exec", dont_inherit=True)


# --- indexing ------------------------------------------------------------------------------------


def index(module: Module, body: list[ast.stmt], guards: tuple[ast.AST, ...] = (), *, optional: bool = False) -> None:
    """Note what each statement binds or changes, through conditions and blocks."""
    for node in body:
        if isinstance(node, ast.If):
            _index_if(module, node, guards, optional=optional)
        elif isinstance(node, ast.Try | ast.TryStar):
            caught = tuple(handler.type for handler in node.handlers if handler.type is not None)
            index(module, node.body, (*guards, *caught), optional=True)
            for handler in node.handlers:
                index(module, handler.body, (*guards, *caught), optional=optional)
            index(module, node.orelse, guards, optional=optional)
            index(module, node.finalbody, guards, optional=optional)
        elif isinstance(node, ast.For | ast.While | ast.With | ast.Match):
            _index_block(module, node, guards, optional=optional)
        else:
            _index_plain(module, node, guards, optional=optional)


def _index_if(module: Module, node: ast.If, guards: tuple[ast.AST, ...], *, optional: bool) -> None:
    kind = _kind_of_test(node.test)
    if kind == "typing":
        # Never true while the program runs: its names mean something to type checkers only.
        for name in _names_bound(node.body):
            module.bindings.setdefault(name, [])
        index(module, node.orelse, guards, optional=optional)
    elif kind == "main":
        # Runs in the script and not in the module, and the digest must not know which one it is. What it
        # assigns can be reached as a global; what it calls happens after everything was defined.
        assigned = [part for part in node.body if isinstance(part, ast.Assign | ast.AnnAssign | ast.FunctionDef)]
        index(module, list(assigned), guards, optional=optional)
        index(module, node.orelse, guards, optional=optional)
    else:
        index(module, node.body, (*guards, node.test), optional=optional)
        index(module, node.orelse, (*guards, node.test), optional=optional)


def _kind_of_test(test: ast.expr) -> str:
    if isinstance(test, ast.Name | ast.Attribute):
        name = test.id if isinstance(test, ast.Name) else test.attr
        return "typing" if name == "TYPE_CHECKING" else ""
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__":
        return "main"
    return ""


def _index_block(
    module: Module,
    node: ast.For | ast.While | ast.With | ast.Match,
    guards: tuple[ast.AST, ...],
    *,
    optional: bool,
) -> None:
    if isinstance(node, ast.Match):
        for case in node.cases:
            index(module, case.body, (*guards, node.subject, case.pattern), optional=optional)
        return
    if isinstance(node, ast.With):
        around: tuple[ast.AST, ...] = tuple(node.items)
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
    elif isinstance(node, ast.For):
        around, targets = (node.target, node.iter), [node.target]
    else:
        around, targets = (node.test,), []
    for target in targets:
        for name in _targets(target):
            _bind(module, name, Binding(ast.Pass(), (*guards, *around)))
    index(module, node.body, (*guards, *around), optional=optional)
    if not isinstance(node, ast.With):
        index(module, node.orelse, (*guards, *around), optional=optional)


def _index_plain(module: Module, node: ast.stmt, guards: tuple[ast.AST, ...], *, optional: bool) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for name, imported in imports(node):
            if name == "*":
                module.stars.append(imported)
            else:
                _bind(module, name, Binding(node, guards, imported, optional=optional))
        return
    loose = _names_used(node)
    for name in _names_of(node):
        _bind(module, name, Binding(node, guards))
        loose.discard(name)
    for name in loose:
        _bind(module, name, Binding(node, guards, loose=True))


def _bind(module: Module, name: str, binding: Binding) -> None:
    module.bindings.setdefault(name, []).append(binding)


def imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    """Give each name that an import statement binds, with what it means."""
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, Import(node.module or "", node.level, alias.name)
        return
    for alias in node.names:
        if alias.asname:
            yield alias.asname, Import(alias.name)
        else:
            top = alias.name.partition(".")[0]
            yield top, Import(top)


def _names_of(node: ast.stmt) -> set[str]:
    """Name what a simple statement binds, and what it plainly changes: `X.append(1)`, `X["a"] = 1`."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in _targets(target)}
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return set(_targets(node.target)) if node.value is not None else set()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        root = _root(node.value.func)
        return {root} if root else set()
    if type(node).__name__ == "TypeAlias":  # there from Python 3.12 on
        return set(_targets(node.name))  # type: ignore[attr-defined]
    return set()


def _names_used(node: ast.stmt) -> set[str]:
    """Name what a statement may change: the registry of a decorator, what a bare call is given."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        calls = (part.func if isinstance(part, ast.Call) else part for part in node.decorator_list)
        return {root for call in calls if (root := _root(call))}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if isinstance(node.value.func, ast.Name) and node.value.func.id != "print":
            return {argument.id for argument in node.value.args if isinstance(argument, ast.Name)}
    return set()


def _root(node: ast.expr) -> str:
    """Name the object whose attribute or item this is; "" for a plain name or anything else."""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    return inner.id if inner is not node and isinstance(inner, ast.Name) else ""


def _targets(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for part in target.elts for name in _targets(part)]
    if isinstance(target, ast.Starred):
        return _targets(target.value)
    root = _root(target)
    return [root] if root else []


def _names_bound(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (name for name, _ in imports(node))
        else:
            yield from _names_of(node)


def _rebound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Global):
            yield from ((name, node.lineno) for name in node.names)
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            part = getattr(node, field, ())
            todo.extend(part if isinstance(part, list) else ())
