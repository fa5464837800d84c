"""Tasks and workflow functions: plain calls stay plain, and calls in a workflow become a graph."""

import functools
import math
import pickle
from typing import Annotated

import cloudpickle
import pytest

from fairlead.author.functions import Task, task
from fairlead.author.placing import Static
from fairlead.author.workflows import BoundWorkflow, WorkflowFunction, build, workflow
from fairlead.errors import DefinitionError
from fairlead.model.task import Param
from fairlead.model.workflow import After, Const, Container, Parameter, ParamRef, Ref


@task
def load(path: str) -> list[int]:
    """Load it.

    All of it.
    """
    return [1, 2, len(path)]


@task
def total(xs, extra=0):
    return sum(xs) + extra


@task(outputs=("low", "high"))
def split(xs: list[int]) -> tuple[int, int]:
    return min(xs), max(xs)


@task
def note(*words, end="."):
    return " ".join(words) + end


quick = load.options(retries=2)


@workflow
def prep(path):
    note("starts")
    return load(path)


def graph(function, *args, **kwargs):
    return build(function, args, kwargs).workflow


def orders(flow):
    return {node.name: tuple(flow.nodes[after.node].name for after in node.after) for node in flow.nodes}


# --- outside a workflow -----------------------------------------------------------------------------


def test_a_task_is_its_plain_function_outside_a_workflow():
    assert load("abc") == [1, 2, 3]
    assert load.after(1)("abc") == [1, 2, 3]
    assert total.map([[1], [2]], extra=1) == [2, 3]
    assert load.fn("a") == [1, 2, 1]


def test_a_task_looks_like_its_function():
    assert (load.__name__, load.__module__, load.__wrapped__) == ("load", __name__, load.fn)
    assert load.__doc__.startswith("Load it.")
    assert (repr(load), load.name) == ("<Task load>", "load")
    assert load.definition.doc == "Load it.\n\nAll of it."
    assert load.definition.params == (Param("path", "normal", True, "str"),)
    assert load.definition.target == f"{__name__}:load"
    assert str(load.definition.place).startswith("test_functions.py:")


def test_a_workflow_runs_as_plain_python_whatever_it_uses():
    @workflow
    def flow(path):
        low, high = split(prep(path))
        return [low, *prep.map([path]), high, *total.map([[1], [2]])]

    assert flow.fn("abc") == [1, [1, 2, 3], 3, 1, 2]
    assert prep.map(["a"]) == [[1, 2, 1]]
    assert prep.after(3) is prep


def test_options_give_a_changed_copy():
    copy = load.options(retries=3, name="x2")
    assert (copy.definition.retries, copy.definition.name) == (3, "x2")
    assert load.definition.retries == 0
    assert copy.options(retries=1).name == "x2"


def test_tasks_can_be_pickled():
    assert pickle.loads(pickle.dumps(load)) is load
    assert pickle.loads(pickle.dumps(quick)).definition == quick.definition
    changed = pickle.loads(pickle.dumps(load.options(name="other")))
    assert (changed.name, changed.fn) == ("other", load.fn)

    @task(retries=1)
    def local(x):
        return x + 1

    again = cloudpickle.loads(cloudpickle.dumps(local))
    assert (again(1), again.definition.retries) == (2, 1)


def test_partials_builtins_and_decorated_functions_can_be_tasks():
    part = task(functools.partial(total.fn, extra=5))
    assert (part.name, part([1]), part.definition.target) == ("total", 6, "")
    root = task(math.sqrt)
    assert (root.definition.target, root(4.0)) == ("math:sqrt", 2.0)
    assert root.definition.place is None

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @task
    @logged
    def inner(x: int, *, y: str = "a"):
        return x

    assert inner.definition.params == (Param("x", "normal", True, "int"), Param("y", "keyword_only", False, "str"))
    assert [p.kind for p in task(max, name="most").definition.params] == ["varargs", "varkw"]
    assert task([3].count, name="count").definition.params[0].name == "value"


def test_every_kind_of_argument_is_known():
    def many(a, /, b, c=1, *rest, d, e=2, **more): ...

    assert task(many).definition.params == (
        Param("a", "positional_only", True),
        Param("b", "normal", True),
        Param("c", "normal", False),
        Param("rest", "varargs", False),
        Param("d", "keyword_only", True),
        Param("e", "keyword_only", False),
        Param("more", "varkw", False),
    )


@pytest.mark.parametrize(
    ("returns", "names"),
    [
        (Annotated[int, "n"], ("n",)),
        (tuple[Annotated[int, "a"], Annotated[str, "b"]], ("a", "b")),
        (tuple[Annotated[int, "a"], str], ("result",)),
        (tuple[int, str], ("result",)),
        (int, ("result",)),
        ("no such name", ("result",)),
    ],
)
def test_outputs_are_named_by_the_return_annotation(returns, names):
    def function(): ...

    function.__annotations__["return"] = returns
    assert task(function).definition.outputs == names
    assert task(function, outputs=["x"]).definition.outputs == ("x",)


# --- the graph ----------------------------------------------------------------------------------------


def test_calls_become_nodes_and_handles_edges():
    @workflow
    def flow(path: str, extra: int = 1):
        return total(load(path), extra=extra)

    built = flow.build("a.csv")
    made = built.workflow
    assert [(node.name, node.task, node.args) for node in made.nodes] == [
        ("load", 0, {"path": ParamRef("path")}),
        ("total", 1, {"xs": Ref(0), "extra": ParamRef("extra")}),
    ]
    assert made.parameters == (Parameter("path", "str"), Parameter("extra", "int", False, 0))
    assert (made.results, made.single, built.constants) == ({"result": Ref(1)}, True, [1])
    assert built.parameters == {"path": "a.csv", "extra": 1}
    assert built.functions == [load.fn, total.fn]
    assert [task.name for task in made.tasks] == ["load", "total"]
    assert str(made.nodes[1].place).startswith("test_functions.py:")


def test_one_task_called_often_is_one_definition_with_numbered_nodes():
    @workflow
    def flow(x):
        for retries in (0, 0, 1, 1):
            x = total.options(retries=retries)(x)
        return x

    made = graph(flow, [1])
    assert [node.name for node in made.nodes] == ["total", "total#2", "total#3", "total#4"]
    assert [node.task for node in made.nodes] == [0, 0, 1, 1]
    assert len(made.tasks) == 2


def test_selections_and_unpacking_mean_what_they_mean_on_the_value():
    @task
    def pair(x) -> tuple[int, str]:
        return x, "b"

    @workflow
    def flow(path):
        xs = load(path)
        a, b = pair(xs[0])
        low, _high = split(xs)
        both = split(xs)
        return [xs["k"][1:], a, b, low, both[1], both[-1], both[:1], path[2], both]

    made = graph(flow, "a")
    assert made.nodes[1].args == {"x": Ref(0, 0, (0,))}
    assert made.results["result"].items == (
        Ref(0, 0, ("k", (1, None, None))),
        Ref(1, 0, (0,)),
        Ref(1, 0, (1,)),
        Ref(2, 0),
        Ref(3, 1),
        Ref(3, 1),
        Container("tuple", (Ref(3, 0),)),
        ParamRef("path", (2,)),
        Container("tuple", (Ref(3, 0), Ref(3, 1))),
    )


def test_a_part_that_cannot_be_there_is_refused():
    @workflow
    def flow(path):
        return split(load(path))["low"]

    with pytest.raises(DefinitionError, match=r"the result of 'split' \(.*\) has no 'low' \(.*\): tuple indices"):
        graph(flow, "a")


def test_handles_stand_in_lists_tuples_and_dicts():
    @workflow
    def flow(x):
        h = load(x)
        return total([h, (1, {"k": h, "j": 2})], [1, [2]])

    made = graph(flow, "a")
    args = made.nodes[1].args
    assert args["xs"] == Container(
        "list",
        (Ref(0), Container("tuple", (Const(0), Container("dict", (Ref(0), Const(1)), (Const(2), Const(3)))))),
    )
    assert args["extra"] == Const(4)


def test_a_list_that_is_changed_after_a_call_is_as_it_was():
    seen = [[1]]
    both = {"a": {1}, "b": bytearray(b"x")}

    @workflow
    def flow():
        first = total(seen)
        seen[0].append(2)
        other = total(both)
        both["a"].add(2)
        return first, other, total({3})

    assert build(flow).constants == [[[1]], {"a": {1}, "b": bytearray(b"x")}, {3}]


def test_equal_small_constants_have_one_slot_and_unequal_ones_have_not():
    @workflow
    def flow():
        return [total(v) for v in (1, True, 1, 0.0, -0.0, "a", "a", None, None)]

    constants = build(flow).constants
    assert [repr(one) for one in constants] == ["1", "True", "0.0", "-0.0", "'a'", "None"]


def test_stars_are_one_container_and_named_extras_stand_by_themselves():
    @task
    def many(a, /, *rest, key=0, **more): ...

    @workflow
    def flow(x):
        return many(x, 1, load(x), key=2, other=x), many(x)

    first = graph(flow, "a").nodes[1]
    assert first.args["rest"] == Container("tuple", (Const(0), Ref(0)))
    assert set(first.args) == {"a", "rest", "key", "other"}


def test_results_are_named_by_a_returned_dict():
    @workflow
    def flow(x):
        return {"a": load(x), "b": 1}

    made = graph(flow, "a")
    assert (made.results, made.single) == ({"a": Ref(0), "b": Const(0)}, False)

    @workflow
    def nothing(x):
        load(x)

    assert graph(nothing, "a").results == {"result": Const(0)}


def test_what_is_called_for_its_effect_is_a_barrier_for_all_that_follows():
    @workflow
    def flow(x):
        a = load(x)
        note("one")
        b = total(a)
        c = total(b)
        note("two")
        note.options(order="free", name="free")("three")
        return total(c)

    assert orders(graph(flow, "a")) == {
        "load": (),
        "note": (),
        "total": ("note",),
        "total#2": ("note",),
        "note#2": ("note",),
        "free": ("note#2",),
        "total#3": ("note#2",),
    }


def test_after_orders_without_data():
    @workflow
    def flow(x):
        a = load(x)
        b = load(x)
        return total.after(a, [b, {"k": a}])(x), prep.after(a)(x)

    made = graph(flow, "a")
    assert orders(made)["total"] == ("load", "load#2")
    assert orders(made)["prep:note"] == ("load",)
    assert orders(made)["prep:load"] == ("load", "prep:note")


def test_a_parameter_can_be_waited_for_and_means_no_order():
    @workflow
    def flow(x):
        return total.after(x)(x)

    assert graph(flow, "a").nodes[0].after == ()


def test_a_workflow_inside_a_workflow_is_inlined_under_its_name():
    @workflow
    def flow(x):
        a = prep(x)
        return total(a), prep(path="b"), prep.options(name="other")([a])

    made = graph(flow, "a")
    assert [node.name for node in made.nodes] == [
        *("prep:note", "prep:load", "total", "prep#2:note", "prep#2:load", "other:note", "other:load"),
    ]
    assert made.nodes[4].args["path"] == Const(1)
    assert orders(made)["total"] == ("prep:note",)


def test_an_inlined_workflow_sees_constants_as_handles_and_static_ones_as_values():
    @workflow
    def inner(n: Static[int], xs, more=(1, 2)):
        return [total(xs[0][k], more[1]) for k in range(n)], xs["a"]

    @workflow
    def outer(x):
        return inner(2, [load(x)], more={1: 3})[0], inner(Static_three, {"a": 1, 0: [1, 2, 3]})

    Static_three = 3
    with pytest.raises(DefinitionError, match=r"'xs' .*has no 'a'"):
        graph(outer, "a")

    @workflow
    def fine(x):
        return inner(2, {"a": 1, 0: [1, 2]}), inner(1, {"a": load(x), 0: [5]})

    constants = build(fine, ("a",)).constants
    assert 1 in constants and 2 in constants

    @workflow
    def relay(n):
        return inner(n, {"a": 1, 0: [1]})

    @workflow
    def whole(x):
        return relay(1)

    assert [node.name for node in graph(whole, "a").nodes] == ["relay:inner:total"]


def test_static_parameters_have_their_real_value():
    @workflow
    def flow(x, n: Static[int] = 2):
        for _ in range(n):
            x = total(x)
        return x

    built = flow.build([1], n=3)
    assert len(built.workflow.nodes) == 3
    assert built.workflow.parameters[1].static
    assert built.constants == [3]
    assert len(flow.build([1]).workflow.nodes) == 2


def test_static_is_known_where_its_type_cannot_be_resolved():
    def flow(n): ...

    flow.__annotations__["n"] = "Static[NoSuchName]"
    assert workflow(flow).inputs[0].static


def test_a_call_outside_gives_a_bound_workflow():
    bound = prep("a.csv")
    assert isinstance(bound, BoundWorkflow)
    assert (bound.name, bound.parameters, repr(bound)) == (
        "prep",
        {"path": "a.csv"},
        "<BoundWorkflow prep(path='a.csv')>",
    )
    assert bound.build().workflow.name == "prep"
    assert repr(prep) == "<WorkflowFunction prep>"


def test_a_subclass_decides_what_a_call_outside_gives():
    class Runnable(BoundWorkflow):
        pass

    class Flow(WorkflowFunction):
        bound = Runnable

    flow = Flow(lambda x: load(x), name="flow")
    assert isinstance(flow(1), Runnable)
    assert isinstance(flow.options(name="other")(1), Runnable)


def test_inputs_tell_what_a_workflow_takes():
    def flow(path: str, rate: float = 0.1, n: Static[int] = 3, other=None): ...

    one, two, three, four = workflow(name="flow")(flow).inputs
    assert one[:6] == ("path", str, "str", True, None, False)
    assert two[:6] == ("rate", float, "float", False, 0.1, False)
    assert (three.static, four.required) == (True, False)


def test_wrong_parameters_are_told_all_at_once():
    @workflow
    def flow(path: str, rate: float = 0.1, /, *, key: int): ...

    with pytest.raises(DefinitionError) as caught:
        flow(1, "x", 3, kay=2)
    assert str(caught.value) == (
        "flow: 5 problems\n"
        "  takes 2 positional arguments, 3 were given\n"
        "  takes no 'kay' (nearest: 'key')\n"
        "  is not given 'key'\n"
        "  1 given for 'path: str'\n"
        "  'x' given for 'rate: float'"
    )
    with pytest.raises(DefinitionError, match="flow: takes 'path' by position only"):
        flow("a", key=1, path="b")
    with pytest.raises(DefinitionError, match="prep: is given 'path' twice"):
        prep("a", path="b")


def test_an_open_build_needs_no_parameters_but_those_that_shape_the_graph():
    assert prep.build_open().parameters == {}

    @workflow
    def flow(n: Static[int]): ...

    with pytest.raises(DefinitionError, match="flow: is not given 'n', which shapes the graph"):
        flow.build_open()


def test_wrong_calls_and_types_are_told_all_at_once_with_their_lines():
    @task
    def count(xs: list[int]) -> int:
        return len(xs)

    @task
    def say(text: str, times: int = None):  # noqa: RUF013 - what people write
        return text

    @workflow
    def flow(path: int):
        n = count(load(path))
        say(n, times=None)
        say("a", "b")
        count([load("x"), 1])
        say.map([1])
        say.map(n)
        say.map(load("x"))
        total()
        total([1], nope=2)
        prep(3)
        return [say(n), say(("a", n))]

    line = flow.fn.__self__._function.__code__.co_firstlineno
    with pytest.raises(DefinitionError) as caught:
        graph(flow, 1)
    own = load.definition.place.line, prep.__wrapped__.__code__.co_firstlineno + 3
    assert own
    expected = [
        ("say#2", "'b' given for 'times: int | None' ({4})"),
        ("say#3", "1 given for 'text: str' ({6})"),
        ("total", "is not given 'xs' ({9})"),
        ("total#2", "takes no 'nope' ({10})"),
        ("say#7", "a tuple given for 'text: str' ({12})"),
        ("load", "int fed to 'path: str' (from path, {2})"),
        ("say", "int fed to 'text: str' (from count, {3})"),
        ("count#2", "list[int] fed to 'xs: int' (from load#2, {5})"),
        ("say#4", "int mapped over as 'text' (from count, {7})"),
        ("say#5", "int fed to 'text: str' (from load#3, {8})"),
        ("prep:load", f"int fed to 'path: str' (from path, test_functions.py:{own[1]})"),
    ]
    lines = {f"{{{n}}}": f"test_functions.py:{line + n}" for n in range(20)}
    wanted = []
    for name, what in expected:
        for mark, place in lines.items():
            what = what.replace(mark, place)
        wanted.append(f"{name:<9}  {what}")
    assert list(caught.value.problems) == wanted


def test_build_takes_plain_functions_and_other_names():
    def flow(x):
        return load(x)

    assert graph(flow, "a").name == "flow"
    assert build(prep, ("a",), name="renamed").workflow.name == "renamed"


def test_async_tasks_are_placed_like_others():
    @task
    async def fetch(url):
        return url

    @workflow
    def flow(url):
        return fetch(url)

    assert graph(flow, "a").nodes[0].name == "fetch"
    assert isinstance(fetch, Task)


def test_an_error_in_the_body_leaves_no_workflow_open():
    @workflow
    def flow():
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        flow.build()
    assert load("a") == [1, 2, 1]


def test_places_are_outside_our_own_files_when_there_is_nobody():
    from fairlead.author.problems import Problem, complain, place_of, user_frame

    assert user_frame(None) is None
    assert str(place_of(None)).startswith("test_functions.py:")
    assert complain("x", [Problem("", "a"), Problem("", "b")]).problems == ("a", "b")
    assert After(1) == After(1)
