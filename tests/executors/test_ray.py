"""What the executor `ray` works out without any Ray: what tasks need, what nodes have, what errors mean."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.errors import ConfigurationError
from fairlead.executors.ray.copies import Copies
from fairlead.executors.ray.link import Stream
from fairlead.executors.ray.messages import Node
from fairlead.executors.ray.needs import fits, needs_of, offers_of, refusal, settled
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import environment, local_nodes
from fairlead.executors.ray.verdicts import of_error
from fairlead.model.task import Resources, TaskDefinition

HEAD = Node("1", "10.0.0.1", "head", {"CPU": 1.0, "memory": 2.0**30, "node:10.0.0.1": 1.0})
BIG = Node("2", "10.0.0.2", "big", {"CPU": 8.0, "memory": 2.0**33, "big": 2.0}, {"pool": "big"})
GPU = Node("3", "10.0.0.3", "gpu", {"CPU": 4.0, "GPU": 2.0, "memory": 2.0**32}, {"pool": "gpu"})


def options(**settings: Any) -> RayOptions:
    return msgspec.convert(settings, RayOptions)


# --- what tasks need ---


def test_a_task_without_wishes_takes_one_processor() -> None:
    assert needs_of(TaskDefinition(name="t", kind="python"), options()) == {"num_cpus": 1}


def test_resources_of_a_task_are_told_in_rays_words() -> None:
    task = TaskDefinition(name="t", kind="python", resources=Resources(cpu=2, memory="1Gi", gpu=1), env_vars={"A": "1"})
    assert needs_of(task, options()) == {
        "num_cpus": 2,
        "num_gpus": 1,
        "memory": 2**30,
        "env_vars": {"A": "1"},
    }


def test_the_last_placement_whose_pattern_matches_wins_key_by_key() -> None:
    told = options(
        resources={"big": 1},
        labels={"pool": "big"},
        placement={"train*": {"labels": {"pool": "gpu"}, "strategy": "spread"}, "train_2": {"resources": {"disk": 1}}},
    )
    assert needs_of(TaskDefinition(name="load", kind="python"), told) == {
        "num_cpus": 1,
        "resources": {"big": 1},
        "label_selector": {"pool": "big"},
    }
    assert needs_of(TaskDefinition(name="train_2", kind="python"), told) == {
        "num_cpus": 1,
        "resources": {"big": 1, "disk": 1},
        "label_selector": {"pool": "gpu"},
        "scheduling_strategy": "SPREAD",
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"auth": "token"}, "auth: token needs token_path"),
        ({"token_path": "t"}, "token_path is read with auth: token only"),
        ({"resources": {"CPU": 2}}, "resources: 'CPU' is what tasks say in their resources"),
        ({"placement": {"a*": {"resources": {"GPU": 1}}}}, "placement.a*: resources: 'GPU' is what tasks say"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match="executor 'ray'") as caught:
        settled(options(**settings))
    assert said in str(caught.value)


def test_settings_that_their_types_refuse_are_refused() -> None:
    for wrong in (
        {"adress": "x:1"},
        {"address": ""},
        {"max_workers": 0},
        {"strategy": "near"},
        {"keep": -1},
        {"resources": {"big": -1}},
        {"placement": {"a*": {"resource": {}}}},
        {"placement": {"a*": {"resources": {"big": "lots"}}}},
        {"placement": {"a*": {"labels": ["a"]}}},
        {"placement": {"a*": {"strategy": "near"}}},
    ):
        with pytest.raises(msgspec.ValidationError):
            options(**wrong)


# --- what nodes have ---


def test_a_cluster_offers_the_most_that_one_node_has() -> None:
    offers = offers_of([HEAD, BIG, GPU], host="head", shared=False)
    assert (offers.cpu, offers.gpu, offers.memory, offers.parallel) == (8.0, 2, 2**33, 13)


@pytest.mark.parametrize(
    ("nodes", "shared", "reach"),
    [([HEAD], False, "host"), ([HEAD, BIG], False, "network"), ([HEAD, BIG], True, "host")],
)
def test_its_tasks_see_files_where_every_node_is_this_machine(nodes: list[Node], shared: bool, reach: str) -> None:
    assert offers_of(nodes, host="head", shared=shared).reach == reach


@pytest.mark.parametrize(
    ("needs", "able"),
    [
        ({"num_cpus": 1}, [HEAD, BIG, GPU]),
        ({"num_cpus": 2}, [BIG, GPU]),
        ({"num_cpus": 0, "num_gpus": 2}, [GPU]),
        ({"num_cpus": 1, "memory": 2**33}, [BIG]),
        ({"num_cpus": 1, "resources": {"big": 2}}, [BIG]),
        ({"num_cpus": 1, "resources": {"big": 3}}, []),
        ({"num_cpus": 1, "label_selector": {"pool": "gpu"}}, [GPU]),
        ({"num_cpus": 1, "label_selector": {"pool": "!gpu"}}, [HEAD, BIG]),
        ({"num_cpus": 1, "label_selector": {"pool": "in(gpu, big)"}}, [BIG, GPU]),
        ({"num_cpus": 1, "label_selector": {"pool": "!in(gpu, big)"}}, [HEAD]),
    ],
)
def test_a_node_can_take_a_task_that_needs_no_more_than_it_has(needs: dict[str, Any], able: list[Node]) -> None:
    nodes = [HEAD, BIG, GPU]
    assert [node for node in nodes if fits(needs, node)] == able
    assert bool(refusal(needs, nodes)) == (not able)


def test_a_refusal_names_what_is_lacking_and_what_there_is() -> None:
    assert refusal({"num_cpus": 9, "resources": {"disk": 1}}, [HEAD, BIG]) == (
        "no node of the Ray cluster has 9 processors nor 1 of the resource 'disk'; its nodes: "
        "10.0.0.1 (1 processors); 10.0.0.2 (8 processors, 2 big)"
    )
    assert "no single node of the Ray cluster has all of it: 1 processors, 2 GPUs, 2 of the resource 'big'" in refusal(
        {"num_cpus": 1, "num_gpus": 2, "resources": {"big": 2}}, [BIG, GPU]
    )
    assert refusal({"num_cpus": 1}, []) == "the Ray cluster has no node that is alive"


def test_a_cluster_that_is_to_be_started_has_what_was_asked_for() -> None:
    (node,) = local_nodes(3, 2)
    assert (node.resources["CPU"], node.resources["GPU"]) == (3.0, 2.0)
    assert node.resources["memory"] > 0


# --- its process ---


def test_nothing_in_the_environment_names_a_cluster_or_leaves_anything_to_rays_guess(tmp_path: Path) -> None:
    before = {"RAY_ADDRESS": "10.0.0.1:6379", "RAY_AUTH_TOKEN": "x", "RAY_AUTH_TOKEN_PATH": "y", "PATH": "/bin"}
    assert environment(before, "disabled", None) == {
        "PATH": "/bin",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    assert environment({}, "token", tmp_path)["RAY_AUTH_TOKEN_PATH"] == str(tmp_path)


# --- what errors mean ---


def _error(name: str, *bases: str, **fields: Any) -> Exception:
    kind: type = Exception
    for base in (*reversed(bases), name):
        kind = type(base, (kind,), {})
    error: Exception = kind("first line\nsecond line")
    for key, value in fields.items():
        setattr(error, key, value)
    return error


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (_error("WorkerCrashedError", "RayError"), "killed", "its worker process ended in the middle"),
        (_error("OutOfMemoryError", "RayError"), "killed", "memory ran out"),
        (_error("NodeDiedError", "RayError"), "lost", "the node that it ran on is gone: first line"),
        (_error("ReferenceCountingAssertionError", "ObjectLostError"), "lost", "has lost what it gave back"),
        (_error("TaskCancelledError", "RayError"), "cancelled", "stopped before it started"),
        (_error("RuntimeEnvSetupError", "RayError"), "refused", "cannot make its runtime environment: first line"),
        (_error("SomethingNew", "RayError"), "lost", "SomethingNew: first line"),
        (
            _error("RayTaskError", cause=ModuleNotFoundError("no", name="fairlead")),
            "refused",
            "Fairlead is not installed where Ray's workers run",
        ),
        (_error("RayTaskError", cause=ValueError("odd")), "refused", "could not take it: ValueError: odd"),
    ],
)
def test_errors_of_ray_are_told_as_reasons(error: Exception, reason: str, said: str) -> None:
    told = of_error(error)
    assert told.reason == reason
    assert said in told.message


# --- output of other machines ---


def test_output_of_another_machine_stands_where_it_stands_there(tmp_path: Path) -> None:
    copies = Copies()
    copies.write(str(tmp_path), "w.log", 5, b"later")
    copies.write(str(tmp_path), "w.log", 0, b"first")
    copies.write(str(tmp_path), "../../x.log", 0, b"kept here")
    copies.close()
    assert (tmp_path / "w.log").read_bytes() == b"firstlater"
    assert (tmp_path / "x.log").read_bytes() == b"kept here"


def test_messages_come_whole_however_they_are_cut() -> None:
    ours, theirs = socket.socketpair()
    near, far = Stream(ours), Stream(theirs)
    near.send(b"x" * 10)
    theirs.recv(2, socket.MSG_PEEK)
    near.send(b"")
    assert far.receive() == [b"x" * 10, b""]
    assert far.receive(0.0) == []
    ours.sendall(b"\x03\x00")
    assert far.receive() == []
    ours.sendall(b"\x00\x00abc")
    assert far.receive() == [b"abc"]
    assert far.is_open()
    ours.close()
    assert not far.is_open()
    assert far.receive() is None
    theirs.close()
