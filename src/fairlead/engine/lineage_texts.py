"""The code of tasks that consist of texts: a shell command, the cells of a notebook.

Every text counts by itself, Python without comments and formatting. What Python texts import of the
project counts as it does for functions, and so do the versions of packages. What a command runs is
not followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from fairlead.engine.lineage_names import Use
from fairlead.engine.lineage_objects import Objects
from fairlead.engine.lineage_resolve import Symbol, digest_of, task_code
from fairlead.model.run import TaskCode
from fairlead.model.task import Source

__all__ = ["text_code"]


def text_code(sources: Sequence[Source], objects: Objects) -> TaskCode:
    """Work out what the texts of one task reach."""
    out = Symbol()
    trees = []
    for source in sources:
        tree = _parsed(source)
        told = "\n".join(line.rstrip() for line in source.text.rstrip().splitlines())
        if tree is not None:
            trees.append((source.name, tree))
            told = ast.dump(tree)
        out.symbols[source.name] = digest_of((source.language, told))
    uses = {name for _, tree in trees for name in _bare_names(tree)}
    chains = [chain for _, tree in trees for chain in _attributes(tree)]
    for label, tree in trees:
        for module, names, line in _imports(tree, uses, chains):
            objects.walk(objects.find(module), names, out, None, Use(module, (), line, file=label))
    reached = objects.closure(out.needs)
    return task_code(
        {**reached.symbols, **out.symbols},
        {**reached.packages, **out.packages},
        dict.fromkeys((*out.opaque, *reached.opaque)),
    )


def _parsed(source: Source) -> ast.Module | None:
    """Give the tree of a Python text; None for another language, for magics, and for mistakes."""
    if source.language != "python":
        return None
    try:
        return ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _without_magics(source)


def _without_magics(source: Source) -> ast.Module | None:
    """Lines for the notebook's shell are taken as text, so that the imports beside them count."""
    lines = [
        f"{line[: len(line) - len(line.lstrip())]}{line.strip()!r}" if line.lstrip()[:1] in {"%", "!", "?"} else line
        for line in source.text.splitlines()
    ]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _bare_names(tree: ast.Module) -> Iterator[str]:
    """List the names that are used for more than an attribute of theirs."""
    bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in bases:
            yield node.id


def _attributes(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """List `a.b` as used, by the name it begins with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names: list[str] = []
            base: ast.expr = node
            while isinstance(base, ast.Attribute):
                names.append(base.attr)
                base = base.value
            if isinstance(base, ast.Name):
                yield (base.id, *reversed(names))


def _imports(
    tree: ast.Module, bare: set[str], used: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Say which modules are imported, and what of each is used: nothing more means all of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                yield node.module, () if one.name == "*" else (one.name,), node.lineno
        elif isinstance(node, ast.Import):
            for one in node.names:
                spelt = (one.asname,) if one.asname else tuple(one.name.split("."))
                chains = [chain[len(spelt) :] for chain in used if chain[: len(spelt)] == spelt]
                if spelt[0] in bare or not chains or not all(chains):
                    chains = [()]
                for chain in dict.fromkeys(chains):
                    yield one.name, chain[:1], node.lineno
