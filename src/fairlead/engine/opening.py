"""What must be read before a block can go on: the items of lists, the case that a value chooses, an `until`.

The only place in the engine where values of the user's are decoded; what is found is recorded as a fact.
"""

from __future__ import annotations

from typing import Any

from fairlead.errors import FairleadError
from fairlead.model.scope import Live
from fairlead.model.standing import ROUND
from fairlead.model.state import State
from fairlead.model.values import Inline, Rows, Value
from fairlead.model.workflow import SwitchNode
from fairlead.ports import Values

__all__ = ["answers"]


def answers(state: State, live: Live, values: Values, folder: str) -> list[Value]:
    """Read what a block asks for, as `State.opened` takes it; FairleadError when it makes no sense.

    `folder`: where in the artifact store items that are large are put.
    """
    asked = state.asks(live)
    if live.node == ROUND:
        return [Inline("json", b"true" if _truth(live, values.decode(*asked.values())) else b"false")]
    node = live.scope.plan.nodes[live.node]
    if isinstance(node, SwitchNode):
        return [Inline("json", str(_case(state, live, node, values)).encode())]
    rows = {name: _items(name, value, values, folder) for name, value in asked.items()}
    sizes = {name: len(items) for name, items in rows.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name!r} has {size}" for name, size in sizes.items())
        raise FairleadError(f"the lists mapped over by {live.path!r} are of unequal length: {told}")
    return [Rows(items) for items in rows.values()]


def _items(name: str, value: Value, values: Values, folder: str) -> list[Value]:
    whole: Any = values.decode(value)
    try:
        items = list(whole)
    except TypeError:
        raise FairleadError(
            f"{name!r} is mapped over, and {type(whole).__qualname__} is not something to go through"
        ) from None
    return [values.encode(item, hint=f"{folder}/{name}") for item in items]


def _case(state: State, live: Live, node: SwitchNode, values: Values) -> int:
    selector: Any = values.decode(state.asks(live)["on"])
    keys = [values.decode(state.constants[case.key]) for case in node.cases if case.key >= 0]
    try:
        hash(selector)
    except TypeError:
        kind = type(selector).__qualname__
        raise FairleadError(
            f"switch {live.path!r}: {kind} cannot choose a case, as it cannot be a key of a dict"
        ) from None
    for place, case in enumerate(node.cases):
        if case.key < 0 or _equal(selector, values.decode(state.constants[case.key])):
            return place
    told = ", ".join(repr(key) for key in keys)
    raise FairleadError(
        f"switch {live.path!r}: {selector!r:.100} is none of its cases: {told}; default= takes the rest"
    )


def _equal(selector: Any, key: Any) -> bool:
    """Whether a value is the key of a case, as a dict would say."""
    try:
        return bool(selector == key and hash(selector) == hash(key))
    except Exception:  # noqa: BLE001  # comparing runs the user's code; what cannot be compared is not equal
        return False


def _truth(live: Live, value: Any) -> bool:
    try:
        return bool(value)
    except Exception as error:
        raise FairleadError(
            f"{live.path!r}: {type(value).__qualname__} is neither true nor false ({error}); give a bool"
        ) from error
