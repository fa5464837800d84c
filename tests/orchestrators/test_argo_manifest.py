"""What Argo is given: shapes, names, and bytes that do not change by themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from fairlead import Resources, task, workflow
from fairlead.errors import DefinitionError
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import (
    After,
    Case,
    Const,
    GroupNode,
    MapNode,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
)
from fairlead.orchestrators.argo.limits import lacking, notes
from fairlead.orchestrators.argo.lint import lint
from fairlead.orchestrators.argo.manifest import environment_text, text_of
from fairlead.orchestrators.argo.options import ArgoOptions
from fairlead.orchestrators.argo.orchestrator import Argo
from fairlead.testing.contracts import orchestrator_book as book
from tests.orchestrators.manifests import OPTIONS, deployment, graph, invalid, manifest, tasks, template


@pytest.mark.parametrize("name", book.EVERY)
def test_every_shape_is_what_argo_takes(name):
    made = manifest(book.EVERY[name])
    assert not invalid(made)
    assert not lint(made)
    assert not lacking(deployment(book.EVERY[name]).outline)


def test_all_options_are_what_argo_takes():
    options = ArgoOptions(
        image="i",
        namespace="ml",
        name="nightly",
        service_account="runner",
        secret="keys",
        pull_policy="Always",
        parallelism=10,
        labels={"team": "blue"},
    )
    made = manifest(book.nested, options)
    assert not invalid(made)
    assert not lint(made)
    assert made["metadata"]["namespace"] == "ml"
    assert made["metadata"]["name"] == "nightly"
    assert made["spec"]["parallelism"] == 10
    assert template(made, "exec")["container"]["envFrom"] == [{"secretRef": {"name": "keys"}}]


_ELSEWHERE = """
from fairlead.testing.contracts import orchestrator_book as book
from tests.orchestrators.manifests import manifest
from fairlead.orchestrators.argo.manifest import text_of
print("".join(text_of(manifest(one)) for one in book.EVERY.values()), end="")
"""


def test_the_same_workflow_gives_the_same_bytes_in_another_process():
    here = "".join(text_of(manifest(one)) for one in book.EVERY.values())
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert there.stdout == here


def test_the_text_is_yaml_without_anchors_and_says_what_the_manifest_says():
    made = manifest(book.nested)
    text = text_of(made)
    assert yaml.safe_load(text) == made
    assert "&id" not in text


def test_the_digest_changes_with_anything_in_the_manifest():
    digests = {
        manifest(book.mapped, **more)["metadata"]["annotations"]["fairlead/digest"]
        for more in ({}, {"definition": "definitions/abd"}, {"parameters": {"n": "4"}}, {"environment": {}})
    }
    assert len(digests) == 4


# --- dags -----------------------------------------------------------------------------------------


def test_conditions_are_spelled_in_full():
    for name, definition in book.EVERY.items():
        for one in manifest(definition)["spec"]["templates"]:
            for task_ in one.get("dag", {}).get("tasks", ()):
                for word in task_.get("depends", "").replace("(", " ").replace(")", " ").split():
                    assert word in ("&&", "||") or "." in word, (name, task_["depends"])


def test_what_follows_a_map_waits_for_its_plan_and_takes_an_empty_one():
    made = tasks(manifest(book.mapped))
    assert made["square"]["depends"] == "square-plan.Succeeded"
    assert made["square"]["withSequence"] == {"count": "{{tasks.square-plan.outputs.parameters.count}}"}
    assert made["total"]["depends"] == "square-plan.Succeeded && (square.Succeeded || square.Skipped)"


def test_paths_carry_the_numbers_of_every_map_around():
    made = manifest(book.nested)
    outer = tasks(made)["inner"]
    inside = tasks(made, outer["template"])
    assert outer["arguments"]["parameters"] == [{"name": "i0", "value": "{{item}}"}]
    assert inside["square"]["arguments"]["parameters"] == [
        {"name": "path", "value": "inner[{{inputs.parameters.i0}}].square[{{item}}]"}
    ]
    assert inside["total"]["arguments"]["parameters"] == [
        {"name": "path", "value": "inner[{{inputs.parameters.i0}}].total"}
    ]


def test_a_branch_runs_when_its_token_is_given():
    made = tasks(manifest(book.switched))
    assert made["switch-heads"]["when"] == "'{{tasks.switch-choose.outputs.parameters.branch}}' == 'heads'"
    assert "(switch-tails.Succeeded || switch-tails.Skipped)" in made["told"]["depends"]


def test_a_branch_with_nothing_in_it_is_no_task():
    cases = (Case("go", 0, Workflow("b", nodes=(TaskNode("t", 0),))), Case("stay", -1, Workflow("b")))
    nodes = (SwitchNode("s", Const(1), cases), TaskNode("after", 0, after=(After(0),)))
    made = manifest(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),)))
    assert list(tasks(made)) == ["open", "s-choose", "s-go", "after"]
    assert tasks(made)["after"]["depends"] == "s-choose.Succeeded && (s-go.Succeeded || s-go.Skipped)"
    assert not lint(made)


@pytest.mark.parametrize(
    ("labels", "tokens"),
    [(["heads", "tails"], ["heads", "tails"]), (["A b", "case1", "none"], ["case0", "case1", "case2"])],
)
def test_tokens_of_branches_are_words_that_any_expression_takes(labels, tokens):
    body = Workflow("b", nodes=(TaskNode("t", 0),))
    node = SwitchNode("s", Const(1), tuple(Case(label, number, body) for number, label in enumerate(labels)))
    (step,) = deployment(Workflow("w", (), (node,), tasks=(TaskDefinition(name="t"),))).outline.steps
    assert [branch.token for branch in step.branches] == tokens


def test_a_failure_that_is_dealt_with_is_no_target():
    made = manifest(book.handled)
    dag = template(made, tasks(made)["broken"]["template"])["dag"]
    assert dag["target"] == "handler"
    assert {one["name"]: one.get("depends") for one in dag["tasks"]} == {
        "body": None,
        "handler": "body.Failed || body.Errored",
    }


def test_everything_else_is_a_target_and_nothing_fails_fast():
    dag = template(manifest(book.failing), "main")["dag"]
    assert set(dag["target"].split()) == {one["name"] for one in dag["tasks"]}
    assert dag["failFast"] is False


def test_a_loop_calls_itself_with_the_next_number():
    made = manifest(book.looped)
    call = tasks(made)["step"]
    rounds = template(made, call["template"])["steps"]
    assert call["arguments"]["parameters"] == [{"name": "i0", "value": "0"}]
    assert [group[0]["name"] for group in rounds] == ["body", "again", "next"]
    assert rounds[2][0]["template"] == call["template"]


def test_items_that_may_fail_are_joined_by_a_step_that_counts_them():
    body = Workflow("b", nodes=(TaskNode("t", 0, {}),))
    nodes = (MapNode("m", body, {"x": Const(0)}, flat=True, min_success=0.5), TaskNode("after", 0, after=(After(0),)))
    made = manifest(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),)))
    assert template(made, "main")["dag"]["target"] == "open m-plan m-join after"
    assert tasks(made)["after"]["depends"] == "m-join.Succeeded"
    assert not lint(made)
    assert not invalid(made)


def test_a_map_that_may_run_so_many_at_once_has_a_template_that_says_so():
    body = Workflow("b", nodes=(TaskNode("t", 0, {}),))
    nodes = (MapNode("m", body, {"x": Const(0)}, flat=True, max_parallel=2),)
    made = manifest(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),)))
    assert template(made, tasks(made)["m"]["template"])["parallelism"] == 2
    assert not lint(made)
    assert not invalid(made)


def test_more_steps_than_a_dag_may_hold_become_dags_of_dags():
    nodes = [TaskNode("first", 0)]
    nodes += [TaskNode(f"t{number}", 0, {"x": Ref(0)}) for number in range(450)]
    nodes.append(TaskNode("last", 0, {"x": Ref(450)}))
    made = manifest(Workflow("w", (), tuple(nodes), tasks=(TaskDefinition(name="t"),)))
    assert not lint(made)
    assert not invalid(made)
    called = tasks(made)
    assert list(called) == ["open", "part-1", "part-2", "part-3"]
    assert called["part-2"]["depends"].startswith("(part-1.Succeeded || part-1.Failed")
    inside = tasks(made, called["part-1"]["template"])
    assert inside["t0"]["depends"] == "first.Succeeded"


# --- leaves ---------------------------------------------------------------------------------------


@task(retries=2, retry_delay=3.0, timeout=60, image="gpu:2", resources=Resources(cpu=0.5, memory="500M", gpu=1))
def heavy(x: int) -> int:
    return x


@workflow
def unlike(n: int = 1):
    return heavy(book.square(n))


def test_tasks_of_one_class_share_a_template():
    made = manifest(book.parallel)
    assert [one["name"] for one in made["spec"]["templates"] if "container" in one] == ["close", "exec", "open"]


def test_a_class_has_its_image_its_resources_its_retries_and_its_time():
    leaf = template(manifest(unlike), "exec")
    other = template(manifest(unlike), "exec-2")
    (heavy_, plain) = (leaf, other) if "activeDeadlineSeconds" in leaf else (other, leaf)
    assert heavy_["container"]["image"] == "gpu:2"
    assert heavy_["container"]["resources"] == {
        "requests": {"cpu": "500m", "memory": "500M"},
        "limits": {"memory": "500M", "nvidia.com/gpu": "1"},
    }
    assert heavy_["activeDeadlineSeconds"] == "360"
    assert heavy_["retryStrategy"] == {
        "limit": "4",
        "retryPolicy": "Always",
        "expression": "asInt(lastRetry.exitCode) != 20",
        "backoff": {"duration": "3s", "factor": "2", "cap": "3600s"},
    }
    assert plain["container"]["image"] == "team/jobs:1"
    assert "backoff" not in plain["retryStrategy"]


def test_every_container_has_a_command_and_every_output_a_default():
    for definition in book.EVERY.values():
        for one in manifest(definition)["spec"]["templates"]:
            if "container" in one:
                assert one["container"]["command"] == ["python", "-m", "fairlead", "exec-node"]
            for output in one.get("outputs", {}).get("parameters", ()):
                assert "default" in output["valueFrom"]


def test_items_that_share_a_job_are_planned_and_run_in_ranges():
    made = manifest(book.chunked)
    called = tasks(made)
    assert called["square-plan"]["template"] == "plan-by-2"
    assert template(made, called["square"]["template"])["container"]["args"][-2:] == ["--chunk", "2"]


def test_parameters_are_the_workflows_and_reach_the_step_that_opens_the_run():
    made = manifest(book.mapped, parameters={"n": "3", "path": "a b"})
    assert made["spec"]["arguments"]["parameters"] == [{"name": "n", "value": "3"}, {"name": "path", "value": "a b"}]
    assert template(made, "open")["container"]["args"][-4:] == [
        "-p",
        "n={{workflow.parameters.n}}",
        "-p",
        "path={{workflow.parameters.path}}",
    ]


def test_argo_finds_nothing_to_fill_in_in_the_environment():
    environment = {"store": {"type": "postgres", "url": "${URL}", "name": "{{x}}"}}
    text = environment_text(environment)
    assert "{{" not in text
    assert yaml.safe_load(text) == environment
    assert not lint(manifest(book.mapped, environment=environment))


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (["load_all"], ["load-all"]),
        (["2nd"], ["n-2nd"]),
        (["open"], r"open-\w{6}"),
        (["not"], r"not-\w{6}"),
        (["ä"], r"n-\w{6}"),
        (["a_b", "a-b"], r"a-b a-b-\w{6}"),
        (["a_b", "a-b", "a-b"], r"a-b a-b-\w{6} a-b-\w{6}"),
        (["x" * 100], r"x{53}-\w{6}"),
    ],
)
def test_names_are_legal_and_differ(names, given):
    import re

    nodes = tuple(TaskNode(name, 0) for name in names)
    made = manifest(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),)))
    found = [name for name in tasks(made) if name != "open"]
    assert not lint(made)
    assert found == given if isinstance(given, list) else re.fullmatch(given, " ".join(found))


@pytest.mark.parametrize(
    ("name", "given"), [("Training_Run", "training-run"), ("é", None), ("w" * 80, None), ("9lives", "n-9lives")]
)
def test_the_template_is_called_after_the_workflow(name, given):
    made = manifest(Workflow(name, (), (TaskNode("t", 0),), tasks=(TaskDefinition(name="t"),)))
    assert not lint(made)
    assert given in (None, made["metadata"]["name"])


# --- what is not done -----------------------------------------------------------------------------

_BODY = Workflow("b", nodes=(TaskNode("t", 0),))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ((TaskNode("a", 0, ends="succeeded"),), "ends the pipeline that it stands in"),
        ((TaskNode("a", 0), TaskNode("b", 0, after=(After(0, "failed"),))), "follows the failure of another step"),
        ((RepeatNode("r", _BODY, 500),), "goes round up to 500 times; Argo takes 90"),
        ((GroupNode("g", Workflow("b")),), "has nothing in it that could run"),
        ((TaskNode("a{{b", 0),), "has braces in its name"),
    ],
)
def test_what_argo_cannot_be_given_is_named(nodes, said):
    found = lacking(deployment(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),))).outline)
    assert len(found) == 1
    assert said in found[0][1]


def test_what_is_different_and_what_is_large_is_told():
    nodes = (MapNode("m", _BODY, {"x": Const(0)}, on_error="stop"), GroupNode("g", _BODY, on_error="stop"))
    outline = deployment(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),))).outline
    found = notes(outline, 600 * 1024)
    assert [text.partition(":")[0] for text in found[:2]] == ["m", "g"]
    assert "600 KiB" in found[2]


def test_many_steps_are_told():
    nodes = tuple(TaskNode(f"t{number}", 0) for number in range(3001))
    outline = deployment(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),))).outline
    assert "3001 steps" in notes(outline, 0)[0]


def test_what_argo_would_refuse_is_told_at_once():
    nodes = tuple(
        GroupNode(f"g{number}", Workflow("b", nodes=(TaskNode("a", 0), TaskNode("b", 0)))) for number in range(250)
    )
    with pytest.raises(DefinitionError, match="Argo takes 1 to 200"):
        Argo(OPTIONS).compile(deployment(Workflow("w", (), nodes, tasks=(TaskDefinition(name="t"),))))


def test_a_file_is_called_after_the_template():
    files = Argo(OPTIONS).compile(deployment(graph(book.handled_in_vain)))
    assert list(files) == ["handled-in-vain.yaml"]
