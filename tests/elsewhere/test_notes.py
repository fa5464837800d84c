"""A task that ran with another Python or other packages than its run was made with says so."""

from pathlib import Path

import msgspec

from fairlead import WorkflowRun, task, workflow
from fairlead.model.run import Requirements, TaskCode
from tests.elsewhere import flows
from tests.elsewhere.orders import Written


def aged(code):
    """The code of a run that was made with an older Python and an older package."""
    made = msgspec.structs.replace(code.requirements, python="3.9.1", installed="other")
    tasks = [msgspec.structs.replace(task, packages={"msgspec": "0.0"}) for task in code.tasks]
    return msgspec.structs.replace(code, python="3.9", requirements=made, tasks=tuple(tasks))


def test_it_is_in_the_log_the_record_and_what_people_are_told(place):
    template = place.make(flows.training, 1).record
    run = place.make(flows.training, 1)
    place.store.remove(run.id)
    place.store.create(msgspec.structs.replace(template, id=run.id, code=aged(template.code)))
    assert place.node(run, "load") == (0, "")
    lines = place.out.splitlines()
    assert [line.split(" ")[1] for line in lines] == ["Python", "msgspec", "1"]
    assert lines[0].endswith(", and the run was made with 3.9.1")
    (record,) = place.attempts(run, "load")
    assert [f"fairlead: {text}" for text in record.notes] == lines[:2]
    assert "".join(text for _, text in run.get_logs("load")) == place.out
    assert [line for line in run.explain("load")["load"] if "it ran with Python" in line]


def test_the_jobs_of_an_order_say_it_each(tmp_path):
    order = Written(tmp_path, ("add_one", 1), ("add_one", 2))
    requirements = Requirements(python="3.9.1")
    code = msgspec.structs.replace(order.brief.code, requirements=requirements, tasks=(TaskCode(""), TaskCode("")))
    order.write(msgspec.structs.replace(order.brief, code=code), order.jobs)
    code, out = order.run()
    assert code == 0
    assert out.count("fairlead: Python ") == 2
    assert all("3.9.1" in record.notes[0] for record in order.records)


def test_two_runs_say_what_they_were_made_with_where_it_differs(place):
    first = place.make(flows.training, 1)
    record = first.record
    place.store.create(msgspec.structs.replace(record, id="aged", code=aged(record.code)))

    told = first.diff(WorkflowRun.by_id("aged", place.env))
    assert any(line.startswith("package 'Python': ") and line.endswith(" -> 3.9.1") for line in told)


@task
def only_with(path: str) -> str:
    return Path(path).read_text()


@workflow
def reading(path: str):
    return only_with(path)


def test_workers_of_this_machine_say_it_when_a_run_is_gone_on_with(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    run = reading(str(tmp_path / "later")).run("local", check=False)
    assert run.get_status() == "failed"
    (tmp_path / "later").write_text("here")
    monkeypatch.setattr("fairlead.engine.requirements._python", lambda: "3.99.0")
    again = run.resume()
    assert again.get_results() == "here"
    (line,) = [line for line in again.explain("only_with")["only_with"] if "it ran with" in line]
    assert "Python 3.99.0, and the run was made with 3." in line
