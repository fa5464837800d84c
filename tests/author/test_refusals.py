"""What means nothing while a graph is built is refused, with task, file, line and the fix."""

import pickle
import re

import numpy as np
import pytest

from fairlead.author.functions import task
from fairlead.author.placing import Static
from fairlead.author.steps import PythonTask
from fairlead.author.workflows import workflow
from fairlead.errors import DefinitionError


@task
def load(x):
    return x


@task
def total(x):
    return x


def refusal(use):
    @workflow
    def flow(path):
        use(load(path))

    with pytest.raises(DefinitionError) as caught:
        flow.build("a")
    return str(caught.value)


DECIDE = "decide inside a task that takes it"
COMPUTE = "write a task that takes it and computes this"
CHANGE = "write a task that takes it and returns a changed copy"
TEXT = "put the text together inside a task that takes it"
NUMBER = "do this inside a task that takes it"
WITH = "open it inside the task that uses it"


def with_statement(h):
    with h:
        pass


def set_item(h):
    h["a"] = 1


def delete_item(h):
    del h["a"]


def set_attribute(h):
    h.a = 1


def delete_attribute(h):
    del h.a


def add_in_place(h):
    h += 1


CASES = {
    "if": (lambda h: 1 if h else 2, "used as a condition", DECIDE),
    "not": (lambda h: not h, "used as a condition", DECIDE),
    "eq": (lambda h: h == 1, "compared", DECIDE),
    "ne": (lambda h: h != 1, "compared", DECIDE),
    "lt": (lambda h: h < 1, "compared", DECIDE),
    "sorted": (lambda h: sorted([h, h]), "compared", DECIDE),
    "add": (lambda h: h + 1, "computed with", COMPUTE),
    "radd": (lambda h: 1 + h, "computed with", COMPUTE),
    "iadd": (add_in_place, "computed with", COMPUTE),
    "array": (lambda h: np.ones(2) + h, "computed with", COMPUTE),
    "neg": (lambda h: -h, "computed with", COMPUTE),
    "round": (lambda h: round(h), "computed with", COMPUTE),
    "len": (lambda h: len(h), "asked for its length", "take the length inside a task"),
    "in": (lambda h: 1 in h, "searched", "search inside a task that takes it"),
    "str": (lambda h: str(h), "written as text", TEXT),
    "f-string": (lambda h: f"{h}", "written as text", TEXT),
    "bytes": (lambda h: bytes(h), "turned into bytes", COMPUTE),
    "set": (lambda h: {h}, "a member of a set or a key of a dict", "use a list, or a dict with it as a value"),
    "call": (lambda h: h(1), "called", "it is a result and no task; call it inside a task that takes it"),
    "int": (lambda h: int(h), "used as a number", NUMBER),
    "float": (lambda h: float(h), "used as a number", NUMBER),
    "range": (lambda h: range(h), "used as a number", NUMBER),
    "with": (with_statement, "used in a 'with' statement", WITH),
    "await": (
        lambda h: h.__await__(),
        "awaited",
        "leave the await out: async tasks are awaited when the workflow runs",
    ),
    "setitem": (set_item, "changed", CHANGE),
    "delitem": (delete_item, "changed", CHANGE),
    "setattr": (set_attribute, "given .a", CHANGE),
    "delattr": (delete_attribute, "changed", CHANGE),
    "attribute": (
        lambda h: h.shape,
        "asked for .shape",
        "write a task that takes it and returns .shape, or use […] for its items",
    ),
    "iter": (
        lambda h: list(h),
        "iterated",
        "call another task's .map(…) on it, or declare how many parts it has with outputs=(…) to unpack it",
    ),
    "reversed": (lambda h: reversed(h), "reversed", "reverse it inside a task, or with [::-1]"),
    "asarray": (lambda h: np.asarray(h), "put into an array", "make the array inside a task that takes it"),
    "pickle": (
        lambda h: pickle.dumps(h),
        "pickled or copied",
        "pass it to a task as an argument, or inside a list, tuple or dict",
    ),
    "copy": (
        lambda h: h.__copy__(),
        "pickled or copied",
        "pass it to a task as an argument, or inside a list, tuple or dict",
    ),
    "by result": (lambda h: h[h], "indexed with a result", "write a task that takes both and selects"),
    "slice by result": (lambda h: h[h:], "indexed with a result", "write a task that takes both and selects"),
    "by float": (lambda h: h[1.5], "indexed with 1.5", "use text, a whole number or a slice, or select inside a task"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_means_nothing_is_refused_with_task_place_and_fix(name):
    use, what, instead = CASES[name]
    message = re.sub(r":\d+\)", ":N)", refusal(use))
    assert message == (
        f"the result of 'load' (test_refusals.py:N) cannot be {what} while the workflow is built "
        f"(test_refusals.py:N), because its value is there only when it runs; {instead}"
    )


def test_the_place_is_the_line_of_the_nonsense():
    def use(h):
        return h == 1

    line = use.__code__.co_firstlineno + 1
    assert f"(test_refusals.py:{line}), because" in refusal(use)


def test_a_parameter_says_that_static_makes_it_real():
    @workflow
    def flow(n):
        for _ in range(n):
            load(n)

    with pytest.raises(
        DefinitionError,
        match=r"the parameter 'n' cannot be used as a number .* annotate the parameter "
        r"as Static\[…\] to have its real value here",
    ):
        flow.build(3)


def test_repr_and_what_tools_ask_still_work():
    seen = []

    @workflow
    def flow(n):
        h = load(n)
        a, b = task(lambda: 1, name="two", outputs=("a", "b"))()
        seen.extend([repr(h), repr(h["a"][1:]), repr(b), repr(h[::2]), hasattr(h, "_repr_html_"), h is h])
        return h, a

    flow.build(1)
    assert seen == ["<Handle load>", "<Handle load['a'][1:]>", "<Handle two[1]>", "<Handle load[::2]>", False, True]


def in_array(h):
    array = np.empty(2, dtype=object)
    array[0] = h
    return array


class Holder:
    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("item",)

    def __init__(self, item):
        self.item = item


@pytest.mark.parametrize(
    ("put", "where"),
    [
        (lambda h: Holder(h), "the field 'value' of a Holder"),
        (lambda h: [1, Holder([h])], "the field 'value' of a Holder"),
        (lambda h: Slotted(h), "the field 'item' of a Slotted"),
        (lambda h: in_array(h), "an array"),
        (lambda h: type("Rows", (list,), {})([h]), "a Rows"),
        (lambda h: type("Row", (dict,), {})(a=h), "a Row"),
    ],
)
def test_a_result_inside_an_object_is_refused_with_where_it_is(put, where):
    message = refusal(lambda h: total(put(h)))
    assert f"flow: total is given a result inside {where} (test_refusals.py:" in message
    assert message.endswith("; a task sees results only as arguments, or inside lists, tuples and dicts")


def test_returning_a_result_inside_an_object_is_refused():
    @workflow
    def flow():
        return Holder(load(1))

    with pytest.raises(DefinitionError, match="flow: returns a result inside the field 'value' of a Holder; return it"):
        flow.build()


def test_a_result_of_a_workflow_that_was_built_is_refused():
    kept = []

    @workflow
    def first():
        kept.append(load(1))

    first.build()

    @workflow
    def second():
        return total(kept[0])

    with pytest.raises(
        DefinitionError,
        match=r"second: the result of 'load' \(test_refusals.py:\d+\) is used here \(test_refusals.py:\d+\), but "
        r"workflow 'first' was built before; pass the value as an argument, or call the task here",
    ):
        second.build()
    with pytest.raises(DefinitionError, match=r"first: 'path' is given a result|'x' is given a result of another"):
        workflow(lambda x: x, name="third").build(kept[0])


def test_a_workflow_that_calls_itself_is_refused():
    @workflow
    def again(x):
        return again(x)

    with pytest.raises(DefinitionError, match=r"again: workflow 'again' calls itself \(test_refusals.py:\d+\), and"):
        again.build(1)


def test_a_static_parameter_needs_a_real_value():
    @workflow
    def inner(n: Static[int]):
        return [load(i) for i in range(n)]

    @workflow
    def outer(x):
        return inner(load(x))

    @workflow
    def mapped(x):
        return inner.map(x)

    with pytest.raises(DefinitionError, match=r"outer: inner \(.*\): 'n' is Static and needs a real value"):
        outer.build(1)
    with pytest.raises(DefinitionError, match=r"mapped: inner.map \(.*\): 'n' is Static and shapes the graph"):
        mapped.build([1])


class Bag:
    @task
    def method(self):
        return 1

    @workflow
    def flow(self):
        return 1

    borrowed = load

    @staticmethod
    @task
    def fine():
        return 1


def test_methods_are_refused_and_borrowed_tasks_are_not():
    with pytest.raises(DefinitionError, match=r"'method' is a method of Bag and cannot be a task .* put @staticmethod"):
        Bag().method()
    with pytest.raises(DefinitionError, match="workflow 'flow' is a method of Bag"):
        Bag().flow()
    assert Bag().borrowed(3) == 3
    assert Bag().fine() == 1


def generator():
    yield 1


async def async_generator():
    yield 1


async def async_flow():
    return 1


def starred(*args):
    return args


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: task(generator), "'generator' (test_refusals.py:"),
        (lambda: task(generator), "is a generator, whose values cannot be kept; return a list"),
        (lambda: task(async_generator), "is a generator, whose values cannot be kept; return a list"),
        (lambda: task(lambda: 1), "a lambda (test_refusals.py:"),
        (lambda: task(lambda: 1), "has no name of its own; give name='…'"),
        (lambda: task(3), "3 cannot be a task: it is not callable; give a function"),
        (lambda: task(Holder), "class 'Holder' cannot be a task; write a function that makes one, and decorate that"),
        (lambda: task(load), "'load' is a task already; change a copy with .options(…)"),
        (lambda: task(staticmethod(generator)), "'generator' is a method; put @staticmethod above @task"),
        (lambda: workflow(async_flow), "workflow 'async_flow' (test_refusals.py:"),
        (lambda: workflow(lambda: 1), "a workflow needs a name: name='…'"),
        (lambda: workflow(load.fn, name="a.b"), "a workflow needs a name: name='…' may not hold .; got 'a.b'"),
        (lambda: workflow(starred).build(), "workflow 'starred': its parameters need names, and '*args' has none"),
    ],
)
def test_what_cannot_be_a_task_or_workflow_says_what_to_do(make, message):
    with pytest.raises(DefinitionError) as caught:
        make()
    assert message in str(caught.value)


def test_after_takes_results_only():
    @workflow
    def flow():
        load.after(None)(1)

    with pytest.raises(
        DefinitionError, match=r"load.after takes results of earlier calls; got None \(.*nothing is wai"
    ):
        flow.build()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"retries": -1}, "retries must be a whole number, zero or more; got -1"),
        ({"retries": True}, "retries must be a whole number, zero or more; got True"),
        ({"retrys": 1}, "retrys is no option of a task (nearest: 'retries')"),
        ({"retry_delay": "1"}, "retry_delay must be a number of seconds, zero or more; got '1'"),
        ({"timeout": 0}, "timeout must be a number of seconds above zero, or None; got 0"),
        ({"cache": 1}, "cache must be True or False; got 1"),
        ({"outputs": "a"}, "outputs must be a list of names: ['a']"),
        ({"outputs": []}, "outputs must name one output or more"),
        ({"outputs": ["a", "a"]}, "outputs has 'a' twice"),
        ({"secrets": 3}, "secrets must be a list of names; got 3"),
        ({"env_vars": {"A": 1}}, "env_vars must be a dict of text to text; got {'A': 1}"),
        ({"image": ""}, "image must be the name of an image; got ''"),
        ({"order": "none"}, "order must be 'source' or 'free'; got 'none'"),
        ({"resources": {"cpu": 1}}, "resources must be Resources(cpu=…, memory=…, gpu=…); got {'cpu': 1}"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused(options, problem):
    with pytest.raises(DefinitionError) as caught:
        load.options(**options)
    assert str(caught.value) == f"load: {problem}"


def test_resources_and_names_are_checked_and_all_problems_are_told_at_once():
    from fairlead.model.task import Resources

    for resources, what in [
        (Resources(cpu=-1), "must have a number as cpu; got -1"),
        (Resources(gpu="1"), "must have a number as gpu; got '1'"),
        (Resources(memory="much"), "must have memory such as '4Gi' or '500M'; got 'much'"),
    ]:
        with pytest.raises(DefinitionError, match=what):
            load.options(resources=resources)
    with pytest.raises(DefinitionError) as caught:
        task(load.fn, name="a#b", retries=None)
    assert str(caught.value) == (
        "a#b: 2 problems\n  name     may not hold #; got 'a#b'\n"
        "  retries  must be a whole number, zero or more; got None"
    )
    with pytest.raises(DefinitionError, match="load: name must be text; got ''"):
        load.options(name="")
    with pytest.raises(DefinitionError, match="load: tracked 'b' is no output"):
        _ = load.options(tracked=["b"]).definition
    assert load.options(resources=Resources(cpu=2, memory="4Gi", gpu=1), timeout=None, retry_delay=0.5).definition
    assert repr(PythonTask(load)) == "<PythonTask load>"
