"""Patches of tasks: which nodes they are about, and what becomes of shared definitions."""

from __future__ import annotations

import pytest

from fairlead import Environment, Map, Parallel, Pipeline, PythonTask, Resources, switch, task, workflow
from fairlead.config.patching import patched
from fairlead.model.workflow import TaskNode, bodies_of


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@task(retries=1, env_vars={"A": "1"}, resources=Resources(cpu=2, gpu=1))
def train(x):
    return x


@task
def load(x):
    return x


@workflow
def inner(x):
    return train(x)


@workflow
def study(xs):
    first = train(load(xs))
    second = train(first)
    many = train.map(xs)
    return inner(second), many


@workflow
def choice(side, x):
    return switch(side, {"heads": train, "tails": inner}, default=load)(x)


def calls(built):
    """Every call with its path and its definition."""

    def walk(body, prefix):
        for node in body.nodes:
            if isinstance(node, TaskNode):
                yield prefix + node.name, built.workflow.tasks[node.task]
            for label, inside in bodies_of(node):
                yield from walk(inside, f"{prefix}{node.name}.{label}." if label else f"{prefix}{node.name}.")

    return dict(walk(built.workflow, ""))


def after(definition, tasks, **more):
    found = patched(definition.build(), Environment(tasks=tasks, **more))
    assert len(found.built.functions) == len(found.built.workflow.tasks)
    return found


def test_a_patch_of_every_call_changes_the_definition():
    found = after(study([1]), {"*": {"retries": 5}})
    assert [one.retries for one in found.built.workflow.tasks] == [5, 5]
    assert found.warnings == []


def test_a_patch_of_some_calls_gives_these_a_definition_of_their_own():
    built = study([1]).build()
    found = after(study([1]), {"train#2": {"retries": 5}})
    assert len(found.built.workflow.tasks) == len(built.workflow.tasks) + 1
    assert {path: one.retries for path, one in calls(found.built).items()} == {
        path: 5 if path == "train#2" else one.retries for path, one in calls(built).items()
    }
    assert found.built.functions[-1] is train.fn
    assert calls(built)["train#2"].retries == 1, "the definition itself stays as it was"


def test_a_name_is_about_all_calls_of_a_scope_and_a_star_about_what_is_inside():
    found = after(study([1]), {"train": {"retries": 5}, "inner*": {"timeout": 9}})
    told = {path: (one.retries, one.timeout) for path, one in calls(found.built).items()}
    assert told["train"] == told["train#2"] == (5, None)
    assert [value for path, value in told.items() if path.startswith("inner")] == [(1, 9)]


def test_the_last_match_wins_key_by_key():
    tasks = {
        "*": {"retries": 9, "timeout": 9, "resources": {"cpu": 8, "memory": "1Gi"}, "env_vars": {"A": "x", "B": "x"}},
        "train*": {"retries": 3, "resources": {"memory": "2Gi"}, "env_vars": {"B": "y"}},
    }
    one = calls(after(study([1]), tasks).built)["train"]
    assert (one.retries, one.timeout) == (3, 9)
    assert one.resources == Resources(cpu=8, memory="2Gi", gpu=1), "what no patch says stays"
    assert one.env_vars == {"A": "x", "B": "y"}


def test_every_option_of_a_patch_reaches_the_task():
    options = {
        "retries": 4,
        "retry_delay": 2.5,
        "timeout": None,
        "image": "team/x:1",
        "env_vars": {"C": "3"},
        "cache": True,
        "executor": "gpu",
    }
    one = calls(after(study([1]), {"load": options}, executors={"gpu": "in_process"}).built)["load"]
    assert {key: getattr(one, key) for key in options} == options


def test_bodies_of_every_kind_of_block_are_reached():
    found = after(choice("heads", 1), {"*tails*": {"retries": 7}})
    assert {one.retries for path, one in calls(found.built).items() if ".tails." in path} == {7}
    assert {one.retries for path, one in calls(found.built).items() if ".tails." not in path} == {0, 1}
    body = [PythonTask(function=lambda chunk: chunk, name="fit", returns=["score"])]
    pipeline = Pipeline(
        steps=[
            Map(name="each", iterate_on="chunks", iterate_as="chunk", branch=Pipeline(steps=body)),
            Parallel(
                name="prep",
                branches={"left": Pipeline(steps=[PythonTask(function=lambda path: path, name="load", returns=["a"])])},
            ),
        ]
    )
    built = pipeline.build({"chunks": [1], "path": "x"})
    paths = list(calls(built))
    for path in paths:
        changed = patched(built, Environment(tasks={path: {"retries": 3}}))
        assert {key: one.retries for key, one in calls(changed.built).items()} == {
            key: 3 if key == path else 0 for key in paths
        }, path


def test_a_pattern_that_matches_nothing_is_a_warning_with_its_place(here):
    (here / "dev.yaml").write_text("tasks:\n  trian: {retries: 1}\n  train: {retries: 2}\n")
    found = patched(study([1]).build(), Environment.load("dev"))
    assert found.warnings == ["dev.yaml:2:3: tasks.trian: matches no task (nearest: 'train')"]


def test_what_is_to_stand_in_is_given_on_with_its_place(here):
    (here / "dev.yaml").write_text(
        "tasks:\n  load: {mock: 'fixtures:fake'}\n  train: {mock: stub}\n  train#2: {mock: null}\n"
    )
    found = patched(study([1]).build(), Environment.load("dev"))
    asked = {found.built.workflow.tasks[number].name: (one.raw, one.place) for number, one in found.mocks.items()}
    assert asked == {
        "load": ("fixtures:fake", "dev.yaml:2:10: tasks.load.mock"),
        "train": ("stub", "dev.yaml:3:11: tasks.train.mock"),
    }


def test_without_patches_nothing_is_touched():
    built = study([1]).build()
    assert patched(built, Environment()).built is built
