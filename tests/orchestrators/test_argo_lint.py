"""The lint of manifests: each rule is met by a manifest that breaks it, and by that alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from fairlead.orchestrators.argo.depends import Unreadable, parse
from fairlead.orchestrators.argo.lint import lint
from fairlead.testing.contracts import orchestrator_book as book
from tests.orchestrators.manifests import invalid, manifest, tasks, template

GOOD = manifest(book.switched)
MAPPED = manifest(book.mapped)
LOOPED = manifest(book.looped)


def dag(made):
    return template(made, "main")["dag"]


def leaf(made, name="exec"):
    return template(made, name)


def change(*keys: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    """Set something; keys that are text choose a template, task or parameter by its name where they stand in a list."""

    def work(made: dict[str, Any]) -> None:
        found: Any = made
        for key in keys[:-1]:
            found = _inside(found, key)
        found[keys[-1]] = to

    return work


def _inside(found: Any, key: Any) -> Any:
    if isinstance(found, list) and isinstance(key, str):
        return next(one for one in found if one["name"] == key)
    return found.setdefault(key, {}) if isinstance(found, dict) else found[key]


def add(*keys: Any, what: Any) -> Callable[[dict[str, Any]], None]:
    def work(made: dict[str, Any]) -> None:
        found: Any = made
        for key in keys:
            found = _inside(found, key)
        found.append(what)

    return work


T = ("spec", "templates")
MAIN = (*T, "main", "dag", "tasks")
EXEC = (*T, "exec")

RULES: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("kind", change("kind", to="Job"), "kind: 'Job' is none of"),
    ("name", change("metadata", "name", to="Not_legal"), "metadata.name: 'Not_legal'"),
    ("name-length", change("metadata", "name", to="x" * 64), "up to 63"),
    ("entrypoint", change("spec", "entrypoint", to="nope"), "spec.entrypoint: there is no template 'nope'"),
    ("entry-arguments", change("spec", "entrypoint", to="exec"), "the template 'exec' needs 'path'"),
    ("exit", change("spec", "onExit", to="nope"), "spec.onExit: there is no template 'nope'"),
    ("hook", change("spec", "hooks", to={"running": {"template": "close"}}), "spec.hooks.running: needs an expression"),
    ("parallelism", change("spec", "parallelism", to=0), "spec.parallelism: 0 is less than 1"),
    ("pod-gc", change("spec", "podGC", to={"strategy": "Sometimes"}), "spec.podGC.strategy: 'Sometimes'"),
    ("artifact-gc", change("spec", "artifactGC", to={"strategy": "Now"}), "spec.artifactGC.strategy: 'Now'"),
    ("reference", change("spec", "workflowTemplateRef", to={"name": "x"}), "spec.templates: is there twice"),
    ("parameter-name", change("spec", "arguments", "parameters", 0, "name", to="a b"), "'a b' is no name"),
    ("twice", add(*T, what={"name": "exec", "suspend": {}}), "spec.templates: two of them have one name"),
    ("template-name", change(*T, "close", "name", to="clo_se"), "'clo_se' is no name"),
    ("two-types", change(*T, "exec", "suspend", to={}), "is container and suspend"),
    ("deadline", change(*T, "main", "activeDeadlineSeconds", to="60"), "a dag template may not have it"),
    ("inputs", change(*EXEC, "inputs", "parameters", to=[{"name": f"p{n}", "value": "1"} for n in range(501)]), "501"),
    ("input-twice", add(*EXEC, "inputs", "parameters", what={"name": "path"}), "inputs.parameters: two of them"),
    # DAGs
    ("no-tasks", change(*T, "main", "dag", "tasks", to=[]), "there are 0; Argo takes 1 to 200"),
    ("task-twice", add(*MAIN, what={"name": "side", "template": "close"}), "dag.tasks: two of them have one name"),
    ("task-name", add(*MAIN, what={"name": "a.b", "template": "close"}), "'a.b' is no name"),
    ("no-template", change(*MAIN, "side", "template", to="nope"), "there is no template 'nope'"),
    ("argument", change(*MAIN, "side", "arguments", to={}), "the template 'exec' needs 'path'"),
    (
        "argument-twice",
        add(*MAIN, "side", "arguments", "parameters", what={"name": "path", "value": ""}),
        "two of them",
    ),
    ("depends", change(*MAIN, "side", "depends", to="nope.Succeeded"), "'nope' is no task of it"),
    ("result", change(*MAIN, "side", "depends", to="open.Done"), "'open.Done' is none of"),
    ("bare", change(*MAIN, "side", "depends", to="open"), "'open' alone counts when it was skipped"),
    ("unreadable", change(*MAIN, "side", "depends", to="open.Succeeded &&"), "where a task should stand"),
    ("loop-result", change(*MAIN, "side", "depends", to="open.AllFailed"), "is known of loops only"),
    ("cycle", change(*MAIN, "side", "depends", to="told.Succeeded"), "wait for each other"),
    ("both", change(*MAIN, "side", "dependencies", to=["open"]), "has both 'depends' and 'dependencies'"),
    ("continue", change(*MAIN, "side", "continueOn", to={"failed": True}), "has both 'depends' and 'continueOn'"),
    ("target", change(*T, "main", "dag", "target", to="side nope"), "'nope' is no task of it"),
    ("task-hook", change(*MAIN, "side", "hooks", to={"x": {"template": "close"}}), "needs an expression"),
    ("when", change(*MAIN, "switch-heads", "when", to="{{workflow.name}} == a"), "outside of quotes"),
    # what is filled in
    ("item", change(*MAIN, "side", "arguments", "parameters", 0, "value", to="{{item}}"), "used outside of a loop"),
    ("input", change(*EXEC, "container", "args", 0, to="{{inputs.parameters.x}}"), "is no input of the template"),
    ("workflow", change(*EXEC, "container", "args", 0, to="{{workflow.parameters.x}}"), "is no parameter of the"),
    ("unknown", change(*EXEC, "container", "args", 0, to="{{what.ever}}"), "is nothing that Argo knows"),
    ("tasks", change(*EXEC, "container", "args", 0, to="{{tasks.a.status}}"), "in a template that has no tasks"),
    (
        "ancestor",
        change(*MAIN, "side", "arguments", "parameters", 0, "value", to="{{tasks.told.outputs.parameters.x}}"),
        "'told' is nothing that this one waits for",
    ),
    (
        "output",
        change(*MAIN, "switch-heads", "when", to="'{{tasks.switch-choose.outputs.parameters.x}}' == 'a'"),
        "is no output of the template of 'switch-choose'",
    ),
    # containers
    ("image", change(*EXEC, "container", "image", to=""), "container.image: there is none"),
    ("command", change(*EXEC, "container", "command", to=[]), "ask the registry"),
    ("env", change(*EXEC, "container", "env", to=[{"name": "A"}, {"name": "A"}]), "'A' is there twice"),
    ("sidecar", change(*EXEC, "sidecars", to=[{"name": "wait", "image": "i", "command": ["c"]}]), "called 'wait'"),
    ("policy", change(*EXEC, "retryStrategy", "retryPolicy", to="Maybe"), "'Maybe' is none of"),
    ("limit", change(*EXEC, "retryStrategy", "limit", to="many"), "'many' is no number"),
    ("backoff", change(*EXEC, "retryStrategy", "backoff", to={"duration": "5 sec"}), "'5 sec' is no duration"),
    ("leaf-deadline", change(*EXEC, "activeDeadlineSeconds", to="1m"), "'1m' is no number of seconds"),
    ("timeout", change(*EXEC, "timeout", to="one day"), "'one day' is no duration"),
    (
        "source",
        change(*T, "choose", "outputs", "parameters", 0, "valueFrom", to={"default": ""}),
        "must come from one source, and comes from none",
    ),
    (
        "default",
        change(*T, "choose", "outputs", "parameters", 0, "valueFrom", to={"path": "/x"}),
        "it has no default",
    ),
    (
        "location",
        change(*EXEC, "inputs", "artifacts", to=[{"name": "a", "path": "/a", "s3": {}, "git": {}}]),
        "not in git and s3",
    ),
    ("mode", change(*EXEC, "inputs", "artifacts", to=[{"name": "a", "path": "/a", "mode": 999}]), "999 is not between"),
    (
        "collision",
        change(*EXEC, "inputs", "artifacts", to=[{"name": "a", "path": "/a"}, {"name": "b", "path": "/a"}]),
        "'/a' is where the artifact 'a' is",
    ),
]


def test_what_is_right_is_not_told():
    for made in (GOOD, MAPPED, LOOPED):
        assert not lint(made)


@pytest.mark.parametrize(("broken", "said"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_what_argo_would_refuse_is_told_with_its_place(broken, said):
    made = deepcopy(GOOD)
    broken(made)
    found = lint(made)
    assert any(said in one for one in found), found


def test_a_template_must_be_of_a_type():
    made = deepcopy(GOOD)
    del template(made, "close")["container"]
    assert any("and is none" in one for one in lint(made))


def test_retries_are_known_where_something_is_retried():
    made = deepcopy(GOOD)
    del template(made, "exec")["retryStrategy"]
    assert any("without a retryStrategy" in one for one in lint(made))


def test_a_loop_goes_through_one_thing():
    made = deepcopy(MAPPED)
    tasks(made)["square"]["withItems"] = ["1"]
    assert any("goes through withItems and withSequence" in one for one in lint(made))


def test_a_sequence_has_a_count_or_an_end():
    made = deepcopy(MAPPED)
    tasks(made)["square"]["withSequence"]["end"] = "3"
    assert any("either 'count' or 'end'" in one for one in lint(made))


def test_the_end_of_all_of_a_loop_is_known_of_a_loop():
    made = deepcopy(MAPPED)
    tasks(made)["total"]["depends"] = "square-plan.Succeeded && square.AnySucceeded"
    assert not lint(made)


def test_a_name_that_begins_with_a_digit_cannot_be_waited_for():
    made = deepcopy(GOOD)
    dag(made)["tasks"].insert(1, {"name": "1st", "template": "close"})
    tasks(made)["side"]["depends"] = "1st.Succeeded"
    assert any("begins with a digit" in one for one in lint(made))


def test_a_word_of_the_language_cannot_be_waited_for():
    made = deepcopy(GOOD)
    dag(made)["tasks"].insert(1, {"name": "in", "template": "close"})
    tasks(made)["side"]["depends"] = "in.Succeeded"
    assert any("'in' is a word of the language of conditions" in one for one in lint(made))


def test_steps_know_earlier_groups_only():
    made = deepcopy(LOOPED)
    rounds = template(made, "step-round")["steps"]
    rounds[0], rounds[2] = rounds[2], rounds[0]
    assert any("does not come before: 'again'" in one for one in lint(made))


def test_steps_are_named_once_and_there_are_some():
    made = deepcopy(LOOPED)
    rounds = template(made, "step-round")["steps"]
    rounds[1].append(dict(rounds[1][0]))
    assert any("steps[again]: two of them have one name" in one for one in lint(made))
    rounds.clear()
    assert any("there are none" in one for one in lint(made))


def test_what_calls_others_gives_outputs_by_reference():
    made = deepcopy(GOOD)
    template(made, "main")["outputs"] = {"parameters": [{"name": "x", "valueFrom": {"path": "/x"}}]}
    assert any("by 'parameter' or by 'expression'" in one for one in lint(made))


def test_an_output_of_a_dag_may_be_that_of_any_task():
    made = deepcopy(GOOD)
    source = {"parameter": "{{tasks.switch-choose.outputs.parameters.branch}}"}
    template(made, "main")["outputs"] = {"parameters": [{"name": "x", "valueFrom": source}]}
    assert not lint(made)


def test_more_templates_than_argo_takes_are_told():
    made = deepcopy(GOOD)
    made["spec"]["templates"] += [{"name": f"t{number}", "suspend": {}} for number in range(200)]
    assert any("Argo takes 1 to 200" in one for one in lint(made))


def cron(**spec: Any) -> dict[str, Any]:
    known = {"schedules": ["0 4 * * *"], "timezone": "Europe/Berlin", "workflowSpec": deepcopy(GOOD["spec"])}
    return {"kind": "CronWorkflow", "metadata": {"name": "nightly"}, "spec": {**known, **spec}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"schedules": []}, "spec.schedules: there is none"),
        ({"schedules": ["0 4 * *"]}, "has not the five fields of cron"),
        ({"timezone": "Mars/Olympus"}, "is no time zone"),
        ({"workflowSpec": {"entrypoint": "x", "templates": []}}, "spec.entrypoint: there is no template 'x'"),
    ],
)
def test_schedules_are_checked(spec, said):
    assert not lint(cron())
    assert any(said in one for one in lint(cron(**spec)))


def test_the_name_of_a_schedule_is_shorter():
    made = cron()
    made["metadata"]["name"] = "x" * 53
    assert any("up to 52" in one for one in lint(made))


def test_the_schemas_let_most_of_this_pass():
    """Why there is a lint at all."""
    passed = 0
    for _, broken, _ in RULES:
        made = deepcopy(GOOD)
        broken(made)
        passed += not invalid(made)
    assert passed > len(RULES) // 2


@pytest.mark.parametrize("text", ["", "a.Succeeded b.Failed", "(a.Succeeded", "a.Succeeded)", "&& a.Failed", "a.X %"])
def test_a_condition_that_is_none_is_refused(text):
    with pytest.raises(Unreadable):
        parse(text)
