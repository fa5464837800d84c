"""Why a task run ran or was reused, and what differs between two runs. Looks only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairlead.api.telling import no_task
from fairlead.config.services import Services
from fairlead.engine.lineage import diff as code_diff
from fairlead.engine.reuse import Keys, Parts, differences
from fairlead.errors import NotFinished, NotFound
from fairlead.model.events import Attempt
from fairlead.model.fold import complete, replayed
from fairlead.model.path import BODY, beneath, group_of
from fairlead.model.run import FINAL, Run, RunFilter, TaskCode
from fairlead.model.scope import Live
from fairlead.model.values import Value
from fairlead.model.words import standing_for
from fairlead.ports import Values

if TYPE_CHECKING:
    from fairlead.api.runs import WorkflowRun

__all__ = ["explain_run", "inputs_of"]

_LOOK_BACK = 20
"""Earlier runs of a workflow among which a task run to compare with is looked for."""


class _Known:
    """What one recorded run knows of its task runs, by path."""

    def __init__(self, run: Run, attempts: list[Attempt], values: Values) -> None:
        self.run = run = complete(run, attempts)
        self.keys = Keys(run, values)
        self.state, found = replayed(run, attempts)
        self.lives: dict[str, tuple[Live, Attempt | None]] = {live.path: (live, record) for live, record in found}

    def parts(self, path: str) -> Parts | None:
        entry = self.lives.get(path)
        return None if entry is None else self.keys.parts(self.state, entry[0])

    def code(self, path: str) -> TaskCode:
        return self.keys.code(self.lives[path][0].task)


def explain_run(run: WorkflowRun, services: Services, task: str | None) -> dict[str, list[str]]:
    """Say, for each task run (or those of one path or name), why it ran or was reused."""
    values = services.values()
    known = _load(services, run.record, values)
    wanted = [path for path in known.lives if task is None or task in {path, group_of(path)}]
    causes = run._state().causes
    skipped = {
        path: [f"skipped: {cause} did not succeed"]
        for path, cause in causes.items()
        if task is None or task in {path, group_of(path)}
    }
    if task is not None and not wanted and not skipped:
        around = next((cause for path, cause in causes.items() if beneath(task, {path})), "")
        if around:
            return {task: [f"skipped: {around} did not succeed"]}
    if task is not None and not wanted and not skipped:
        if group_of(task) in known.state.groups:
            over = run.summary().status in FINAL
            why = "the run took another way" if over else "something before it has not ended"
            return {task: [f"it has not run: {why}"]}
        raise NotFound(no_task(run.id, task, list(known.lives)))
    earlier = list(_earlier(run, services, values)) if any(known.lives[path][1] for path in wanted) else []
    said = {
        path: [*_mocked(known, path), *_why(known, path, earlier), *_unknowns(known, path), *_notes(known, path)]
        for path in wanted
    }
    return {**said, **skipped}


def _notes(known: _Known, path: str) -> list[str]:
    """Say what was other where it ran."""
    record = known.lives[path][1]
    return [f"it ran with {text}" for text in record.notes] if record is not None else []


def inputs_of(run: WorkflowRun, path: str) -> dict[str, Value]:
    """Give the encoded inputs of a task run; raises NotFinished while they are not known."""
    if path == BODY:
        return run.record.parameters
    services = run._services
    known = _load(services, run.record, services.values())
    if path not in known.lives:
        raise NotFinished(f"the inputs of {path!r} in run {run.id!r} are not known (yet)")
    return known.state.args(known.lives[path][0])


def _load(services: Services, record: Run, values: Values) -> _Known:
    return _Known(record, list(services.store.attempts(record.id)), values)


def _earlier(run: WorkflowRun, services: Services, values: Values) -> Iterator[_Known]:
    """The runs to compare with: the one that was resumed, then earlier runs of the same workflow."""
    record = run.record
    ids = [record.parent] if record.parent else []
    found = services.store.list(RunFilter(workflow=record.workflow.name, limit=_LOOK_BACK))
    ids += [summary.id for summary in found if summary.created < record.created and summary.id not in ids]
    for run_id in ids[:_LOOK_BACK]:
        try:
            yield _load(services, services.store.get(run_id), values)
        except NotFound:
            continue  # removed in the meantime: there is one less to compare with


def _why(known: _Known, path: str, earlier: list[_Known]) -> list[str]:
    live, record = known.lives[path]
    if record is None:
        return ["it has not run"]
    if record.outcome == "reused":
        assert record.origin is not None
        return [f"reused: nothing that it depends on changed since {record.origin.run}/{record.origin.path}"]
    parts = known.parts(path)
    if parts is None:
        return ["it ran"]
    for before in earlier:
        old = before.parts(path)
        if old is None:
            continue
        old_record = before.lives[path][1]
        if old_record is None or old_record.outcome not in {"succeeded", "reused"}:
            return [f"ran: it did not succeed in {before.run.id}"]
        changes = differences(old, parts, code_diff(before.code(path), known.code(path)))
        if not changes and record.key and old_record.key and record.key != old_record.key:
            # Their parts are worked out now, with what is there now; the keys were recorded then.
            changes = [f"what {name!r} names changed" for name in known.keys.path_inputs(known.state, live)]
        if changes:
            return [f"ran: {change} since {before.run.id}" for change in changes]
        if not known.run.workflow.tasks[live.task].cache:
            return [
                f"ran: nothing changed since {before.run.id}, but results are reused only with cache=True or 'resume'"
            ]
        return [f"ran: nothing changed since {before.run.id}, but its result was not there to be reused"]
    return ["ran: no earlier run of this workflow has a result for it"]


def _mocked(known: _Known, path: str) -> list[str]:
    mock = known.run.workflow.tasks[known.lives[path][0].task].mock
    return [f"mocked: {standing_for(mock)}"] if mock else []


def _unknowns(known: _Known, path: str) -> list[str]:
    return [f"not analysed: {what}" for what in known.code(path).opaque]
