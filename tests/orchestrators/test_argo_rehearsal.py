"""The rehearsal does what Argo does: phases, conditions, loops, retries and ends, by table.

The manifests here are made by hand, and know nothing of Fairlead.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.errors import DefinitionError
from fairlead.orchestrators.argo.rehearsal import interpret, rehearse
from fairlead.orchestrators.argo.rehearsal_words import Wrong, fill_in, retry_wanted, sequence, when_holds

ENDS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")


def leaf(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A template that runs a shell script with the input `x` as its argument."""
    container = {"image": "i", "command": ["sh", "-c"], "args": [script]}
    return {"name": name, "inputs": {"parameters": [{"name": "x", "value": ""}]}, "container": container, **more}


class Argo:
    """Interprets manifests, and says which tasks ran, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = 0
        self.note = f'echo "{{{{inputs.parameters.x}}}}" >> {folder}/ran'
        self.parts = [
            leaf("ok", self.note),
            leaf("fail", f"{self.note}; exit 3"),
            leaf("slow", f"sleep 0.05; {self.note}"),
        ]

    def run(self, *templates: dict[str, Any], at_once: int = 2, **spec: Any):
        found = {"spec": {"entrypoint": "main", "templates": [*templates, *self.parts], **spec}}
        self.runs += 1
        return asyncio.run(interpret(found, run="r", folder=self.folder / f"pods{self.runs}", at_once=at_once))

    def dag(self, *tasks: dict[str, Any], **more: Any):
        return self.run({"name": "main", "dag": {"failFast": False, "tasks": list(tasks), **more}})

    @property
    def ran(self) -> list[str]:
        file = self.folder / "ran"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def argo(tmp_path):
    return Argo(tmp_path)


def task(name: str, template: str = "ok", depends: str = "", **more: Any) -> dict[str, Any]:
    found = {"name": name, "template": template, "arguments": {"parameters": [{"name": "x", "value": name}]}, **more}
    return {**found, **({"depends": depends} if depends else {})}


# --- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "end"),
    [
        (task("a"), "Succeeded"),
        (task("a", "fail"), "Failed"),
        (task("a", "nope"), "Errored"),
        (task("a", when="'x' == 'y'"), "Skipped"),
        (task("a", depends="zero.Failed"), "Omitted"),
        (task("a", withSequence={"count": "0"}), "Skipped"),
        (task("a", withSequence={"count": "2"}), "Succeeded"),
        (task("a", "fail", withSequence={"count": "2"}), "Failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_end_of_a_task_is_known_to_those_behind_it(argo, first, end):
    if first["template"] == "nope":
        first = {
            **task("a"),
            "arguments": {"parameters": [{"name": "x", "value": "{{tasks.zero.outputs.parameters.y}}"}]},
        }
        first["depends"] = "zero.Succeeded"
    argo.dag(task("zero"), first, *(task(one, depends=f"a.{one}") for one in ENDS))
    assert [one for one in argo.ran if one in ENDS] == [end]


@pytest.mark.parametrize(
    ("depends", "runs"),
    [
        ("good.Succeeded && bad.Failed", True),
        ("good.Succeeded && bad.Succeeded", False),
        ("good.Failed || bad.Failed", True),
        ("!bad.Succeeded", True),
        ("good.Succeeded && (bad.Succeeded || bad.Failed)", True),
        ("good", True),
        ("bad", False),
    ],
)
def test_conditions_are_put_together(argo, depends, runs):
    argo.dag(task("good"), task("bad", "fail"), task("last", depends=depends))
    assert ("last" in argo.ran) is runs


def test_tasks_begin_when_what_they_wait_for_has_ended(argo):
    argo.dag(task("c", depends="b.Succeeded"), task("b", "slow", depends="a.Succeeded"), task("a", "slow"))
    assert argo.ran == ["a", "b", "c"]


# --- how a dag went -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "target", "phase"),
    [
        ([task("a"), task("b", depends="a.Succeeded")], "", "Succeeded"),
        ([task("a", "fail"), task("b", depends="a.Succeeded")], "", "Failed"),
        ([task("a", "fail"), task("b", depends="a.Failed")], "", "Succeeded"),
        ([task("a", "fail"), task("b", depends="a.Failed")], "a b", "Failed"),
        ([task("a"), task("b", depends="a.Failed")], "b", "Succeeded"),
        ([task("a", "fail"), task("b", "fail", "a.Failed")], "b", "Failed"),
        ([task("a", when="'x' == 'y'"), task("b", depends="a.Succeeded")], "", "Succeeded"),
        ([task("a", "fail"), task("b", depends="a.Skipped"), task("c", depends="b.Succeeded")], "", "Failed"),
        ([task("a", "fail"), task("b", depends="a.Failed"), task("c", depends="b.Failed")], "", "Succeeded"),
    ],
)
def test_targets_decide_and_what_never_ran_went_as_what_was_before_it(argo, tasks, target, phase):
    done = argo.dag(*tasks, **({"target": target} if target else {}))
    assert done.phase == phase
    assert done.succeeded is (phase == "Succeeded")


def test_what_no_target_waits_for_never_runs(argo):
    argo.dag(task("a"), task("b"), task("c", depends="a.Succeeded"), target="c")
    assert argo.ran == ["a", "c"]


@pytest.mark.parametrize(("fast", "ran"), [(True, ["bad"]), (False, ["bad", "next"])])
def test_a_dag_that_fails_fast_begins_nothing_more(argo, fast, ran):
    done = argo.dag(
        task("bad", "fail"),
        task("slow", "slow"),
        task("next", depends="slow.Succeeded"),
        target="bad slow next",
        failFast=fast,
    )
    assert done.phase == "Failed"
    assert [one for one in argo.ran if one != "slow"] == ran


# --- loops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loop", "items"),
    [
        ({"withSequence": {"count": "3"}}, ["0", "1", "2"]),
        ({"withSequence": {"start": "2", "count": "2"}}, ["2", "3"]),
        ({"withSequence": {"start": "2", "end": "0"}}, ["2", "1", "0"]),
        ({"withSequence": {"count": "2", "format": "n%02d"}}, ["n00", "n01"]),
        ({"withItems": ["a", 1]}, ["a", "1"]),
        ({"withParam": '["a", 1]'}, ["a", "1"]),
        ({"withParam": "[]"}, []),
    ],
)
def test_loops_go_through_their_items(argo, loop, items):
    done = argo.dag(task("a", **loop) | {"arguments": {"parameters": [{"name": "x", "value": "{{item}}"}]}})
    assert sorted(argo.ran) == sorted(items)
    assert done.phase == "Succeeded"


@pytest.mark.parametrize("text", ["{}", "[1", "text"])
def test_a_parameter_that_is_no_list_is_an_error(argo, text):
    done = argo.dag(task("a", withParam=text))
    assert done.phase == "Error"
    assert "withParam is no list" in done.said["r.a"]


def test_items_that_are_skipped_leave_their_loop_succeeded(argo):
    looped = task("a", withItems=["1", "2"], when="'{{item}}' == '1'")
    argo.dag(looped, task("b", depends="a.Succeeded"))
    assert argo.ran == ["a", "b"]


@pytest.mark.parametrize(
    ("items", "ends"), [("12", ["any"]), ("13", ["any", "failed"]), ("33", ["all", "failed"]), ("", [])]
)
def test_ends_of_all_items_together_are_known(argo, items, ends):
    argo.parts.append(leaf("low", "[ {{inputs.parameters.x}} -lt 3 ]"))
    looped = task("a", "low", withItems=list(items))
    looped["arguments"]["parameters"][0]["value"] = "{{item}}"
    behind = {"any": "a.AnySucceeded", "all": "a.AllFailed", "failed": "a.Failed"}
    argo.dag(looped, *(task(name, depends=depends) for name, depends in behind.items()))
    assert sorted(argo.ran) == ends


def test_a_loop_without_a_number_is_an_error(argo):
    done = argo.dag(task("a", withSequence={"count": "many"}))
    assert done.phase == "Error"
    assert "many" in done.said["r.a"]


def test_templates_say_how_many_run_at_once(argo):
    argo.parts.append(leaf("alone", f"mkdir {argo.folder}/lock && sleep 0.05 && rmdir {argo.folder}/lock"))
    looped = {"name": "main", "parallelism": 1, "dag": {"tasks": [task("a", "alone", withSequence={"count": "3"})]}}
    assert argo.run(looped, at_once=3).phase == "Succeeded"
    del looped["parallelism"]
    assert argo.run(looped, at_once=3).phase == "Failed"
    assert argo.run(looped, at_once=3, parallelism=1).phase == "Succeeded"


# --- facts that pass through ----------------------------------------------------------------------

FACT = {"parameters": [{"name": "fact", "valueFrom": {"path": "/tmp/facts/fact", "default": "none"}}]}


def test_outputs_are_read_from_a_folder_of_the_pods_own(argo):
    argo.parts.append(leaf("tell", "", outputs=FACT))
    argo.parts[-1]["container"] = {
        "image": "i",
        "command": ["sh", "-c", 'printf "$2" > "$0/$1"'],
        "args": ["/tmp/facts", "fact", "{{inputs.parameters.x}}"],
    }
    told = [task(name, "tell") for name in ("one", "two")]
    heard = [
        task(
            f"of-{name}",
            depends=f"{name}.Succeeded",
            when=f"'{{{{tasks.{name}.outputs.parameters.fact}}}}' == '{name}'",
        )
        for name in ("one", "two")
    ]
    argo.dag(*told, *heard)
    assert sorted(argo.ran) == ["of-one", "of-two"]
    assert not Path("/tmp/facts").exists()


@pytest.mark.parametrize("more", [{"when": "'x' == 'y'"}, {"depends": "zero.Failed"}, {}])
def test_what_was_left_out_gives_its_default(argo, more):
    argo.parts.append(leaf("tell", "true", outputs=FACT))
    after = task("b", depends="(a.Succeeded || a.Skipped || a.Omitted)")
    after["arguments"]["parameters"][0]["value"] = "{{tasks.a.outputs.parameters.fact}}"
    argo.dag(task("zero"), task("a", "tell", **more), after)
    assert "none" in argo.ran


@pytest.mark.parametrize(("more", "phase"), [({"when": "'x' == 'y'"}, "Error"), ({}, "Error")])
def test_without_a_default_it_is_an_error(argo, more, phase):
    source = {"path": "/tmp/facts/fact"}
    argo.parts.append(leaf("tell", "true", outputs={"parameters": [{"name": "fact", "valueFrom": source}]}))
    after = task("b", depends="(a.Succeeded || a.Skipped || a.Errored)")
    after["arguments"]["parameters"][0]["value"] = "{{tasks.a.outputs.parameters.fact}}"
    assert argo.dag(task("a", "tell", **more), after, target="a b").phase == phase
    assert argo.ran == []


def test_an_input_that_nobody_gives_is_an_error(argo):
    argo.parts.append({**leaf("needy", "true"), "inputs": {"parameters": [{"name": "y"}]}})
    assert "is not given 'y'" in argo.dag(task("a", "needy")).said["r.a"]


def test_outputs_of_dags_are_passed_on(argo):
    argo.parts.append(leaf("tell", "true", outputs=FACT))
    source = {"parameter": "{{tasks.t.outputs.parameters.fact}}"}
    inner = {
        "name": "inner",
        "outputs": {"parameters": [{"name": "fact", "valueFrom": source}]},
        "dag": {"tasks": [task("t", "tell")]},
    }
    after = task("b", depends="a.Succeeded", when="'{{tasks.a.outputs.parameters.fact}}' == 'none'")
    argo.parts.append(inner)
    argo.dag(task("a", "inner"), after)
    assert argo.ran == ["b"]


# --- retries and time -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "code", "tries"),
    [
        (None, 3, 1),
        ({"limit": "2"}, 3, 3),
        ({"limit": "2", "retryPolicy": "OnError"}, 3, 1),
        ({"limit": "2", "retryPolicy": "Always"}, 3, 3),
        ({"limit": "2", "expression": "asInt(lastRetry.exitCode) != 3"}, 3, 1),
        ({"limit": "2", "expression": "asInt(lastRetry.exitCode) != 20"}, 3, 3),
        ({"limit": "2", "expression": "lastRetry.status == 'Error'", "retryPolicy": "Always"}, 3, 1),
        ({"limit": "1", "backoff": {"duration": "0.01s", "factor": "2", "cap": "1m"}}, 3, 2),
        ({"limit": "5"}, 0, 1),
    ],
)
def test_a_pod_is_started_again_as_its_strategy_says(argo, strategy, code, tries):
    more = {"retryStrategy": strategy} if strategy else {}
    argo.parts.append(leaf("again", f"echo {{{{retries}}}} >> {argo.folder}/ran; exit {code}", **more))
    if strategy is None:
        argo.parts[-1]["container"]["args"] = [f"echo 0 >> {argo.folder}/ran; exit {code}"]
    done = argo.dag(task("a", "again"))
    assert argo.ran == [str(number) for number in range(tries)]
    assert done.succeeded is (code == 0)
    assert done.started == tries


def test_a_retry_that_succeeds_is_a_success(argo):
    script = f"{argo.note}; [ {{{{retries}}}} = 1 ]"
    argo.parts.append(leaf("again", script, retryStrategy={"limit": "3"}))
    done = argo.dag(task("a", "again"), task("b", depends="a.Succeeded"))
    assert argo.ran == ["a", "a", "b"]
    assert done.said == {}


def test_a_pod_that_takes_too_long_is_ended(argo):
    argo.parts.append(leaf("long", "echo begun; sleep 60", activeDeadlineSeconds="0.2"))
    done = argo.dag(task("a", "long"))
    assert done.phase == "Failed"
    assert done.said == {"r.a": "begun\n"}


# --- steps, recursion, the end --------------------------------------------------------------------


def test_steps_run_group_by_group_and_stop_at_a_failure(argo):
    groups = [[task("a", "slow"), task("b")], [task("c")], [task("d", "fail")], [task("e")]]
    assert argo.run({"name": "main", "steps": groups}).phase == "Failed"
    assert sorted(argo.ran[:2]) == ["a", "b"]
    assert argo.ran[2:] == ["c", "d"]


@pytest.mark.parametrize(("rounds", "phase"), [(3, "Succeeded"), (60, "Succeeded"), (200, "Error")])
def test_templates_may_call_themselves_so_often(argo, rounds, phase):
    argo.parts.append(leaf("count", "", outputs=FACT))
    argo.parts[-1]["container"]["args"] = ["true"]
    numbered = {
        "name": "main",
        "inputs": {"parameters": [{"name": "n", "value": ""}]},
        "steps": [
            [
                {
                    "name": "next",
                    "template": "main",
                    "arguments": {"parameters": [{"name": "n", "value": "{{inputs.parameters.n}}i"}]},
                    "when": f"'{{{{inputs.parameters.n}}}}' != '{'i' * rounds}'",
                }
            ]
        ],
    }
    assert argo.run(numbered).phase == phase


@pytest.mark.parametrize(
    ("body", "end", "phase"),
    [("ok", "ok", "Succeeded"), ("fail", "ok", "Failed"), ("ok", "fail", "Failed"), ("fail", "fail", "Failed")],
)
def test_the_exit_handler_runs_whatever_became_of_it(argo, body, end, phase):
    last = leaf("last", f"echo end-{{{{workflow.status}}}} >> {argo.folder}/ran; exit {0 if end == 'ok' else 1}")
    done = argo.run({"name": "main", "dag": {"tasks": [task("a", body)]}}, last, onExit="last")
    assert done.phase == phase
    assert argo.ran == ["a", f"end-{'Succeeded' if body == 'ok' else 'Failed'}"]


def test_the_workflow_is_known_by_name_and_by_its_parameters(argo):
    after = task("a")
    after["arguments"]["parameters"][0]["value"] = "{{workflow.name}}-{{workflow.parameters.n}}"
    argo.run({"name": "main", "dag": {"tasks": [after]}}, arguments={"parameters": [{"name": "n", "value": "7"}]})
    assert argo.ran == ["r-7"]


def test_one_manifest_is_rehearsed(tmp_path):
    text = yaml.safe_dump({"spec": {"entrypoint": "main", "templates": [leaf("main", "true")]}})
    assert rehearse({"a.yaml": text}, run="r", folder=tmp_path, at_once=1).succeeded
    with pytest.raises(DefinitionError, match="there are 2"):
        rehearse({"a.yaml": text, "b.yaml": text}, run="r", folder=tmp_path, at_once=1)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("", True),
        ("'a' == 'a'", True),
        ("'a' != 'a'", False),
        ("heads == heads", True),
        ("heads == tails", False),
        ("3 > 2 && true", True),
        ("(1 == 2) || !(1 == 2)", True),
        ("'a && b' == 'a && b'", True),
        ("a in ['a', 'b']", True),
    ],
)
def test_when(when, holds):
    assert when_holds(when) is holds


@pytest.mark.parametrize(
    "when", ["'a", "{{tasks.x.outputs.parameters.y}} == a", "a-b", "f(1)", "1 + 1 == 2", "'text'", "a is b"]
)
def test_when_that_argo_could_not_read(when):
    with pytest.raises(Wrong):
        when_holds(when)


@pytest.mark.parametrize("expression", ["lastRetry.nothing == 1", "other == 1"])
def test_an_expression_that_names_what_is_not_there(expression):
    with pytest.raises(Wrong):
        retry_wanted(expression, {"exitCode": "1"})


def test_what_is_not_known_yet_stays():
    assert fill_in({"a": ["{{x}} {{ y }}", 1]}, {"x": "1"}) == {"a": ["1 {{ y }}", 1]}


def test_a_sequence_may_count_down():
    assert sequence({"start": "1", "end": "-1"}) == ["1", "0", "-1"]
