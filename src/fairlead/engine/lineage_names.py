"""One pass over a piece of syntax: its normal form, and the names it takes from around it.

The normal form is the tree without positions, comments, formatting, docstrings and other bare
strings, and without Fairlead's own decorators. Nothing here knows what a name means.
"""

from __future__ import annotations

import _ast as ast
from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from fairlead.engine.lineage_index import Import, imports

__all__ = ["Reading", "Use", "read"]

_WATCHED = {"getattr": 1, "exec": 0, "eval": 0, "__import__": 0, "import_module": 0, "run_path": 0, "run_module": 0}
"""Calls that reach code by a value, with the place of the argument that says which."""

_UNSAID = frozenset({"ctx", "kind", "type_comment"})
"""Fields that follow from the rest, or that do nothing."""


class Use(msgspec.Struct, frozen=True):
    """A name taken from outside the piece, with the attributes taken from it."""

    name: str
    chain: tuple[str, ...]
    line: int
    call: str = ""
    """`computed`, `known` or empty: how a call that is watched says what it wants."""
    argument: str = ""
    """What a watched call asks for, where it is written down."""
    surely: bool = True
    """False where the name may as well be the piece's own (in the body of a class)."""
    imported: Import | None = None
    """What the name means, when the piece imports it itself."""
    file: str = ""
    """Where `line` is, once the name is looked up in another module."""


class Reading:
    """What one pass found."""

    __slots__ = ("called", "tokens", "uses")

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.uses: list[Use] = []
        self.called: list[tuple[str, int]] = []
        """Own arguments that the outermost function calls: code that somebody passes in."""


class _Scope:
    __slots__ = ("bound", "calls", "declared", "imports", "kind", "parameters", "parent", "uses")

    def __init__(self, kind: str, parent: _Scope | None) -> None:
        self.kind = kind
        self.parent = parent
        self.bound: set[str] = set()
        self.calls: list[tuple[str, int]] = []
        self.parameters: set[str] = set()
        self.declared: set[str] = set()
        self.imports: dict[str, list[Import]] = {}
        self.uses: list[Use] = []


def read(nodes: Iterable[ast.AST], is_ours: Callable[[str, tuple[str, ...]], bool], *, inner: bool = False) -> Reading:
    """Read pieces of syntax; `inner` leaves out a function's decorators, defaults and annotations."""
    nodes = list(nodes)
    reader = _Reader(is_ours)
    try:
        for node in nodes:
            if inner and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                reader.function_body(node)
            else:
                reader.visit(node)
    except RecursionError:  # a sum of a thousand terms, written by a program
        return _read_flat(nodes)
    reader.reading.uses = reader.scope.uses
    return reader.reading


def _read_flat(nodes: list[ast.AST]) -> Reading:
    """Read without recursion, knowing no scopes: every name may be one from outside."""
    reading = Reading()
    todo: list[object] = list(reversed(nodes))
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.AST):
            reading.tokens.append(repr(node))
            continue
        reading.tokens.append(type(node).__name__)
        if isinstance(node, ast.Name):
            reading.uses.append(Use(node.id, (), node.lineno, surely=False))
        for field in node._fields:
            value = getattr(node, field, None)
            if field not in _UNSAID and value is not None:
                parts = value if isinstance(value, list) else [value]
                reading.tokens.append(f"{field} {len(parts)}")
                todo.extend(part for part in reversed(parts) if not _is_bare_string(part))
    return reading


class _Reader:
    def __init__(self, is_ours: Callable[[str, tuple[str, ...]], bool]) -> None:
        self.reading = Reading()
        self.scope = _Scope("module", None)
        self.out = self.reading.tokens.append
        self.is_ours = is_ours
        self.special: dict[type, Callable[..., None]] = {
            ast.Name: self.name,
            ast.Attribute: self.attribute,
            ast.Call: self.call,
            ast.Subscript: self.subscript,
            ast.FunctionDef: self.function,
            ast.AsyncFunctionDef: self.function,
            ast.ClassDef: self.klass,
            ast.Lambda: self.lambda_,
            ast.ListComp: self.comprehension,
            ast.SetComp: self.comprehension,
            ast.DictComp: self.comprehension,
            ast.GeneratorExp: self.comprehension,
            ast.Import: self.import_,
            ast.ImportFrom: self.import_,
            ast.Global: self.declare,
            ast.Nonlocal: self.declare,
        }

    # --- the plain walk ---

    def visit(self, node: ast.AST) -> None:
        self.special.get(type(node), self.plain)(node)

    def plain(self, node: ast.AST, skip: str = "") -> None:
        out = self.out
        out(type(node).__name__)
        for field in node._fields:
            value = getattr(node, field, None)
            if value is None or field in _UNSAID or field == skip or value == []:
                continue
            out(field)
            if isinstance(value, ast.AST):
                self.special.get(type(value), self.plain)(value)
            else:
                self.field(value)
        bound = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(bound, str) and not isinstance(
            node, ast.alias
        ):  # an `except … as e`, a capture in `match`, a type parameter
            self.scope.bound.add(bound)
        self.out(")")

    def field(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.visit(value)
        elif isinstance(value, list):
            for part in value:
                if not _is_bare_string(part):
                    self.field(part)
            self.out("]")
        else:
            self.out(repr(value))

    # --- names ---

    def name(self, node: ast.Name) -> None:
        self.out("Name")
        self.out(node.id)
        if isinstance(node.ctx, ast.Load):
            self.scope.uses.append(Use(node.id, (), node.lineno))
        else:
            scope = self.scope
            scope.bound.add(node.id)
            while scope.kind == "comprehension" and scope.parent is not None:  # `:=` binds outside of it
                scope = scope.parent
                scope.bound.add(node.id)

    def attribute(self, node: ast.Attribute) -> None:
        found = _chain(node)
        if found is None:
            self.plain(node)
            return
        self.out("Attribute")
        self.out(".".join((found[0], *found[1])))
        self.scope.uses.append(Use(*found, node.lineno))

    def call(self, node: ast.Call) -> None:
        found = _chain(node.func)
        if found is not None and not found[1]:
            self.scope.calls.append((found[0], node.lineno))
        watched = _WATCHED.get((found[1] or (found[0],))[-1]) if found else None
        if found is None or watched is None:
            self.plain(node)
            return
        self.out("watched")
        self.out(".".join((found[0], *found[1])))
        argument = node.args[watched] if len(node.args) > watched else None
        known = argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
        use = Use(*found, node.lineno, "computed" if known is None else "known", known or "")
        owner = _chain(node.args[0]) if known is not None and found == ("getattr", ()) else None
        if owner is None:
            self.plain(node, skip="func")
        else:  # getattr(features, "scale") is features.scale
            self.scope.uses.append(Use(owner[0], (*owner[1], *(known or "").split(".")), node.lineno))
            self.out(".".join((owner[0], *owner[1])))
            for part in node.args[1:]:
                self.visit(part)
        self.scope.uses.append(use)

    def subscript(self, node: ast.Subscript) -> None:
        owner = node.value
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "globals":
            key = node.slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.out("globals")
                self.out(key.value)
                self.scope.uses.append(Use(key.value, (), node.lineno))
                return
        self.plain(node)

    def declare(self, node: ast.Global | ast.Nonlocal) -> None:
        self.plain(node)
        self.scope.declared.update(node.names)
        if isinstance(node, ast.Global):
            self.scope.uses.extend(Use(name, (), node.lineno) for name in node.names)

    def import_(self, node: ast.Import | ast.ImportFrom) -> None:
        self.plain(node)
        for name, imported in imports(node):
            if name != "*":
                self.scope.bound.add(name)
                self.scope.imports.setdefault(name, []).append(imported)

    # --- scopes ---

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scope.bound.add(node.name)
        self.out(type(node).__name__)
        self.out(node.name)
        self.decorators(node.decorator_list)
        self.defaults(node.args)
        self.function_body(node, annotations=True)

    def function_body(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, *, annotations: bool = False
    ) -> None:
        self.enter("function")
        # Type parameters are seen by annotations, so that those are read on the inside.
        self.field(getattr(node, "type_params", []))
        arguments = node.args
        for kind in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
            self.out(kind)
            part = getattr(arguments, kind)
            for argument in part if isinstance(part, list) else [part] if part else []:
                self.out(argument.arg)
                self.scope.bound.add(argument.arg)
                self.scope.parameters.add(argument.arg)
                if annotations and argument.annotation is not None:
                    self.visit(argument.annotation)
        if annotations and getattr(node, "returns", None) is not None:
            self.out("->")
            self.field(getattr(node, "returns", None))
        self.field(node.body)
        self.leave()

    def lambda_(self, node: ast.Lambda) -> None:
        self.out("Lambda")
        self.defaults(node.args)
        self.function_body(node)

    def defaults(self, arguments: ast.arguments) -> None:
        self.field(arguments.defaults)
        for default in arguments.kw_defaults:
            self.out("default")
            if default is not None:
                self.visit(default)

    def decorators(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            found = _chain(node.func if isinstance(node, ast.Call) else node)
            if found is None or not self.is_ours(*found):
                self.out("@")
                self.visit(node)

    def klass(self, node: ast.ClassDef) -> None:
        self.scope.bound.add(node.name)
        self.out("ClassDef")
        self.out(node.name)
        self.decorators(node.decorator_list)
        self.enter("class")
        self.field(getattr(node, "type_params", []))
        self.field(node.bases)
        self.field(node.keywords)
        self.field(node.body)
        self.leave()

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.out(type(node).__name__)
        self.visit(node.generators[0].iter)  # evaluated outside, where the comprehension's names mean nothing
        self.enter("comprehension")
        for position, generator in enumerate(node.generators):
            self.plain(generator, skip="" if position else "iter")
        for field in ("key", "value", "elt"):
            part = getattr(node, field, None)
            if part is not None:
                self.visit(part)
        self.leave()

    def enter(self, kind: str) -> None:
        self.scope = _Scope(kind, self.scope)

    def leave(self) -> None:
        """Hand what the scope does not bind itself to the one around it."""
        scope, parent = self.scope, self.scope.parent
        assert parent is not None
        self.scope = parent
        own = scope.bound - scope.declared
        if scope.kind == "function" and parent.kind == "module":
            self.reading.called.extend(call for call in scope.calls if call[0] in scope.parameters)
        parent.calls.extend(call for call in scope.calls if call[0] not in own)
        for use in scope.uses:
            if use.imported is not None or use.name not in own:
                parent.uses.append(use)
            elif use.name in scope.imports:
                parent.uses.extend(replace(use, imported=imported) for imported in scope.imports[use.name])
            elif scope.kind == "class":
                parent.uses.append(replace(use, surely=False))


def _chain(node: ast.expr) -> tuple[str, tuple[str, ...]] | None:
    """Take `a.b.c` apart; None for anything that does not start with a name that is read."""
    attributes = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return node.id, tuple(reversed(attributes))
    return None


def _is_bare_string(node: object) -> bool:
    """Whether it is a docstring or another string that nobody looks at."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
