"""What stands around a map of a pipeline: the list that it takes apart, and what is made of the lists that it gives.

Nothing here knows bodies of blocks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.author.assembly import Assembly
from fairlead.author.handles import Handle, new_handle
from fairlead.author.options import Core
from fairlead.errors import DefinitionError
from fairlead.model.task import Place
from fairlead.model.workflow import Binding, Container, Ref, TaskNode

__all__ = ["mark_rows", "reduce"]


def mark_rows(assembly: Assembly, binding: Binding) -> None:
    """Have the list that feeds a map kept item by item."""
    if isinstance(binding, Ref) and not binding.select:
        node = assembly.nodes[binding.node]
        if isinstance(node, TaskNode) and binding.output not in node.rows:
            rows = tuple(sorted((*node.rows, binding.output)))
            assembly.nodes[binding.node] = msgspec.structs.replace(node, rows=rows)


def reduce(assembly: Assembly, block: str, place: Place, reducer: Any, name: str, handle: Handle) -> Handle:
    """Place the task that makes one value of the list that a map gives."""
    called = getattr(reducer, "name", None) or getattr(reducer, "__name__", "reduce").replace("<lambda>", "reduce")
    label = f"{block}:{called}" if name == block else f"{block}:{called}:{name}"
    try:
        core = reducer._core.changed({"name": label}) if hasattr(reducer, "_core") else Core(reducer, {"name": label})
        index = assembly.building.add(core)
    except DefinitionError as error:
        assembly.complain(block, *error.problems)
        return handle
    taken = next((one for one in core.layout.arguments), None)
    if taken is None:
        assembly.complain(block, f"its reducer takes no argument ({place}); it is given the list of {name!r}")
        return handle
    bound: Binding = Container("tuple", (handle._binding,)) if taken.kind == "varargs" else handle._binding
    assembly.building.edges.add(handle, core.layout, taken.name, label, place)
    position = assembly.add(TaskNode(label, index, {taken.name: bound}, place=place))
    return new_handle(assembly.scope, Ref(position), label, (position,), core.layout)
