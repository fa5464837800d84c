"""Steps that hold steps: how they are refused, and the tasks that reduce what a map gives."""

import pytest

from fairlead.author.functions import task
from fairlead.author.steps import Conditional, Loop, Map, Parallel, Pipeline, PythonTask
from fairlead.errors import DefinitionError
from fairlead.model.workflow import HANDLER, Container, Ref


def items():
    return [1, 2]


def one(x):
    return x


def nothing():
    return 1


@task(retries=2)
def total(xs: list) -> int:
    return sum(xs)


def many(*xs):
    return len(xs)


BODY = [PythonTask(one, returns=["y"])]
SOURCE = PythonTask(items, returns=["xs"])


def graph(*steps, **parameters):
    return Pipeline(steps=list(steps)).build(parameters).workflow


@pytest.mark.parametrize("name", ["a.b", "a[0]"])
@pytest.mark.parametrize(
    "make",
    [
        lambda name: Map(name, "xs", "x", BODY),
        lambda name: Parallel(name, {"left": BODY}),
        lambda name: Parallel("p", {name: BODY}),
        lambda name: Pipeline(BODY, name),
        lambda name: Conditional(name, "x", {"left": BODY}),
        lambda name: Loop(name, BODY, 3),
    ],
)
def test_a_name_that_no_path_could_hold_is_refused_with_its_place(make, name):
    with pytest.raises(DefinitionError, match=rf"name may not hold .*; got '{name[0]}.* \(test_block_steps\.py:\d+\)"):
        graph(SOURCE, make(name), x=1)


def test_names_of_all_blocks_are_told_at_once():
    with pytest.raises(DefinitionError) as caught:
        graph(SOURCE, Pipeline(BODY, "a.b"), Map("c.d", "xs", "x", BODY))
    assert ["'a.b'" in one or "'c.d'" in one for one in caught.value.problems] == [True, True]


@pytest.mark.parametrize(
    ("reducer", "name", "retries"),
    [(total, "m:total:y", 2), (lambda xs: xs, "m:reduce:y", 0), (sum, "m:sum:y", 0)],
)
def test_a_reducer_is_a_task_that_takes_the_list(reducer, name, retries):
    flow = graph(SOURCE, Map("m", "xs", "x", BODY, reducer=reducer))
    node = flow.nodes[flow.results["y"].node]
    assert node.name == name
    assert list(node.args.values()) == [Ref(1)]
    assert flow.tasks[node.task].retries == retries


def test_a_reducer_that_takes_any_number_of_values_is_given_the_list_as_one():
    flow = graph(SOURCE, Map("m", "xs", "x", BODY, reducer=many))
    assert flow.nodes[-1].args == {"xs": Container("tuple", (Ref(1),))}


@pytest.mark.parametrize(
    ("reducer", "told"),
    [
        (nothing, r"its reducer takes no argument .*; it is given the list of 'y'"),
        (3, "reducer must be callable; got 3"),
    ],
)
def test_a_reducer_that_cannot_reduce_is_refused(reducer, told):
    with pytest.raises(DefinitionError, match=told):
        graph(SOURCE, Map("m", "xs", "x", BODY, reducer=reducer))


def test_no_step_of_a_pipeline_with_a_handler_has_the_handlers_name():
    steps = [PythonTask(nothing, name=HANDLER)]
    with pytest.raises(DefinitionError, match=f"'{HANDLER}' cannot be the name of a step in it"):
        graph(Pipeline(steps, "inner", on_failure=[PythonTask(nothing, name="instead")]))
    assert [node.name for node in graph(Pipeline(steps, "inner")).nodes] == ["inner"]


def test_values_without_a_name_do_not_leave_their_branches():
    flow = graph(Parallel("p", {"left": [PythonTask(nothing, name="n")], "right": [PythonTask(nothing, name="n")]}))
    assert flow.results == {"left": Ref(0, 0), "right": Ref(0, 1)}
