from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.cli.drawings.layout import place


def boxes(placed, sizes):
    return [(x, y, x + width, y + height) for (x, y), (width, height) in zip(placed.corners, sizes, strict=True)]


@st.composite
def graphs(draw):
    amount = draw(st.integers(1, 14))
    sizes = draw(st.lists(st.tuples(st.integers(10, 200), st.integers(10, 200)), min_size=amount, max_size=amount))
    pairs = [(a, b) for a in range(amount) for b in range(a + 1, amount)]
    return sizes, draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25)) if pairs else []


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_boxes_overlap_everything_is_inside_and_arrows_point_down(graph):
    sizes, arrows = graph
    placed = place(sizes, arrows)
    found = boxes(placed, sizes)
    for one, other in combinations(found, 2):
        apart = one[2] <= other[0] + 0.01 or other[2] <= one[0] + 0.01 or one[3] <= other[1] or other[3] <= one[1]
        assert apart
    for left, top, right, bottom in found:
        assert left >= -0.01
        assert top >= 0
        assert right <= placed.width + 0.01
        assert bottom <= placed.height + 0.01
    for (source, target), route in zip(arrows, placed.routes, strict=True):
        assert route[0][1] == found[source][3]
        assert route[-1][1] == found[target][1]
        assert found[source][0] <= route[0][0] <= found[source][2]
        assert all(a[1] <= b[1] + 0.01 for a, b in pairwise(route))


def test_nothing_takes_no_room():
    placed = place([], [])
    assert (placed.width, placed.height, placed.corners) == (0.0, 0.0, [])


def test_a_chain_stands_in_one_column():
    placed = place([(60, 20), (100, 20), (40, 20)], [(0, 1), (1, 2)])
    centres = [x + width / 2 for (x, _), width in zip(placed.corners, (60, 100, 40), strict=True)]
    assert max(centres) - min(centres) < 0.01


def test_a_fan_is_centred_under_its_source():
    placed = place([(60, 20)] * 4, [(0, 1), (0, 2), (0, 3)])
    assert placed.corners[0][0] == pytest.approx(placed.corners[2][0], abs=0.5)


def test_crossings_that_need_not_be_are_taken_out():
    # Drawn in the order given, both pairs would cross.
    placed = place([(60, 20)] * 4, [(0, 3), (1, 2)])
    left_to_right = placed.corners[0][0] < placed.corners[1][0]
    assert (placed.corners[3][0] < placed.corners[2][0]) is left_to_right


def test_a_start_stands_just_above_what_it_feeds():
    placed = place([(60, 20)] * 4, [(0, 1), (1, 2), (3, 2)])
    assert placed.corners[3][1] == placed.corners[1][1]


def test_an_arrow_passes_beside_the_boxes_of_the_layers_between():
    sizes = [(60, 20), (60, 200), (60, 20)]
    placed = place(sizes, [(0, 1), (1, 2), (0, 2)])
    left, top, right, bottom = boxes(placed, sizes)[1]
    passing = [x for x, y in placed.routes[2] if top <= y <= bottom]
    assert passing
    assert all(x < left or x > right for x in passing)


def test_a_wide_graph_takes_no_time():
    arrows = [(0, place_) for place_ in range(1, 400)] + [(place_, 400) for place_ in range(1, 400)]
    assert len(place([(60, 20)] * 401, arrows).corners) == 401
