"""Which order counts for reuse: steps whose values nobody takes are there for what they do.

Steps wait for each other in the order written. Of a step whose values are taken, the values say all that
counts: a list that has grown is no reason to do again what was done for its other items. It is the same in
workflow functions, where only calls whose results nobody uses are waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.model.workflow import After, Node, bindings_of, references

__all__ = ["with_effects"]


def with_effects(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Say of nodes in a row which earlier one each stands behind as far as reuse is concerned."""
    taken = {ref.node for node in nodes for _, binding in bindings_of(node) for ref in references(binding)}
    found: list[Node] = []
    effect = -1
    for position, node in enumerate(nodes):
        if position and position - 1 not in taken:
            effect = position - 1
        plain = node.after == (After(position - 1),) and effect < position - 1
        counted = (After(position - 1, counts=effect),)
        found.append(msgspec.structs.replace(node, after=counted) if plain else node)
    return tuple(found)
