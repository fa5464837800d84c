"""Where boxes and arrows of a directed graph go: in layers, downwards, with few crossings.

After Sugiyama: layers by longest path, long arrows cut at each layer, crossings lowered by sorting
each layer by the middle of its neighbours, and places found by least squares: each box goes where
its neighbours pull it, as far as its own neighbours in the layer leave room. Numbers in, numbers
out; nothing here knows what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

__all__ = ["Placed", "place"]

_SWEEPS = 6
"""Rounds of sorting, and of pulling; more change next to nothing."""

_STIFF = 6.0
"""How much more it matters that a long arrow is straight than that a box stands in the middle."""


class Placed(msgspec.Struct):
    """Where everything goes. All in the unit of the sizes that were given."""

    corners: list[tuple[float, float]]
    """Left top corner of each box."""
    routes: list[list[tuple[float, float]]]
    """For each arrow the points that it passes, in pairs: down in a straight line, then a curve."""
    width: float
    height: float


class _Graph:
    """The graph while it is laid out: boxes first, then the joints of arrows that pass layers."""

    def __init__(self, sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]]) -> None:
        self.sizes = list(sizes)
        self.boxes = len(sizes)
        self.layer = _layers(len(sizes), arrows)
        self.above: list[list[int]] = [[] for _ in sizes]
        self.below: list[list[int]] = [[] for _ in sizes]
        self.chains: list[list[int]] = []
        """Each arrow as the boxes and joints that it passes."""
        for source, target in arrows:
            self.chains.append(self._joined(source, target))
        self.rows: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for item in self._first_order():
            self.rows[self.layer[item]].append(item)

    def _joined(self, source: int, target: int) -> list[int]:
        chain = [source]
        for layer in range(self.layer[source] + 1, self.layer[target]):
            chain.append(len(self.sizes))
            self.sizes.append((1.0, 0.0))
            self.layer.append(layer)
            self.above.append([])
            self.below.append([])
        chain.append(target)
        for upper, lower in pairwise(chain):
            self.below[upper].append(lower)
            self.above[lower].append(upper)
        return chain

    def is_joint(self, item: int) -> bool:
        """Whether it is a point that an arrow passes, and no box."""
        return item >= self.boxes

    def is_long(self, item: int) -> bool:
        """Whether it is a joint with another one before or after it."""
        neighbours = (*self.above[item], *self.below[item])
        return self.is_joint(item) and any(self.is_joint(other) for other in neighbours)

    def wanted(self, item: int, side: Sequence[int], centres: Sequence[float]) -> float:
        """Where the neighbours on one side would have it; joints keep a long arrow straight."""
        if not side:
            return centres[item]
        weights = [_STIFF if self.is_joint(item) and self.is_joint(other) else 1.0 for other in side]
        pulled = sum(centres[other] * weight for other, weight in zip(side, weights, strict=True))
        return pulled / sum(weights)

    def _first_order(self) -> list[int]:
        """Begin with neighbours near each other: depth first from the top."""
        seen: dict[int, None] = {}
        starts = sorted((item for item in range(len(self.sizes)) if not self.above[item]), key=self.layer.__getitem__)
        stack = starts[::-1]
        while stack:
            item = stack.pop()
            if item not in seen:
                seen[item] = None
                stack.extend(self.below[item][::-1])
        return list(seen)


def place(
    sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]], *, across: float = 26, down: float = 40
) -> Placed:
    """Lay boxes of these sizes out; arrows point forward. `across` and `down` are the gaps."""
    graph = _Graph(sizes, arrows)
    _untangle(graph)
    centres = _pull(graph, across)
    left = min((x - graph.sizes[item][0] / 2 for item, x in enumerate(centres)), default=0.0)
    right = max((x + graph.sizes[item][0] / 2 for item, x in enumerate(centres)), default=0.0)
    tops, heights, y = [], [], 0.0
    for row in graph.rows:
        tops.append(y)
        heights.append(max(graph.sizes[item][1] for item in row))
        y += heights[-1] + down
    corners = []
    for item, (width, height) in enumerate(sizes):
        layer = graph.layer[item]
        corners.append((centres[item] - width / 2 - left, tops[layer] + (heights[layer] - height) / 2))
    routes = []
    for chain in graph.chains:
        points = []
        for item in chain:
            layer, x = graph.layer[item], centres[item] - left
            upper, lower = tops[layer], tops[layer] + heights[layer]
            if item < len(sizes):
                upper, lower = corners[item][1], corners[item][1] + sizes[item][1]
            points.append((x, upper, lower, tops[layer], tops[layer] + heights[layer]))
        routes.append(_route(points))
    return Placed(corners, routes, right - left, max(y - down, 0.0))


def _route(points: Sequence[tuple[float, float, float, float, float]]) -> list[tuple[float, float]]:
    """Go down from the first box to the last: straight within a layer, curved between layers."""
    route: list[tuple[float, float]] = []
    for position, (x, upper, lower, top, bottom) in enumerate(points):
        if position == 0:
            route += [(x, lower), (x, bottom)]
        elif position == len(points) - 1:
            route += [(x, top), (x, upper)]
        else:
            route += [(x, top), (x, bottom)]
    return route


def _layers(amount: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Put each box one layer below the lowest that leads to it; starts go down to what they feed."""
    layer = [0] * amount
    incoming: list[list[int]] = [[] for _ in range(amount)]
    outgoing: list[list[int]] = [[] for _ in range(amount)]
    for source, target in arrows:
        incoming[target].append(source)
        outgoing[source].append(target)
    waiting = [len(sources) for sources in incoming]
    order = [item for item in range(amount) if not waiting[item]]
    for item in order:
        for target in outgoing[item]:
            layer[target] = max(layer[target], layer[item] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    for item in range(amount):
        if not incoming[item] and outgoing[item]:
            layer[item] = min(layer[target] for target in outgoing[item]) - 1
    return layer


def _untangle(graph: _Graph) -> None:
    """Sort each layer by the middle of its neighbours, down and up, and keep the best order."""
    best, fewest = [list(row) for row in graph.rows], _crossings(graph)
    for sweep in range(2 * _SWEEPS):
        if fewest == 0:
            break
        downwards = sweep % 2 == 0
        neighbours = graph.above if downwards else graph.below
        rows = graph.rows if downwards else graph.rows[::-1]
        for fixed, moved in pairwise(rows):
            at = {item: position for position, item in enumerate(fixed)}
            now = {item: position for position, item in enumerate(moved)}
            middles = {}
            for item in moved:
                places = [at[other] for other in neighbours[item] if other in at]
                middle = sum(places) / len(places) if places else float(now[item])
                # Equals change sides every other round, or a knot that needs two moves would stay.
                middles[item] = (middle, -now[item] if sweep % 4 > 1 else now[item])
            moved.sort(key=middles.__getitem__)
        amount = _crossings(graph)
        if amount < fewest:
            best, fewest = [list(row) for row in graph.rows], amount
    graph.rows = best


def _crossings(graph: _Graph) -> int:
    """Count how often arrows between neighbouring layers cross."""
    total = 0
    for upper, lower in pairwise(graph.rows):
        at = {item: position for position, item in enumerate(lower)}
        ends: list[int] = []
        for item in upper:
            ends += sorted(at[target] for target in graph.below[item])
        total += _inversions(ends)[0]
    return total


def _inversions(numbers: list[int]) -> tuple[int, list[int]]:
    """Count pairs in the wrong order, by merging."""
    if len(numbers) < 2:
        return 0, numbers
    middle = len(numbers) // 2
    first, left = _inversions(numbers[:middle])
    second, right = _inversions(numbers[middle:])
    total, merged, i = first + second, [], 0
    for number in right:
        while i < len(left) and left[i] <= number:
            merged.append(left[i])
            i += 1
        total += len(left) - i
        merged.append(number)
    return total, merged + left[i:]


def _pull(graph: _Graph, across: float) -> list[float]:
    """Find the middle of each box and joint."""
    centres = [0.0] * len(graph.sizes)
    for row in graph.rows:
        x = 0.0
        for item in row:
            width = graph.sizes[item][0]
            centres[item] = x + width / 2
            x += width + across
        for item in row:
            centres[item] -= (x - across) / 2
    for sweep in range(2 * _SWEEPS):
        for row in graph.rows if sweep % 2 == 0 else graph.rows[::-1]:
            wanted = []
            for item in row:
                both = graph.above[item] + graph.below[item]
                # The last rounds look both ways, so that neither end of the drawing leads.
                side = both if sweep >= _SWEEPS else (graph.above if sweep % 2 == 0 else graph.below)[item] or both
                wanted.append(graph.wanted(item, side, centres))
            for item, x in zip(row, _spread(graph, row, wanted, across), strict=True):
                centres[item] = x
    return centres


def _spread(graph: _Graph, row: Sequence[int], wanted: Sequence[float], across: float) -> list[float]:
    """Come as near to the wanted places as the widths allow, in the sense of least squares.

    With the widths taken off, the places must not decrease: that is isotonic regression, which
    pooling neighbours that want to pass each other solves exactly.
    """
    offsets, x = [], 0.0
    for position, item in enumerate(row):
        if position:
            x += (graph.sizes[row[position - 1]][0] + graph.sizes[item][0]) / 2 + across
        offsets.append(x)
    pools: list[tuple[float, float, int]] = []
    for item, want, offset in zip(row, wanted, offsets, strict=True):
        weight = _STIFF if graph.is_long(item) else 1.0
        total, members = (want - offset) * weight, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / weight:
            before, heavy, amount = pools.pop()
            total, weight, members = total + before, weight + heavy, members + amount
        pools.append((total, weight, members))
    bases = [total / weight for total, weight, members in pools for _ in range(members)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]
