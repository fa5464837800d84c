"""How blocks are put together from pipelines inside pipelines: maps, branches, conditions, loops, handlers.

A body is an assembly of its own. What it provides is merged into the pipeline around it: of two branches
that give one name, the later declared wins. Nothing here knows step classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from fairlead.author.assembly import Assembly
from fairlead.author.blocks import label_of
from fairlead.author.callables import MISSING
from fairlead.author.handles import Given, Handle, ItemOf, ListOf, new_handle
from fairlead.author.options import check_name
from fairlead.author.reducing import mark_rows, reduce
from fairlead.author.wanted import Wanted
from fairlead.model.standing import UNTIL
from fairlead.model.task import Place
from fairlead.model.workflow import (
    HANDLER,
    Binding,
    Case,
    Ends,
    GroupNode,
    MapNode,
    OnError,
    ParamRef,
    Ref,
    RepeatNode,
    SwitchNode,
    Workflow,
)

__all__ = ["Block", "Fill", "add_group", "add_loop", "add_map", "add_parallel", "add_switch", "guarded"]

Fill: TypeAlias = Callable[[Assembly], None]
"""Adds the steps of a body to its assembly."""


class Block(NamedTuple):
    """What every block has."""

    name: str
    place: Place
    ends: Ends = ""
    on_failure: Fill | None = None
    on_error: OnError = "finish"


def add_map(
    assembly: Assembly,
    block: Block,
    *,
    over: str,
    item: str,
    fill: Fill,
    reducer: Any = None,
    min_success: float | None = None,
    max_parallel: int | None = None,
) -> None:
    """Add a copy of a body for every item of the list called `over`."""
    if not _fine(assembly, block):
        return
    if block.on_failure is not None:
        _guard(
            assembly,
            block,
            lambda inner, same: add_map(
                inner,
                same,
                over=over,
                item=item,
                fill=fill,
                reducer=reducer,
                min_success=min_success,
                max_parallel=max_parallel,
            ),
        )
        return
    binding, inner = _items(assembly, block, over, item)
    fill(inner)
    if inner.provided[item]._binding == ParamRef(item):
        del inner.provided[item]
    mark_rows(assembly, binding)
    body = inner.body(block.name, (item,))
    node = MapNode(
        block.name,
        body,
        {item: binding},
        dict(inner.taken),
        place=block.place,
        ends=block.ends,
        min_success=min_success,
        max_parallel=max_parallel,
        on_error=block.on_error,
    )
    _give_lists(assembly, block, assembly.add(node), inner, body, reducer)


def _items(assembly: Assembly, block: Block, over: str, item: str) -> tuple[Binding, Assembly]:
    """Find the list that is mapped over, and begin the body that is given its items."""
    source = _source(assembly, over)
    origin: Given | ItemOf = Given(Any)
    if source is None:
        use = Wanted(assembly.path + block.name, Any, "list", MISSING, block.place, provided=assembly.known())
        binding = assembly.take(over, use)
        assert binding is not None
    else:
        binding = source._binding
        if source._origin is not None:
            origin = ItemOf(source._origin, source._what)
    inner = _inside(assembly, block, f"{block.name}.")
    inner.provided[item] = new_handle(inner.scope, ParamRef(item), item, (), origin)
    return binding, inner


def _give_lists(assembly: Assembly, block: Block, position: int, inner: Assembly, body: Workflow, reducer: Any) -> None:
    """Provide each name of a map's body as the list of what its copies give, or as what is made of that."""
    assembly.pending, assembly.pending_name = None, ""
    for output, name in enumerate(body.results):
        known = inner.provided.get(name, inner.pending)
        gives = ListOf(known._origin, known._what) if known is not None and known._origin else Given(list)
        handle = new_handle(assembly.scope, Ref(position, output), block.name, (position,), gives)
        if reducer is not None:
            handle = reduce(assembly, block.name, block.place, reducer, name, handle)
        _provide(assembly, block, name, handle, inner)


def add_parallel(assembly: Assembly, block: Block, branches: Mapping[str, Fill]) -> None:
    """Add pipelines that do not wait for each other, looked at as one."""
    if not _fine(assembly, block):
        return
    around = _inside(assembly, block, f"{block.name}.", passing=True)
    around.sequential = False
    merged: dict[str, Handle] = {}
    givers: dict[str, str] = {}
    tails: set[str] = set()
    """Values without a name, told under the name of their branch."""
    for label, fill in branches.items():
        branch = Block(label, block.place)
        if not _fine(around, branch):
            continue
        inner = _inside(around, branch, f"{block.name}.{label}.", passing=True)
        fill(inner)
        node = _add_body(around, branch, inner, inner.body(label))
        for output, name in enumerate(inner.results(label)):
            if name not in inner.provided:
                tails.add(name)
            elif name in givers:
                assembly.root.warnings.append(
                    f"{assembly.path}{block.name}: branches {givers[name]!r} and {label!r} both give {name!r}; "
                    f"that of {label!r} counts ({block.place})"
                )
            givers[name] = label
            origin = inner.provided[name]._origin if name in inner.provided else None
            what = inner.provided[name]._what if name in inner.provided else (0, ())
            merged[name] = new_handle(around.scope, Ref(node, output), label, (node,), origin, what)
    around.provided = merged
    _finish_group(assembly, block, around, tails=tails)


def add_group(assembly: Assembly, block: Block, fill: Fill) -> None:
    """Add a pipeline inside a pipeline."""
    if not _fine(assembly, block):
        return
    inner = _inside(assembly, block, f"{block.name}.", passing=True)
    fill(inner)
    _finish_group(assembly, block, inner)


def add_switch(
    assembly: Assembly, block: Block, *, on: str, cases: Mapping[Any, Fill], default: Fill | None = None
) -> None:
    """Add the one of several pipelines that the value called `on` chooses."""
    if not _fine(assembly, block):
        return
    if block.on_failure is not None:
        _guard(assembly, block, lambda inner, same: add_switch(inner, same, on=on, cases=cases, default=default))
        return
    source = _source(assembly, on)
    use = Wanted(assembly.path + block.name, Any, "", MISSING, block.place, provided=assembly.known())
    selector = assembly.take(on, use) if source is None else source._binding
    assert selector is not None
    made: list[tuple[Case, Assembly]] = []
    labels: set[str] = set()
    for key, fill in [*cases.items(), *([(MISSING, default)] if default is not None else [])]:
        label = label_of("default" if key is MISSING else key, labels)
        branch = Block(label, block.place)
        inner = _inside(assembly, branch, f"{block.name}.{label}.", passing=source is not assembly.pending)
        fill(inner)
        slot = -1 if key is MISSING else assembly.building.constant(key).slot
        made.append((Case(label, slot, inner.body(block.name), dict(inner.taken)), inner))
    outputs = tuple(dict.fromkeys(name for case, _ in made for name in case.body.results))
    fallback = {}
    for name in outputs:
        around = None if all(name in case.body.results for case, _ in made) else assembly.find(name)
        if around is not None:
            fallback[name] = around._binding
    node = SwitchNode(
        block.name, selector, tuple(case for case, _ in made), outputs, fallback, place=block.place, ends=block.ends
    )
    position = assembly.add(node)
    _absorb(assembly, block, position, outputs, [inner for _, inner in made])


def add_loop(
    assembly: Assembly, block: Block, *, fill: Fill, max_iterations: int, until: str | None, index_as: str | None
) -> None:
    """Add a pipeline that is done again until the value called `until` is true, or often enough."""
    if not _fine(assembly, block):
        return
    if block.on_failure is not None:
        _guard(
            assembly,
            block,
            lambda inner, same: add_loop(
                inner, same, fill=fill, max_iterations=max_iterations, until=until, index_as=index_as
            ),
        )
        return
    inner = _inside(assembly, block, f"{block.name}.")
    if index_as is not None:
        inner.provided[index_as] = new_handle(inner.scope, ParamRef(index_as), index_as, (), Given(int))
    fill(inner)
    if index_as is not None and inner.provided[index_as]._binding == ParamRef(index_as):
        del inner.provided[index_as]
    if until is not None and until not in inner.provided:
        known = ", ".join(map(repr, inner.provided)) or "nothing"
        assembly.complain(
            block.name, f"break_on names {until!r}, which its branch does not give; it gives {known} ({block.place})"
        )
        return
    if any(node.name == UNTIL for node in inner.nodes):
        assembly.complain(
            block.name, f"{UNTIL!r} cannot be the name of a step in a loop ({block.place}); give it another"
        )
    body = inner.body(block.name, (index_as,) if index_as else ())
    carried = {name: binding for name, binding in inner.taken.items() if name in inner.provided}
    given = {name: binding for name, binding in inner.taken.items() if name not in carried}
    end = inner.provided[until]._binding if until is not None else None
    node = RepeatNode(
        block.name, body, max_iterations, end, carried, given, index_as or "", place=block.place, ends=block.ends
    )
    position = assembly.add(node)
    _absorb(assembly, block, position, tuple(body.results), [inner])


def guarded(assembly: Assembly, block: Block, fill: Fill) -> None:
    """Add the single step that `fill` adds, with the handler that runs if it fails."""
    _guard(assembly, block, lambda inner, _: fill(inner))


def _source(assembly: Assembly, name: str) -> Handle | None:
    """Find what a block goes by: a name, or the value without a name of the step before it."""
    found = assembly.find(name)
    if found is None and name not in assembly.root.valued and not assembly.pending_name:
        return assembly.pending
    return found


def _inside(assembly: Assembly, block: Block, path: str, *, passing: bool = False) -> Assembly:
    """Begin a body; `passing`: its first step may take the value without a name of the step before the block."""
    inner = Assembly(block.name, block.place, parent=assembly, path=assembly.path + path)
    if passing and assembly.pending is not None:
        inner.pending, inner.pending_name = _passed(inner, assembly.pending), assembly.pending_name
    return inner


def _fine(assembly: Assembly, block: Block) -> bool:
    wrong = check_name(block.name)
    if wrong:
        assembly.complain(repr(block.name), f"name {wrong} ({block.place})")
    return not wrong


def _guard(assembly: Assembly, block: Block, fill: Callable[[Assembly, Block], None]) -> None:
    """Put one node into a group of its own, whose handler runs if it fails; both have one path."""
    inner = _inside(assembly, block, "", passing=True)
    fill(inner, Block(block.name, block.place, on_error=block.on_error))
    if inner.nodes:
        named = block._replace(name=inner.nodes[0].name)
        _finish_group(assembly, named, inner, flat=len(inner.nodes) == 1)


def _passed(inner: Assembly, pending: Handle) -> Handle:
    """Hand the value without a name into a body."""
    name = f"value of {pending._name}"
    inner.taken[name] = pending._binding
    return new_handle(inner.scope, ParamRef(name), pending._name, (), pending._origin, pending._what)


def _finish_group(
    assembly: Assembly, block: Block, inner: Assembly, *, flat: bool = False, tails: Collection[str] = ()
) -> None:
    body = inner.body(block.name)
    if not inner.sequential:
        assembly.building.apart.append(body)
    handler = None
    makers = [inner]
    if block.on_failure is not None:
        handling = _inside(assembly, Block(HANDLER, block.place), f"{block.name}.{HANDLER}.")
        failure = "failure"
        handling.provided[failure] = new_handle(handling.scope, ParamRef(failure), failure, (), Given(dict))
        block.on_failure(handling)
        if handling.provided[failure]._binding == ParamRef(failure):
            del handling.provided[failure]
        handler = handling.body(block.name, (failure,))
        makers.append(handling)
        if any(node.name == HANDLER for node in inner.nodes):
            assembly.complain(block.name, f"{HANDLER!r} cannot be the name of a step in it ({block.place})")
    outputs = tuple(dict.fromkeys((*body.results, *(handler.results if handler else ()))))
    fallback = {}
    for name in outputs:
        given_by_both = handler is None or (name in body.results and name in handler.results)
        around = None if given_by_both else assembly.find(name)
        if around is not None:
            fallback[name] = around._binding
    node = GroupNode(
        block.name,
        body,
        dict(inner.taken),
        handler,
        dict(makers[-1].taken) if handler else {},
        "failure" if handler else "",
        outputs,
        fallback,
        block.on_error,
        flat,
        place=block.place,
        ends=block.ends,
    )
    _absorb(assembly, block, assembly.add(node), outputs, makers, tails=tails)


def _add_body(assembly: Assembly, block: Block, inner: Assembly, body: Workflow) -> int:
    return assembly.add(GroupNode(block.name, body, dict(inner.taken), outputs=tuple(body.results), place=block.place))


def _absorb(
    assembly: Assembly,
    block: Block,
    position: int,
    outputs: Sequence[str],
    makers: Sequence[Assembly],
    *,
    tails: Collection[str] = (),
) -> None:
    """Provide what a block gives; a value that its last step left without a name goes to the next step."""
    assembly.pending, assembly.pending_name = None, ""
    for output, name in enumerate(outputs):
        origins = [maker.provided[name] for maker in makers if name in maker.provided]
        single = origins[0] if len(origins) == 1 else None
        origin = single._origin if single is not None else None
        handle = new_handle(
            assembly.scope,
            Ref(position, output),
            block.name,
            (position,),
            origin,
            single._what if single is not None else (0, ()),
        )
        if name in tails:
            assembly.unnamed[name] = Ref(position, output)
        else:
            _provide(assembly, block, name, handle, *makers)


def _provide(assembly: Assembly, block: Block, name: str, handle: Handle, *makers: Assembly) -> None:
    if name == block.name and not any(name in maker.provided for maker in makers):
        assembly.unnamed[name] = handle._binding
        assembly.pending, assembly.pending_name = handle, ""
    else:
        assembly.provided[name] = handle
