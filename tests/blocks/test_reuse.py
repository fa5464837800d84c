"""What counts for what was ordered after a block: the code that ran in it, and not the code that might have."""

from __future__ import annotations

import pytest

from fairlead import Conditional, Pipeline, PythonTask, WorkflowRun

JOBS = """
    from fairlead import Conditional, Pipeline, PythonTask

    def left(side):
        said = {left}
        return said

    def right(side):
        said = {right}
        return said

    def rescue(side):
        said = {rescue}
        return said

    def after(number):
        more = number + 1
        return more

    steps = Pipeline(
        [
            Conditional("turn", "side", {{"left": left, "right": right}}),
            PythonTask(left, name="again", on_failure=rescue),
            PythonTask(after),
        ],
        name="steps",
    )

    if __name__ == "__main__":
        import sys
        kept = sys.argv[2:]
        run = steps.run("in_process", id=sys.argv[1], resume=kept[0] if kept else None,
                        parameters={{"side": "left", "number": 1}})
        print(*(f"{{one.id}} {{one.status}}" for one in run.get_tasks()), sep="; ")
"""


@pytest.mark.parametrize(
    ("edited", "after"),
    [("right", "reused"), ("rescue", "reused"), ("left", "succeeded")],
    ids=["a case that was not taken", "a handler that did not run", "what ran"],
)
def test_an_edit_counts_where_it_ran(place, edited, after):
    before = {"left": "'l'", "right": "'r'", "rescue": "'x'"}
    for name, kept, texts in ((edited, [], before), (f"{edited}-2", [edited], {**before, edited: "'new'"})):
        place.write(f"jobs_{edited}.py", JOBS.format(**texts))
        told = place.python(
            f"import sys, runpy; sys.argv = ['jobs', {name!r}, *{kept!r}]; "
            f"runpy.run_path('jobs_{edited}.py', run_name='__main__')"
        )
    found = dict(one.split() for one in told.split("; "))
    assert found["after"] == after
    assert WorkflowRun.by_id(f"{edited}-2").get_status() == "succeeded"


def test_a_value_that_a_pipeline_has_itself_is_given():
    def load():
        numbers = [1, 2]
        return numbers

    def total(squared):
        total = sum(squared)
        return total

    pipeline = Pipeline([PythonTask(load), PythonTask(total)], parameters={"squared": [10, 20]})
    assert pipeline.run("in_process").get_results()["total"] == 30


def test_a_value_that_a_pipeline_has_itself_chooses():
    def load():
        return "b"

    def said(k):
        word = k * 2
        return word

    chosen = Conditional("c", "k", {"a": said, "b": said})
    pipeline = Pipeline([PythonTask(load), chosen], parameters={"k": "a"})
    assert pipeline.run("in_process").get_results()["word"] == "aa"
