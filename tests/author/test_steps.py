"""Pipelines: values flow by name, and all that is wrong is told at once."""

import linecache

import pytest

from fairlead.author.functions import task
from fairlead.author.steps import Pipeline, PythonTask, Stub, metric, pickled
from fairlead.author.workflows import workflow
from fairlead.errors import DefinitionError
from fairlead.model.workflow import After, Parameter, ParamRef, Ref


def generate():
    return 1 + 1


def show(value):
    print(value)


def load(path: str, rows: int = 10) -> list[int]:
    df = [len(path)] * rows
    return df


def split(df):
    if not df:
        return None, 0

    def inner():
        return 3

    return df, inner()


def score(df, text: str = "x"):
    best, report = df, text
    if text:
        return best, report
    return best, report


def nothing(): ...


def graph(*steps, **parameters):
    return Pipeline(steps=list(steps)).build(parameters).workflow


def args(flow):
    return {node.name: node.args for node in flow.nodes}


def refused(*steps, **parameters):
    with pytest.raises(DefinitionError) as caught:
        Pipeline(steps=list(steps), name="flow").build(parameters)
    return str(caught.value)


def test_the_two_function_quick_start_runs_as_printed():
    flow = graph(PythonTask(function=generate), PythonTask(function=show))
    assert args(flow) == {"generate": {}, "show": {"value": Ref(0)}}
    assert flow.nodes[1].after == (After(0, counts=-1),)
    assert (flow.results, flow.single) == ({"generate": Ref(0)}, False)


def test_a_named_return_statement_flows_to_an_argument_of_another_name_too():
    flow = graph(PythonTask(load), PythonTask(show), path="a")
    assert args(flow)["show"] == {"value": Ref(0)}
    assert flow.results == {"df": Ref(0)}


def test_values_flow_by_name_and_the_rest_become_parameters():
    built = Pipeline([PythonTask(load), PythonTask(score), PythonTask(show, returns=[])], name="study").build(
        {"path": "a", "value": 3}
    )
    flow = built.workflow
    assert args(flow) == {
        "load": {"path": ParamRef("path"), "rows": ParamRef("rows")},
        "score": {"df": Ref(0), "text": ParamRef("text")},
        "show": {"value": ParamRef("value")},
    }
    assert flow.parameters == (
        Parameter("path", "str"),
        Parameter("rows", "int", False, 0),
        Parameter("text", "str", False, 1),
        Parameter("value"),
    )
    assert built.parameters == {"path": "a", "rows": 10, "text": "x", "value": 3}
    assert flow.results == {"df": Ref(0), "best": Ref(1, 0), "report": Ref(1, 1)}
    assert [one.after for one in flow.nodes] == [(), (After(0, counts=-1),), (After(1),)]
    assert built.functions == [load, score, show]


def test_returns_name_outputs_and_metrics():
    flow = graph(
        PythonTask(function=split, name="cut", returns=["left", metric("size")], retries=2),
        PythonTask(load, returns=[pickled("df")]),
        df=[1],
        path="a",
    )
    cut = flow.tasks[0]
    assert (cut.name, cut.outputs, cut.tracked, cut.retries) == ("cut", ("left", "size"), ("size",), 2)
    assert flow.tasks[1].outputs == ("df",)
    assert flow.results == {"left": Ref(0, 0), "size": Ref(0, 1), "df": Ref(1)}


def test_the_latest_producer_of_a_name_wins():
    flow = graph(PythonTask(load), PythonTask(load, name="again", returns=["df"]), PythonTask(score), path="a")
    assert args(flow)["score"]["df"] == Ref(1)


def test_a_stub_does_nothing_and_lets_values_pass():
    flow = graph(PythonTask(generate), Stub(name="success"), Stub("later", returns=["x"]), PythonTask(show))
    assert [one.kind for one in flow.tasks] == ["python", "stub", "stub", "python"]
    assert args(flow)["show"] == {"value": Ref(0)}
    assert flow.results == {"generate": Ref(0), "x": Ref(2)}
    assert Pipeline([Stub("a")]).build().functions == [None]
    assert (repr(Stub("a")), repr(Pipeline([Stub("a")]))) == ("<Stub a>", "<Pipeline pipeline: 1 steps>")


def test_tasks_can_be_steps_with_their_options():
    step = task(outputs=("a", "b"), retries=1)(split)
    flow = graph(PythonTask(step, cache=True), df=1)
    assert (flow.tasks[0].outputs, flow.tasks[0].retries, flow.tasks[0].cache) == (("a", "b"), 1, True)


def test_annotated_outputs_are_kept():
    from typing import Annotated

    def make() -> Annotated[int, "n"]:
        x = 1
        return x

    assert graph(PythonTask(make)).results == {"n": Ref(0)}


def test_an_only_optional_argument_takes_a_value_without_a_name():
    def maybe(x=1, *rest, **more): ...

    flow = graph(PythonTask(generate), PythonTask(maybe), PythonTask(nothing), PythonTask(show, "end"), value=1)
    assert args(flow)["maybe"] == {"x": Ref(0), "value": ParamRef("value")}
    assert args(flow)["end"] == {"value": ParamRef("value")}


def test_steps_with_different_defaults_keep_their_own():
    def one(rate=1): ...
    def two(rate=2): ...

    steps = [PythonTask(one), PythonTask(two)]
    assert args(graph(*steps)) == {"one": {"rate": ParamRef("rate")}, "two": {}}
    assert args(graph(*steps, rate=3)) == {"one": {"rate": ParamRef("rate")}, "two": {"rate": ParamRef("rate")}}


def test_inputs_tell_what_a_pipeline_takes():
    one, two = Pipeline([PythonTask(load)]).inputs
    assert one == ("path", str, "str", True, None, False)
    assert two == ("rows", int, "int", False, 10, False)


def test_all_that_is_wrong_is_told_at_once():
    def fit(modle): ...

    text = refused(
        PythonTask(load, returns=["model"]),
        PythonTask(fit),
        PythonTask(score, name="again", returns="best"),
        PythonTask(3),
        PythonTask(show, retrys=1, timeout=-1),
        PythonTask(nothing),
        PythonTask(nothing),
        Stub("a.b"),
        show,
        3,
        pth="a",
        rows="many",
    )
    line = test_all_that_is_wrong_is_told_at_once.__code__.co_firstlineno + 4
    at = f"(test_steps.py:{line})"
    places = [f"test_steps.py:{line + n}" for n in range(9)]
    expected = [
        ("again", "returns must be a list of names: ['best']"),
        ("3", f"3 cannot be a task: it is not callable; give a function ({places[3]})"),
        ("show", f"retrys is no option of a task (nearest: 'retries') ({places[4]})"),
        ("nothing", f"names two steps ({places[5]} and {places[6]}); give one of them another name="),
    ]
    for where, what in expected:
        assert f"\n  {where:<10}  {what}" in text, text
    assert f"takes 'path', which nothing before it provides (nearest: 'pth'); give it as a parameter {at}" in text
    assert "takes 'modle', which nothing before it provides (nearest: 'model'); give it as a parameter" in text
    assert "'many' given for 'rows: int'" in text
    assert "'pth' is taken by no step (nearest: 'path')" in text
    assert "name may not hold .; got 'a.b'" in text
    assert "is no step; wrap a function in PythonTask(function=…)" in text
    assert "3 is no step; give PythonTask or Stub" in text
    assert "takes 'df'" in text


def test_a_value_without_a_name_that_fits_nowhere_is_named_in_the_complaint():
    def two(a, b): ...

    text = refused(PythonTask(generate), PythonTask(two))
    assert (
        "two  takes 'a', which nothing before it provides; name it in returns=[…] of 'generate', or give it as" in text
    )


def test_types_are_compared():
    def count() -> int:
        return 1

    text = refused(PythonTask(count, returns=["text"]), PythonTask(score, name="fit"), df=1)
    assert text.startswith("flow: fit int fed to 'text: str' (from count, test_steps.py:")


def test_pipelines_need_steps_and_names():
    assert refused() == "flow: has no steps"
    with pytest.raises(DefinitionError, match="a/b: name may not hold /; got 'a/b'"):
        Pipeline([Stub("a")], name="a/b").build()
    assert "'-x' name may not begin with -, as options of commands do; got '-x'" in refused(Stub("-x"))


def test_workflow_functions_and_generators_are_no_steps():
    def numbers():
        yield 1

    assert "is a generator, whose values cannot be kept; return a list" in refused(PythonTask(numbers))
    flow = workflow(lambda x: x, name="inner")
    assert "is a workflow; call it in a workflow function" in refused(PythonTask(flow))


def test_return_statements_are_read_where_there_is_source():
    from fairlead.author.returned import returned_names

    space = {}
    exec("def unknown():\n    return df", space)
    assert returned_names(space["unknown"]) is None
    assert returned_names(len) is None
    assert returned_names(lambda: 1) is None
    assert returned_names(nothing) == ()
    assert returned_names(score) == ("best", "report")
    assert returned_names(split) is None
    assert returned_names(generate) is None


@pytest.mark.parametrize("edited", ["# only a comment\n\n", "def other():\n    return x\n", "x = 1\n"])
def test_a_file_that_was_edited_since_names_nothing(tmp_path, edited):
    from fairlead.author.returned import returned_names

    file = tmp_path / "edited_since.py"
    text = "def made():\n    df = 1\n    return df\n"
    file.write_text(text)
    names = {"__name__": "edited_since"}
    exec(compile(text, str(file), "exec"), names)
    assert returned_names(names["made"]) == ("df",)
    file.write_text(edited)
    linecache.checkcache()
    assert returned_names(names["made"]) is None
