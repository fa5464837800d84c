"""What a loaded module says beyond its source: values that came from outside, and edits after loading.

Looks at objects and gives words for them; which of them count for what is not decided here.
"""

from __future__ import annotations

import _ast as ast
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from types import CodeType, FunctionType
from typing import Any

from fairlead.engine.lineage_index import Binding, Module, parse_code
from fairlead.model.names import canonical_module

__all__ = ["UNKNOWN", "code_words", "constant", "definitions_in", "edited", "literal", "words"]

_DEEPEST = 20
_MANY = 10_000
_SCALARS = frozenset({bool, int, float, complex, bytes, type(None), type(...), range})
_BY_REPR = frozenset({"datetime", "decimal", "fractions", "uuid", "re"})
"""Modules of the standard library whose values say all they are in their `repr`."""
UNKNOWN: Any = object()
"""Stands for a value that the source does not write down."""


# --- plain values --------------------------------------------------------------------------------


def words(value: Any, root: str, ours: Callable[[FunctionType | type], bool], depth: int = 0) -> str | None:
    """Spell out plain data, and objects of the project's classes that hold nothing else; None for any other."""
    kind = type(value)
    if kind is str or isinstance(value, PurePath):
        text = str(value)  # a project that is moved is still the same
        return f"{kind.__name__}:{text.removeprefix(root) if root else text!r}"
    if kind in _SCALARS or kind.__module__ in _BY_REPR:
        return f"{kind.__name__}:{value!r}"
    if isinstance(value, FunctionType | type):  # what is in it counts by its source
        return f"{canonical_module(value.__module__ or '')}:{value.__qualname__}"
    if depth > _DEEPEST:
        return None
    if kind in (tuple, list, dict, set, frozenset) or (isinstance(value, dict) and kind.__module__ == "collections"):
        parts = [words(part, root, ours, depth + 1) for part in (value.items() if isinstance(value, dict) else value)]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            return None
        return f"{kind.__name__}({','.join(sorted(whole) if kind in (set, frozenset) else whole)})"
    state = getattr(value, "__dict__", None)
    if type(state) is dict and (ours(kind) or kind.__module__ in ("argparse", "types")):
        inner = words(state, root, ours, depth + 1)
        return f"{kind.__qualname__}{inner}" if inner is not None else None
    return None


def constant(bindings: list[Binding]) -> Any:
    """Give what the source writes down for a name: its value if that is a literal, UNKNOWN if it is computed."""
    if len(bindings) != 1 or bindings[0].guards:
        return UNKNOWN
    node = bindings[0].node
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return literal(node.value)
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return literal(node.value)
    return UNKNOWN


def literal(node: ast.AST) -> Any:
    """Work out a literal; UNKNOWN for what has to be computed."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        inner = node.operand.value
        return -inner if isinstance(inner, int | float | complex) else UNKNOWN
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = [literal(part) for part in node.elts]
        if any(part is UNKNOWN for part in parts):
            return UNKNOWN
        return tuple(parts) if isinstance(node, ast.Tuple) else parts if isinstance(node, ast.List) else set(parts)
    if isinstance(node, ast.Dict):
        keys = [literal(key) if key is not None else UNKNOWN for key in node.keys]
        values = [literal(part) for part in node.values]
        return UNKNOWN if any(part is UNKNOWN for part in (*keys, *values)) else dict(zip(keys, values, strict=True))
    return UNKNOWN


def definitions_in(value: Any, ours: Callable[[FunctionType | type], bool]) -> Iterator[FunctionType | type]:
    """Find the functions and classes that a registry holds, and the classes of the objects in it."""
    todo = [value]
    seen: set[int] = set()
    while todo and len(seen) < _MANY:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict) or type(part).__name__ == "mappingproxy":
            todo.extend(part.values())
            todo.extend(key for key in part if isinstance(key, type))
        elif isinstance(part, list | tuple | set | frozenset):
            todo.extend(part)
        elif isinstance(part, FunctionType | type):
            yield part
        elif hasattr(part, "func") and hasattr(part, "keywords"):
            todo.extend((part.func, part.args, part.keywords))
        elif isinstance(getattr(part, "__func__", None), FunctionType):
            todo.append(part.__func__)
        elif ours(type(part)):
            yield type(part)
            todo.append(getattr(part, "__dict__", ()))


# --- edits after loading -------------------------------------------------------------------------


def code_words(code: CodeType) -> list[str]:
    """Spell out instructions, constants and names, without positions."""
    said: list[str] = []
    todo = [code]
    while todo:
        part = todo.pop()
        said.extend((part.co_name, part.co_code.hex(), *part.co_names, *part.co_varnames, *part.co_freevars))
        for inner in part.co_consts[_has_docstring(part) :]:
            if isinstance(inner, CodeType):
                todo.append(inner)
            else:
                said.append(
                    f"{type(inner).__name__}:{sorted(inner, key=repr) if type(inner) is frozenset else inner!r}"
                )
    return said


def _has_docstring(code: CodeType) -> bool:
    if sys.version_info >= (3, 14):
        return bool(code.co_flags & 0x4000000)
    return (
        not code.co_name.startswith("<") and bool(code.co_flags & 2) and isinstance((code.co_consts or (None,))[0], str)
    )


def edited(module: Module, name: str, value: Any) -> str:
    """Spell out what a loaded function or class is where its file says something else by now; else ""."""
    if not _written_since_start(module.file):
        return ""
    codes = _codes(module)
    if codes is None:
        return ""
    told: list[str] = []
    for path, function in _functions(name, value):
        if function.__code__.co_filename != module.file or function.__code__.co_qualname != path:
            continue
        spelt = "\0".join(code_words(function.__code__))
        if spelt not in codes.get(path, ()):
            told.append(f"{path} {spelt}")
    if isinstance(value, type):
        told.extend(_attributes(module, name, value))
    return "\0".join(told)


def _attributes(module: Module, name: str, value: type) -> Iterator[str]:
    for binding in module.bindings.get(name, ()):
        for part in getattr(binding.node, "body", ()) if isinstance(binding.node, ast.ClassDef) else ():
            target = part.targets[0] if isinstance(part, ast.Assign) else getattr(part, "target", None)
            source = getattr(part, "value", None)
            written = literal(source) if isinstance(target, ast.Name) and source is not None else UNKNOWN
            live = vars(value).get(target.id, UNKNOWN) if isinstance(target, ast.Name) else UNKNOWN
            # A container may have been filled since by the class itself: that is no edit of the file.
            fixed = written is not UNKNOWN and not isinstance(written, (list, dict, set))
            if fixed and type(live) is type(written) and repr(live) != repr(written):
                yield f"{name}.{target.id if isinstance(target, ast.Name) else ''} {live!r}"


def _functions(name: str, value: Any) -> Iterator[tuple[str, FunctionType]]:
    for _ in range(8):
        inner = getattr(value, "__wrapped__", None) or getattr(value, "fn", None)
        if isinstance(value, FunctionType | type) and not inner:
            break
        if inner is None:
            return
        value = inner
    if isinstance(value, FunctionType):
        yield name, value
    elif isinstance(value, type):
        for part in list(vars(value).values()):
            inner = (
                getattr(part, "__func__", None) or getattr(part, "fget", None) or getattr(part, "func", None) or part
            )
            if isinstance(inner, FunctionType) and inner.__code__.co_name == inner.__name__:
                yield inner.__code__.co_qualname, inner


_compiled: dict[str, tuple[Module, dict[str, set[str]] | None]] = {}


def _codes(module: Module) -> dict[str, set[str]] | None:
    """Compile a file as it is now; by qualified name, since a name may be defined twice."""
    known = _compiled.get(module.file)
    if known is not None and known[0] is module:
        return known[1]
    found: dict[str, set[str]] | None = {}
    try:
        todo = [parse_code(Path(module.file).read_bytes(), module.file)]
        while todo:
            code = todo.pop()
            assert found is not None
            found.setdefault(code.co_qualname, set()).add("\0".join(code_words(code)))
            todo.extend(part for part in code.co_consts if isinstance(part, CodeType))
    except (OSError, SyntaxError, ValueError, RecursionError):  # gone or broken since it was read: nothing to compare
        found = None
    _compiled[module.file] = (module, found)
    return found


def _written_since_start(file: str) -> bool:
    try:
        stat = os.stat(file)  # noqa: PTH116 - a Path per look costs more than the look
    except OSError:
        return False
    return max(stat.st_mtime, stat.st_ctime) > _start() - 2


_started: list[float] = []


def _start() -> float:
    """Tell when this process began; where the system does not say, every file counts as written since."""
    if not _started:
        try:
            ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
            age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
            _started.append(time.time() - age)
        except (OSError, AttributeError, ValueError, IndexError):
            _started.append(float("-inf"))
    return _started[0]
