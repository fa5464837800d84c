"""Components where their tasks run: built from names and settings, with secrets that stay where they are asked for."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from fairlead import Component, Runner, Secret, workflow
from fairlead.errors import NotFound
from fairlead.model.run import Code, TaskCode
from fairlead.node.code import function_of
from fairlead.node.execute import Bench
from fairlead.node.payload import needs_payload, payload
from fairlead.node.secrecy import Guard
from fairlead.ports import Brief, Job
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.values import StoredValues
from fairlead.tasks.python import PythonKind

VALUE = "hunter2-very-secret"


class Vault:
    def get(self, name):
        if name != "DB_PASSWORD":
            raise NotFound(f"no secret {name!r}")
        return VALUE


class Inner(Component):
    key: Secret

    def letters(self):
        return len(self.key.get())


class Warehouse(Component):
    url: str
    inner: Inner
    password: Secret | None = None

    def rows(self):
        return [self.url, self.inner.letters(), id(self)]

    def again(self, x: int = 1, *more: int):
        return [x, list(more), id(self)]

    async def later(self):
        return self.url


class Jobs(Runner):
    store: Warehouse

    @workflow
    def all(self):
        return self.store.rows(), self.store.again(1, 2, 3), self.store.later()


def built(key="DB_PASSWORD"):
    return Jobs(store=Warehouse(url="db", inner=Inner(key=key))).all().build()


def bench_of(made, payloads=None):
    tasks = made.workflow.tasks
    values = StoredValues(MemoryArtifacts())
    codes = tuple(TaskCode("", payload=values.encode(one) if one else None) for one in payloads or [None] * len(tasks))
    brief = Brief("calm-otter", tasks, Code(tasks=codes), "/nowhere")
    return Bench(brief, values=values, kinds={"python": PythonKind()}, function_of=function_of, guard=Guard(Vault))


def results(made, payloads=None):
    bench = bench_of(made, payloads)
    bench.begin()
    found = []
    for place, node in enumerate(made.workflow.nodes):
        args = {
            name: bench.values.encode(tuple(made.constants[one.slot] for one in binding.items))
            if hasattr(binding, "items")
            else bench.values.encode(made.constants[binding.slot])
            for name, binding in node.args.items()
        }
        record = bench.execute(Job("calm-otter", node.name, 1, place, args))
        found.append(record)
    bench.close()
    return bench, found


def test_a_component_is_imported_and_built_once_for_a_run():
    bench, records = results(built())
    rows, again, later = (bench.values.decode(record.outputs[0]) for record in records)
    assert rows[:2] == ["db", len(VALUE)] and again[:2] == [1, [2, 3]] and later == "db"
    assert rows[2] == again[2]
    _, second = results(built())
    assert [one.outcome for one in second] == ["succeeded"] * 3


def test_the_names_of_its_secrets_are_declared_by_its_tasks():
    assert {task.secrets for task in built().workflow.tasks} == {("DB_PASSWORD",)}


def test_no_secret_is_in_what_travels(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", VALUE)
    made = built()
    travels = [msgspec.json.encode(made.workflow), *(payload(function) for function in made.functions)]
    travels.append(pickle.dumps(made.constants))
    assert not any(VALUE.encode() in one for one in travels)
    assert b"DB_PASSWORD" in travels[0]


def test_a_secret_that_is_not_there_fails_the_task_by_name():
    _, records = results(built("OTHER"))
    assert records[0].outcome == "failed" and "no secret 'OTHER'" in records[0].failure.message


def test_a_component_made_inside_a_task_asks_the_task():
    from fairlead.testing import running

    made = Inner(key="DB_PASSWORD")
    with running(secrets={"DB_PASSWORD": "four"}):
        assert made.letters() == 4 and Secret("DB_PASSWORD").get() == "four"
    with pytest.raises(NotFound, match="it comes from the process environment"):
        made.letters()


def test_classes_that_nobody_can_import_travel_by_value():
    class Local(Component):
        size: int = 3

        def grow(self):
            return self.size + 1

    class Growth(Runner):
        local: Local = Local()

        @workflow
        def go(self):
            return self.local.grow()

    made = Growth(local=Local(size=5)).go().build()
    assert [needs_payload(function) for function in made.functions] == [True]
    assert not any(needs_payload(function) for function in built().functions)
    bench, records = results(made, [payload(function) for function in made.functions])
    assert bench.values.decode(records[0].outputs[0]) == 6


def test_a_method_that_the_class_does_not_have_any_more_fails_by_name():
    made = built()
    task = made.workflow.tasks[0]
    gone = msgspec.structs.replace(task, target=task.target.replace(".rows", ".lines"))
    made = msgspec.structs.replace(made, workflow=msgspec.structs.replace(made.workflow, tasks=(gone,)))
    record = bench_of(made).execute(Job("calm-otter", "store:rows", 1, 0, {}))
    assert "tests.node.test_components:Warehouse has no method 'lines'" in record.failure.message


def test_a_setting_that_the_class_does_not_take_any_more_fails_by_name():
    made = built()
    task = made.workflow.tasks[0]
    settings = msgspec.json.decode(msgspec.json.encode(task.settings))
    del settings["component"]["settings"]["url"]
    made = msgspec.structs.replace(
        made, workflow=msgspec.structs.replace(made.workflow, tasks=(msgspec.structs.replace(task, settings=settings),))
    )
    record = bench_of(made).execute(Job("calm-otter", "store:rows", 1, 0, {}))
    assert record.outcome == "failed" and record.failure.reason == "definition"
    assert "component store:" in record.failure.message and "url is not given" in record.failure.message


@pytest.mark.parametrize("change", [{"target": "tests.node.test_components:stand_in"}])
def test_a_task_that_was_given_another_function_is_no_component_any_more(change):
    made = built()
    task = msgspec.structs.replace(made.workflow.tasks[0], **change)
    made = msgspec.structs.replace(made, workflow=msgspec.structs.replace(made.workflow, tasks=(task,)))
    bench = bench_of(made)
    record = bench.execute(Job("calm-otter", "store:rows", 1, 0, {}))
    assert bench.values.decode(record.outputs[0]) == "mocked"


def stand_in():
    return "mocked"
