"""The code of a component's task: every class that the component is made of, with each method by name.

Classes count whole, as anywhere; the methods are listed beside them, so that a change can be told by
the method that it is in.
"""

from __future__ import annotations

import _ast as ast
from collections.abc import Iterator
from functools import partial

from fairlead.engine.lineage_index import Module
from fairlead.engine.lineage_names import read
from fairlead.engine.lineage_objects import Objects
from fairlead.engine.lineage_resolve import Symbol, digest_of
from fairlead.model.components import Method
from fairlead.model.names import canonical_module

__all__ = ["add_component", "without_wholes"]


def add_component(objects: Objects, method: Method, out: Symbol) -> None:
    """Add the classes of a component, its bases, and those of the components inside it."""
    for kind in method.classes.values():
        objects.add_value(kind, (), out, kind.__qualname__)
        for owner in kind.__mro__:
            found = objects.find(canonical_module(owner.__module__))
            if isinstance(found, Module):
                out.symbols.update(_methods(objects, found, owner.__qualname__))


def _methods(objects: Objects, module: Module, name: str) -> Iterator[tuple[str, str]]:
    """Give the digest of each method of a class at the top of a module, by its words."""
    ours = partial(objects.is_ours, module)
    for binding in module.bindings.get(name, ()):
        for part in binding.node.body if isinstance(binding.node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                words = f"{name}.{part.name}"
                digest = module.readings.get(words)
                if digest is None:
                    digest = module.readings[words] = digest_of(read([part], ours).tokens)
                yield f"{objects.label(module)}: {words}", digest


def without_wholes(said: list[str]) -> list[str]:
    """Leave out a class where one of its methods is said to have changed."""
    parts = {line.rpartition(" ")[0].rpartition(".")[0] for line in said}
    return [line for line in said if line.rpartition(" ")[0] not in parts]
