"""What only a running object can say of its code: closures, partials, notebooks, plain values.

Objects that stand in a project's file under a name are handed to the resolver by that name, so
that the answer is the same in every process.
"""

from __future__ import annotations

import _ast as ast
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from fairlead.engine.lineage_index import Module, parse
from fairlead.engine.lineage_live import UNKNOWN, constant, definitions_in, edited, words
from fairlead.engine.lineage_modules import Found, loaded
from fairlead.engine.lineage_names import Reading, Use, read
from fairlead.engine.lineage_resolve import Resolver, Symbol, digest_of
from fairlead.engine.packages import site_of
from fairlead.model.names import canonical_module

__all__ = ["Objects", "unwrap"]

_DEEPEST = 20
_CELLS: dict[str, tuple[int, Module]] = {}
"""Cells of a notebook by the name of their code; the number of characters tells a new version."""


class Objects(Resolver):
    """Follows names and objects."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._objects: dict[str, FunctionType | type] = {}
        """By identity; held so that no other object takes that identity meanwhile."""

    def add_value(self, value: Any, chain: tuple[str, ...], out: Symbol, words: str) -> None:
        """Add the code of a function, class or module, or the digest of a plain value."""
        value = unwrap(value)
        if isinstance(value, partial):
            self.add_value(value.func, (), out, words)
            self._add_values(value.args, value.keywords, out, words)
        elif isinstance(value, MethodType):
            self.add_value(value.__func__, (), out, words)
            if not isinstance(value.__self__, type):
                self._add_state(value.__self__, out, words)
        elif isinstance(value, ModuleType):
            self.walk(self.find(canonical_module(value.__name__)), chain, out, None, Use(words, (), 0))
        elif isinstance(value, FunctionType | type):
            self._add_definition(value, out)
        elif isinstance(value, BuiltinFunctionType):
            self._add_native(value, out, words)
        elif (digest := _plain(value)) is not None:
            out.symbols[words] = digest
        else:
            self._add_other(value, out, words)

    def _add_values(self, args: Iterable[Any], keywords: dict[str, Any], out: Symbol, words: str) -> None:
        for position, argument in enumerate(args):
            self.add_value(argument, (), out, f"{words}[{position}]")
        for name, argument in keywords.items():
            self.add_value(argument, (), out, f"{words}[{name}]")

    def _add_native(self, value: Any, out: Symbol, words: str) -> None:
        name = getattr(value, "__module__", None) or type(value).__module__
        found = self.find(str(name))
        if isinstance(found, Found) and found.kind in ("stdlib", "ours"):
            return
        before = len(out.packages)
        self.walk(found, (), out, None, Use(words, (), 0))
        if len(out.packages) == before and not isinstance(found, Module):
            out.opaque[f"C function {name}.{getattr(value, '__qualname__', words)}"] = None

    def _add_other(self, value: Any, out: Symbol, words: str) -> None:
        wrapped = getattr(value, "__wrapped__", None)
        if callable(wrapped):  # functools.cache, and others that keep what they stand for
            self.add_value(wrapped, (), out, words)
        elif isinstance(origin := getattr(value, "__origin__", None), type):  # list[Model]
            self._add_values((origin, *getattr(value, "__args__", ())), {}, out, words)
        elif type(value).__module__ != "typing":
            self._add_state(value, out, words)

    def _add_state(self, value: Any, out: Symbol, words: str) -> None:
        self._add_definition(type(value), out)
        out.opaque[f"{words}, a value of {type(value).__qualname__}"] = None

    # --- loaded modules ---

    def add_live(self, module: Module, name: str, value: Any, out: Symbol) -> None:
        """Count what the source does not say: a value from outside, what a registry holds, an edit after loading."""
        bindings = [binding for binding in module.bindings[name] if binding.imported is None]
        if isinstance(value, FunctionType | type) or unwrap(value) is not value or hasattr(value, "__wrapped__"):
            if told := edited(module, name, value):
                self._mix(module, name, told, out)
                label = self.label(module)
                out.opaque[f"{label} was edited after it was loaded; restart or reload to have it count"] = None
            self._add_held(getattr(value, "registry", ()), out)
            if isinstance(value, type):
                self._add_live_class(module, name, value, out)
            return
        if not bindings:  # an import under a condition
            return
        self._add_held(value, out)
        written = constant(bindings)
        spelt = words(value, str(self.root), self._ours)
        if spelt is None:
            if written is UNKNOWN and _is_data(value):
                place = f"{self.label(module)}:{bindings[0].node.lineno}" if hasattr(bindings[0].node, "lineno") else ""
                out.opaque[f"{name!r} is computed when its module is loaded, {place or self.label(module)}"] = None
        elif name not in module.rebound and not (isinstance(written, list | dict | set) and not written):
            # What starts out empty is filled by the tasks themselves: a count, a cache, a list of calls.
            if written is UNKNOWN or words(written, str(self.root), self._ours) != spelt:
                self._mix(module, name, spelt, out)

    def _mix(self, module: Module, name: str, told: str, out: Symbol) -> None:
        words = f"{self.label(module)}: {name}"
        out.symbols[words] = digest_of((out.symbols[words], told))

    def _ours(self, kind: FunctionType | type) -> bool:
        return isinstance(self.find(canonical_module(kind.__module__ or "")), Module)

    def _add_held(self, value: Any, out: Symbol) -> None:
        for part in definitions_in(value, self._ours):
            if self._ours(part):
                self._add_definition(part, out)

    def _add_live_class(self, module: Module, name: str, value: type, out: Symbol) -> None:
        for part in list(vars(value).values()):
            if isinstance(part, dict | list | set):
                self._add_held(part, out)
            elif registry := getattr(getattr(part, "dispatcher", None), "registry", None):
                self._add_held(registry, out)
        makers = (kind for kind in (*value.__mro__, type(value)) if kind is not type and kind is not object)
        watched = (kind for kind in makers if isinstance(kind, type) and self._ours(kind))
        if module.subclasses or any("__init_subclass__" in vars(kind) or issubclass(kind, type) for kind in watched):
            self.add_subclasses(module, name, out)

    def add_subclasses(self, module: Module, name: str, out: Symbol) -> None:
        """Add the project's classes that are made from a loaded one, directly or not."""
        todo: list[Any] = [vars(running).get(name)] if (running := loaded(module.name)) is not None else []
        while todo:
            part = todo.pop()
            kinds: list[type] = type.__subclasses__(part) if isinstance(part, type) else []
            for kind in kinds:
                todo.append(kind)
                if self._ours(kind):
                    self._add_definition(kind, out)

    # --- functions and classes ---

    def _add_definition(self, value: FunctionType | type, out: Symbol) -> None:
        name = canonical_module(value.__module__ or "__main__")
        head = value.__qualname__.partition(".")[0]
        found = self.find(name)
        if isinstance(found, Module) and head in found.bindings and "<" not in value.__qualname__:
            self.resolve(found, Use(head, (), 0), out)
        elif isinstance(value, type):
            self._add_class(value, found, out)
        elif (file := value.__code__.co_filename) and site_of(file) is None and not _is_stdlib(self, value):
            self._add_object(value, out)
        elif isinstance(found, Found):
            self.walk(found, (), out, None, Use(name, (), 0))

    def _add_class(self, value: type, found: Module | Found, out: Symbol) -> None:
        if isinstance(found, Module) or found.name == "__main__":
            self._add_object(value, out)
        elif found.kind not in ("stdlib", "ours"):
            self.walk(found, (), out, None, Use(value.__qualname__, (), 0))

    def _add_object(self, value: FunctionType | type, out: Symbol) -> None:
        key = str(id(value))
        self._objects[key] = value
        out.needs["", key] = None

    def fill_object(self, name: str, out: Symbol) -> None:
        """Work out a function or class that no name in a file leads to."""
        value = self._objects[name]
        if isinstance(value, type):
            self._fill_class(value, out)
        else:
            self._fill_function(value, out)

    def _fill_function(self, function: FunctionType, out: Symbol) -> None:
        module = self._module_of(function)
        nodes = _nodes(module.tree, function.__code__) if module is not None else []
        place = self._place(function, module)
        if module is None or not nodes:
            reading = _read_code(function.__code__)
        else:
            # Decorators are wrappers around it, defaults are values by now, and both may use names that are gone.
            reading = read(nodes, partial(self.is_ours, module), inner=True)
            self._called(reading, place, out)
        words = f"{place}: {function.__qualname__}"
        out.symbols[words] = digest_of(reading.tokens)
        self._add_values(function.__defaults__ or (), function.__kwdefaults__ or {}, out, f"{words} default")
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        known = module if module is not None and not module.file.startswith("<") else None
        for use in reading.uses:
            if use.name in cells:
                self._add_cell(cells[use.name], use, out, words)
            elif known is not None:
                self.resolve(known, use, out)
            else:
                self._resolve_live(function.__globals__, use, out, place)

    def _called(self, reading: Reading, place: str, out: Symbol) -> None:
        out.called = [f"{argument!r}, a callable that is passed in, {place}:{at}" for argument, at in reading.called]

    def _add_cell(self, cell: Any, use: Use, out: Symbol, words: str) -> None:
        try:
            value = cell.cell_contents
        except ValueError:
            out.opaque[f"{words}.{use.name}, which has no value yet"] = None
            return
        self.add_value(value, use.chain, out, f"{words}.{use.name}")

    def _resolve_live(self, names: dict[str, Any], use: Use, out: Symbol, place: str) -> None:
        """Resolve a name of a session that has no file: by what it stands for now."""
        if use.imported is not None:
            found = self.find(use.imported.module)
            chain = (use.imported.attribute, *use.chain) if use.imported.attribute else use.chain
            self.walk(found, chain, out, None, use)
        elif use.name in names:
            self.add_value(names[use.name], use.chain, out, f"{place}: {use.name}")
        elif use.name in vars(sys.modules["builtins"]):
            self.note_builtin(use, out, place)
        elif use.surely:
            out.opaque[f"{use.name!r}, which nothing visible defines, {place}"] = None

    def _fill_class(self, value: type, out: Symbol) -> None:
        """Read a class of a notebook, or one made inside a function: whole, by its source or by its parts."""
        words = f"{canonical_module(value.__module__)}: {value.__qualname__}"
        for base in value.__bases__:
            self.add_value(base, (), out, words)
        for name, part in sorted(vars(value).items()):
            inner = getattr(part, "__func__", None) or getattr(part, "fget", None) or part
            if isinstance(inner, FunctionType) and inner.__code__.co_filename != "<string>":
                self._add_object(inner, out)
            elif not name.startswith("__") and (digest := _plain(part)) is not None:
                out.symbols[f"{words}.{name}"] = digest
        out.symbols[words] = digest_of([value.__qualname__, *map(str, getattr(value, "__annotations__", {}).items())])

    # --- where they are written ---

    def _module_of(self, function: FunctionType) -> Module | None:
        """Give the file that a function is written in, or the notebook cell."""
        file = function.__code__.co_filename
        if Path(file).is_file():
            name = canonical_module(str(function.__globals__.get("__name__", "__main__")))
            found = self.find(name)
            return found if isinstance(found, Module) and found.file == file else None
        cached = sys.modules.get("linecache")
        lines = cached.cache.get(file) if cached is not None else None
        if lines is None or len(lines) == 1:
            return None
        source = "".join(lines[2])
        known = _CELLS.get(file)
        if known is None or known[0] != len(source):
            tree = parse(_without_magic(source), file)
            _CELLS[file] = known = (len(source), Module("__main__", "<cell>", tree, source))
        return known[1]

    def _place(self, function: FunctionType, module: Module | None) -> str:
        if module is not None and not module.file.startswith("<"):
            return self.label(module)
        return canonical_module(str(function.__globals__.get("__name__", "__main__")))


def unwrap(value: Any) -> Any:
    """Give the plain function of a task or workflow; anything else as it is."""
    if type(value).__module__.startswith("fairlead."):
        return getattr(value, "__wrapped__", value)
    return value


def _is_data(value: Any) -> bool:
    """Whether a value may come out differently next time: no module, and nothing of typing, logging or threads."""
    kind = type(value)
    return kind.__module__ not in ("typing", "logging", "_thread", "threading", "_contextvars") and not callable(value)


def _is_stdlib(resolver: Resolver, function: FunctionType) -> bool:
    found = resolver.find(function.__module__ or "__main__")
    return isinstance(found, Found) and found.kind in ("stdlib", "ours")


def _without_magic(source: str) -> str:
    """Blank the lines that only a notebook understands."""
    lines = source.splitlines(keepends=True)
    return "".join("\n" if line.lstrip()[:1] in ("%", "!", "?") else line for line in lines)


def _nodes(tree: ast.AST, code: CodeType) -> list[ast.AST]:
    """Find the definitions that a code object may have been made from; all lambdas of its line."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = [tree]
    line = code.co_firstlineno
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Lambda):
            if code.co_name == "<lambda>" and node.lineno == line:
                found.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min((node.lineno, *(decorator.lineno for decorator in node.decorator_list)))
            if node.name == code.co_name and first == line:
                return [node]
        for field in node._fields:
            part = getattr(node, field, None)
            children = part if isinstance(part, list) else (part,)
            todo.extend(
                child for child in children if isinstance(child, ast.AST) and getattr(child, "end_lineno", line) >= line
            )
    return found


def _read_code(code: CodeType) -> Reading:
    """Read a function without source: its instructions, constants and names, without positions."""
    reading = Reading()
    todo = [code]
    while todo:
        part = todo.pop()
        words = (part.co_code.hex(), *part.co_names, *part.co_varnames, *part.co_freevars)
        reading.tokens.extend(words)
        for inner in part.co_consts:
            if isinstance(inner, CodeType):
                todo.append(inner)
            else:
                reading.tokens.append(_plain(inner) or "")
        reading.uses.extend(Use(name, (), 0, surely=False) for name in (*part.co_names, *part.co_freevars))
    return reading


def _plain(value: Any, depth: int = 0) -> str | None:
    """Digest a value that is nothing but plain data; None for any other."""
    words = _words(value, depth)
    return digest_of([words]) if words is not None else None


def _words(value: Any, depth: int) -> str | None:
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes, type(...), range):
        return f"{kind.__name__}:{value!r}"
    if depth > _DEEPEST or kind not in (tuple, list, dict, set, frozenset):
        return None
    parts = [_words(part, depth + 1) for part in (value.items() if kind is dict else value)]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    return f"{kind.__name__}({','.join(sorted(whole) if kind in (set, frozenset) else whole)})"
