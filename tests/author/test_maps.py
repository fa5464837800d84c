"""Maps: one node with a closed body, and a list comprehension outside a graph."""

import numpy as np
import pytest

from fairlead.author.functions import task
from fairlead.author.handles import each, whole
from fairlead.author.placing import Static
from fairlead.author.workflows import build, workflow
from fairlead.errors import DefinitionError
from fairlead.model.workflow import After, Const, Container, Parameter, ParamRef, Ref


@task
def load(path):
    return [1, 2, 3]


@task
def fit(chunk: int, rate=0.1, *more):
    return (chunk, rate, *more)


@task(outputs=("a", "b"))
def pair(x):
    return x, x


@task
def note(x): ...


def graph(function, *args, **kwargs):
    return build(function, args, kwargs).workflow


# --- plainly ------------------------------------------------------------------------------------------


def test_outside_a_workflow_a_map_is_a_list_comprehension():
    assert fit.map([1, 2], [3, 4]) == [(1, 3), (2, 4)]
    assert fit.map([1, 2], rate=5) == [(1, 5), (2, 5)]
    assert fit.map([1, 2], whole([9])) == [(1, [9]), (2, [9])]
    assert fit.map(whole(1), rate=each((7, 8))) == [(1, 7), (1, 8)]
    assert fit.map(range(2)) == [(0, 0.1), (1, 0.1)]
    assert fit.map([]) == []


LISTS = {
    "unequal": (lambda: fit.map([1, 2], [3]), "maps over lists of unequal length: 2 in argument 1, 1 in argument 2"),
    "unequal keyword": (
        lambda: fit.map([1, 2], rate=each([3])),
        "maps over lists of unequal length: 2 in argument 1, 1 in 'rate'",
    ),
    "no list": (lambda: fit.map(chunk=[1]), "is given no list to map over; each(…) marks a keyword that is one"),
    "number": (lambda: fit.map(3), "map goes over lists; got 3 (whole(…) passes a value to every call)"),
    "text": (lambda: fit.map("ab"), "map goes over lists; for the single characters of 'ab', give list(…)"),
    "set": (lambda: fit.map({1}), "map goes over lists, and a set has no order; give sorted(…)"),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_cannot_be_mapped_over_is_refused(name):
    use, message = LISTS[name]
    with pytest.raises(DefinitionError) as caught:
        use()
    assert str(caught.value) == f"fit.map: {message}"
    with pytest.raises(DefinitionError) as caught:
        graph(workflow(lambda: use(), name="flow"))
    built = message.replace("argument 1", "'chunk'").replace("argument 2", "'rate'")
    if name == "text" or name == "set" or name == "number":
        built = f"'chunk': {built}"
    assert built in str(caught.value)
    assert "(test_maps.py:" in str(caught.value)


def test_wrong_arguments_of_a_map_are_refused():
    with pytest.raises(DefinitionError, match=r"load.map \(test_maps.py:\d+\): takes no 'rate'"):
        graph(workflow(lambda: load.map([1], rate=1), name="flow"))


# --- a task --------------------------------------------------------------------------------------------


def test_a_mapped_task_is_a_flat_map_over_rows():
    @workflow
    def flow(path, rate):
        xs = load(path)
        return fit.map(xs, rate=rate)

    made = graph(flow, "a", 0.5)
    producer, node = made.nodes
    assert producer.rows == (0,)
    assert (node.name, node.flat, node.over, node.whole) == ("fit", True, {"chunk": Ref(0)}, {"rate": ParamRef("rate")})
    assert node.body.parameters == (Parameter("chunk"), Parameter("rate"))
    assert node.body.nodes[0].args == {"chunk": ParamRef("chunk"), "rate": ParamRef("rate")}
    assert node.body.nodes[0].task == 1
    assert (node.body.results, node.body.tasks) == ({"result": Ref(0)}, ())
    assert made.results == {"result": Ref(1)}


def test_maps_of_maps_constants_parameters_and_lists_of_handles():
    @workflow
    def flow(paths):
        a = load.map(paths)
        b = fit.map(a[0], rate=each((1, 2, 3)))
        return note.map([b, 4]), pair.map(b), fit.map([1], [2], [3], whole(4))

    built = build(flow, (["a"],))
    nodes = built.workflow.nodes
    assert nodes[0].over == {"path": ParamRef("paths")}
    assert nodes[1].over == {"chunk": Ref(0, 0, (0,)), "rate": Const(0)}
    assert built.constants[0] == [1, 2, 3]
    assert isinstance(nodes[2].over["x"], Container)
    assert nodes[3].body.results == {"result": Container("tuple", (Ref(0, 0), Ref(0, 1)))}
    assert nodes[4].body.nodes[0].args["more"] == Container("tuple", (ParamRef("more:0"), ParamRef("more:1")))
    assert (set(nodes[4].over), set(nodes[4].whole)) == ({"chunk", "rate", "more:0"}, {"more:1"})


def test_all_outputs_of_a_call_can_be_mapped_over():
    @workflow
    def flow(x):
        _, b = pair(x)
        return fit.map(b), fit.map(pair(x))

    nodes = graph(flow, 1).nodes
    assert nodes[0].rows == (1,)
    assert nodes[3].over["chunk"] == Container("tuple", (Ref(2, 0), Ref(2, 1)))


def test_constants_of_a_map_are_judged_and_hidden_results_refused():
    @workflow
    def flow(x):
        fit.map([1, "b"])
        array = np.empty(1, dtype=object)
        array[0] = load(x)
        fit.map([array])
        fit.map([[load(x)]])
        return fit.map([load(x), 1])

    with pytest.raises(DefinitionError) as caught:
        graph(flow, 1)
    first, second = caught.value.problems
    assert first.startswith("fit    'b' given for 'chunk: int' (test_maps.py:")
    assert second.startswith("fit#2  is given a result inside an array (test_maps.py:")


def test_types_flow_through_maps():
    @task
    def measure(x: str) -> list[int]:
        return [len(x)]

    @workflow
    def body(item, other: str):
        return measure(item), measure(other)

    @workflow
    def flow(names: list[str]):
        a = measure.map(names)
        measure.map(a)
        b = body.map(a, other="x")
        measure(a[0][0])
        return b

    with pytest.raises(DefinitionError) as caught:
        graph(flow, ["a"])
    assert [problem.split(", ")[0].split() for problem in caught.value.problems] == [
        ["measure#2", *"list[int] fed to 'x: str' (from measure".split()],
        ["measure", *"list[int] fed to 'x: str' (from item".split()],
        ["measure#3", *"int fed to 'x: str' (from measure".split()],
    ]


def test_an_unused_map_is_a_barrier_and_waits():
    @workflow
    def flow(x):
        note(x)
        note.map([1])
        note.options(order="free", name="free").map([1])
        return load.after(fit(1))(x)

    nodes = {node.name: node.after for node in graph(flow, 1).nodes}
    assert nodes == {
        "note": (),
        "note#2": (After(0),),
        "free": (After(1),),
        "fit": (After(1),),
        "load": (After(3), After(1)),
    }


# --- a workflow ----------------------------------------------------------------------------------------


def test_a_mapped_workflow_is_a_closed_body():
    @workflow
    def body(chunk, rate, extra=5, n: Static[int] = 1):
        note(chunk)
        return [fit(chunk, rate), extra, n]

    @workflow
    def flow(path):
        return body.map(load(path), rate=path, n=2)

    built = build(flow, ("a",))
    node = built.workflow.nodes[1]
    assert (node.name, node.flat, node.over, node.whole) == (
        "body",
        False,
        {"chunk": Ref(0)},
        {"rate": ParamRef("path")},
    )
    assert [one.name for one in node.body.parameters] == ["chunk", "rate"]
    assert [one.after for one in node.body.nodes] == [(), (After(0),)]
    assert node.body.results["result"].items[0] == Ref(1)
    assert (5 in built.constants, 2 in built.constants) == (True, True)
    assert built.workflow.nodes[0].rows == (0,)


def test_values_from_around_a_map_are_lifted_into_its_body():
    @workflow
    def flow(path, n):
        model = load(path)
        a, b = both = pair(path)
        struct = {"k": model}

        @workflow
        def inner(y):
            return fit(y, n)

        @workflow
        def body(x):
            first, _ = both
            return fit(model["w"], b), fit(model["w"], first), inner.map(x), load.after(a)(x), load(struct["k"])

        return body.map(model)

    made = graph(flow, "a", 3)
    node = made.nodes[2]
    assert node.whole == {
        "outer:1:load": Ref(0, 0, ("w",)),
        "outer:2:pair": Ref(1, 1),
        "outer:3:pair": Ref(1, 0),
        "outer:4:n": ParamRef("n"),
        "outer:5:load": Ref(0),
    }
    assert [one.name for one in node.body.parameters] == ["x", *node.whole]
    assert node.after == (After(1),)
    nested = node.body.nodes[2]
    assert (nested.over, nested.whole) == ({"y": ParamRef("x")}, {"outer:1:n": ParamRef("outer:4:n")})


def test_constants_and_containers_around_a_map_can_be_used_in_it():
    @workflow
    def inner(xs, more):
        @workflow
        def body(x):
            return fit(x, more), fit(x, xs[1]), load(xs)

        return body.map(xs)

    @workflow
    def flow(path):
        return inner([load(path), 7], 3), inner((load(path), load(path)), 3)

    node = graph(flow, "a").nodes[1]
    args = [one.args for one in node.body.nodes]
    assert args[0] == {"chunk": ParamRef("x"), "rate": Const(1)}
    assert isinstance(args[2]["path"], Container)


def test_nonsense_with_a_value_from_around_says_where_it_is_from():
    @workflow
    def flow(path):
        xs = load(path)

        @workflow
        def body(x):
            note(xs)
            from fairlead.author.scope import current

            bool(current.get().own(xs))

        body.map(xs)

    with pytest.raises(
        DefinitionError, match="the value of 'load', from around this block, cannot be used as a condition"
    ):
        graph(flow, 1)


def test_a_map_without_a_typed_source_or_result_is_all_right():
    @workflow
    def body(x):
        return 1

    @workflow
    def flow():
        return fit.map(body.map([1, 2]))

    assert [node.name for node in graph(flow).nodes] == ["body", "fit"]
