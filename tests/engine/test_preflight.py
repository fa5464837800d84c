"""What a workflow needs against what is offered."""

from __future__ import annotations

import pytest

from fairlead.engine.preflight import mismatches, table
from fairlead.errors import DefinitionError
from fairlead.model.amounts import memory_bytes
from fairlead.model.task import Resources
from fairlead.ports import Offers
from tests.model.builders import TaskNode, task, workflow

LITTLE = Offers(reach="host", cpu=2, memory=2**30, timeout=False, env_vars=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resources": Resources(cpu=8)}, "t  needs 8 processors  x has 2"),
        ({"resources": Resources(gpu=1)}, "t  needs 1 GPU  x has none"),
        ({"resources": Resources(memory="4Gi")}, "t  needs 4Gi of memory  x has 1.0Gi"),
        ({"image": "team/x:1"}, "t  needs the image 'team/x:1'  x runs no images"),
        ({"timeout": 3.0}, "t  needs a time limit of 3 s  x cannot end a task"),
        ({"env_vars": {"A": "1"}}, "t  needs the variables A  x cannot set any"),
    ],
)
def test_every_mismatch_names_the_task(options, said):
    definition = workflow(TaskNode("t", 0), tasks=(task("t", **options),))
    assert table(mismatches(definition, LITTLE, executor="x", stores={})) == [said]


def test_all_mismatches_stand_in_one_table():
    big, picture = task("big", resources=Resources(cpu=16, gpu=2)), task("picture", image="x:1")
    definition = workflow(TaskNode("big", 0), TaskNode("picture", 1), tasks=(big, picture))
    found = mismatches(definition, LITTLE, executor="x", stores={"the run store": "process"})
    assert table(found) == [
        "the run store can be seen from this process only, and executor 'x' runs tasks out of its sight",
        "big      needs 16 processors    x has 2",
        "big      needs 2 GPUs           x has none",
        "picture  needs the image 'x:1'  x runs no images",
    ]


def test_nothing_is_said_when_all_is_offered():
    definition = workflow(TaskNode("t", 0), tasks=(task("t", resources=Resources(cpu=2, memory="500M")),))
    assert mismatches(definition, LITTLE, executor="x", stores={"the run store": "host"}) == []


def test_a_store_must_be_seen_from_where_tasks_run():
    found = mismatches(workflow(TaskNode("t", 0)), LITTLE, executor="x", stores={"the run store": "process"})
    assert table(found) == [
        "the run store can be seen from this process only, and executor 'x' runs tasks out of its sight"
    ]


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("500M", 5 * 10**8), ("4Gi", 2**32), ("1.5 KiB", 1536)])
def test_amounts_of_memory(text, size):
    assert memory_bytes(text) == size


def test_what_is_no_amount_of_memory_is_refused():
    with pytest.raises(DefinitionError, match="'lots' is not an amount"):
        memory_bytes("lots")
