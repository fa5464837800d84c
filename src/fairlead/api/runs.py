"""Runs as users meet them: by id, from any process, with everything that was recorded.

Looks and asks; starting and carrying a run is in `launch.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from fairlead.api import telling
from fairlead.api.artifacts import Artifact, RunOutput, artifacts_of
from fairlead.api.logs import follow_logs
from fairlead.api.standing import groups_of, status_of, summaries, summary_of
from fairlead.config.environment import Environment, EnvironmentLike, load
from fairlead.config.services import Services, look_services
from fairlead.errors import NotFinished, NotFound
from fairlead.model.events import Attempt
from fairlead.model.fold import fold, walk
from fairlead.model.path import BODY
from fairlead.model.plan import group_names
from fairlead.model.run import FINAL, GOING, Group, Run, RunFilter, RunStatus, RunSummary, TaskStatus
from fairlead.model.scope import SUCCEEDED
from fairlead.model.state import State
from fairlead.model.task import CATALOG, TaskDefinition
from fairlead.model.values import Value
from fairlead.model.workflow import Ref, TaskNode, Workflow

if TYPE_CHECKING:
    from fairlead.api.comparing import Difference

__all__ = ["TaskRun", "WorkflowRun", "list_summaries", "list_workflow_runs", "services_with"]


class WorkflowRun:
    """One execution of a workflow, under an id."""

    def __init__(self, services: Services, run_id: str, *, record: Run | None = None) -> None:
        self.id = run_id
        self._services = services
        self._record = record
        self._standing: tuple[tuple[int, str], State] | None = None
        self._own_environment = False
        """Nobody said how it is to be carried: as it was recorded, then."""

    @classmethod
    def by_id(cls, run_id: str, env: EnvironmentLike = None) -> WorkflowRun:
        """Find a run; raises NotFound when the environment's store has none of that id."""
        services = services_with(run_id, env)
        services.store.summary(run_id)
        found = cls(services, run_id)
        found._own_environment = env is None
        return found

    @property
    def record(self) -> Run:
        """What was written down when the run was made."""
        if self._record is None:
            self._record = self._services.store.get(self.id)
        return self._record

    @property
    def graph(self) -> Workflow:
        """The workflow as it was when the run was made."""
        return self.record.workflow

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the workflow's parameters."""
        values = self._services.values()
        return {name: values.decode(value) for name, value in self.record.parameters.items()}

    def summary(self) -> RunSummary:
        """How the run stands, in one record."""
        return summary_of(self._services, self.id)

    def groups(self) -> list[Group]:
        """Its task runs, counted by task name, in the order of the graph."""
        found = list(groups_of(self._services, self.id))
        if len(found) > 1 and not self.graph.dynamic:
            order = {name: place for place, name in enumerate(group_names(self.graph))}
            found.sort(key=lambda group: order.get(group.name, len(order)))
        return found

    def get_status(self) -> RunStatus:
        """One of created, running, succeeded, failed, cancelled, interrupted."""
        return status_of(self._services, self.id)

    def wait(self, timeout: float | None = None) -> RunStatus:
        """Wait until nobody carries the run any more; gives its status.

        A run that is only `created` is waited for as well. Raises NotFinished after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.01
        while (status := self.get_status()) not in FINAL and status != "interrupted":
            if end is not None and time.monotonic() >= end:
                raise NotFinished(f"run {self.id!r} is {status} after {timeout:g} s; wait longer, or look with 'show'")
            time.sleep(pause if end is None else max(0.0, min(pause, end - time.monotonic())))
            pause = min(pause * 1.5, 0.2)
        return status

    def get_results(self, wait: bool = False, timeout: float | None = None) -> Any:
        """Give what the workflow returned; for a pipeline, a dict by name.

        Raises NotFinished on a run that has not ended (unless `wait`), RunFailed on one that failed and
        RunCancelled on one that was stopped.
        """
        status = self.wait(timeout) if wait else self.get_status()
        if status != "succeeded":
            raise telling.why_no_results(self, status)
        values = self._services.values()
        found = {name: values.decode(value) for name, value in self._state().results().items()}
        return next(iter(found.values())) if self.graph.single and len(found) == 1 else found

    def output(self, name: str) -> RunOutput:
        """One output of a finished run, as an argument for another run: it is not loaded here.

        `name` is a name of the results, `task` or `task.output`. Raises NotFound, NotFinished.
        """
        return RunOutput(self.id, name, self._output_value(name))

    def get_tasks(self, status: TaskStatus | None = None, name: str | None = None) -> list[TaskRun]:
        """List the task runs that are known of, in the order of the graph; DefinitionError for an unknown status."""
        if status is not None:
            telling.check_status(status, get_args(TaskStatus))
        by_path = self._attempts_by_path()
        return [
            TaskRun(self, path, task, state, by_path.get(path, []))
            for path, task, state in walk(self._state(keep=True))
            if status in {None, state} and name in {None, task}
        ]

    def get_task(self, path: str) -> TaskRun:
        """Give the task run at a path such as `train[3]`; raises NotFound with the nearest."""
        attempts = list(self._services.store.attempts(self.id, path=path))
        if path == BODY and attempts:
            last = attempts[-1].outcome
            return TaskRun(self, path, self.graph.name, last if last is not None else "running", attempts)
        node = telling.task_at(self.graph, path)
        if node is not None and attempts and attempts[-1].outcome in {"succeeded", "reused"}:
            return TaskRun(self, path, self.graph.tasks[node.task].name, attempts[-1].outcome, attempts)
        tasks = {task.id: task for task in self.get_tasks()}
        if path not in tasks:
            raise NotFound(telling.no_task(self.id, path, list(tasks)))
        return tasks[path]

    def get_artifacts(self) -> dict[str, Artifact]:
        """Give what the task runs kept by name, and what they produced: `train[0]/model` and so on."""
        return artifacts_of(self.graph, self._attempts(), self._services.values())

    def get_logs(self, task: str | None = None, follow: bool = False) -> Iterator[tuple[str, str]]:
        """Go through what the tasks wrote, as (path, text) in order; all, or one path or task name.

        `follow` goes on until the run has ended.
        """
        return follow_logs(self, self._services, task=task, follow=follow)

    def get_metrics(self) -> dict[str, dict[str, float]]:
        """Give the metrics of each task run that has any: path to name to value."""
        found: dict[str, dict[str, float]] = {}
        for attempt in self._attempts():
            if attempt.metrics:
                found.setdefault(attempt.path, {}).update(attempt.metrics)
        return found

    def explain(self, task: str | None = None) -> dict[str, list[str]]:
        """Say why each task (or one path) ran or was reused, and what could not be analysed."""
        from fairlead.api.explaining import explain_run

        return explain_run(self, self._services, task)

    def diff(self, other: WorkflowRun) -> list[str]:
        """Say in words what differs from this run to another.

        Parameters, environment, packages and Python, code of tasks by symbol, options, inputs, outputs, statuses.
        """
        return [str(one) for one in self.differences(other)]

    def differences(self, other: WorkflowRun) -> list[Difference]:
        """The same for programs: what each difference is about, its name, and the words."""
        from fairlead.api.comparing import differences_of

        return differences_of(self, other)

    def export(self, path: str | Path) -> Path:
        """Write the run to one file: its record, facts, artifacts and logs; gives the file."""
        from fairlead.api.moving import export_run

        return export_run(self._services, self.id, Path(path))

    def start(self) -> WorkflowRun:
        """Start a run that was prepared, in a process of its own; gives the run back."""
        from fairlead.api.launch import start_process

        start_process(self._to_carry(), self.id)
        return self

    def stop(self) -> bool:
        """Ask whoever carries the run to stop; False, with no effect, when it has ended already."""
        return self._services.store.ask_cancel(self.id, time.time())

    def resume(self, *, check: bool = True, diverged: Literal["stop", "accept"] = "stop") -> WorkflowRun:
        """Go on with a run that failed, was stopped or interrupted, with its recorded graph.

        What succeeded is kept. Waits; raises RunFailed unless `check` is False. `diverged="accept"`: the body
        of a dynamic workflow may take another way than before.
        """
        from fairlead.api.launch import carry_recorded

        return carry_recorded(self._to_carry(), self.id, check=check, accepted=diverged == "accept")

    def __repr__(self) -> str:
        return telling.run_in_short(self.summary(), self.groups())

    def raise_unless_succeeded(self) -> None:
        """Raise RunFailed or RunCancelled, root cause first, for a run that ended without success."""
        status = self.get_status()
        if status != "succeeded":
            raise telling.why_no_results(self, status)

    def remember(self, state: State) -> None:
        """Take over the standing that a driver in this process has worked out."""
        summary = self.summary()
        self._standing = ((summary.epoch, f"{summary.status}{False}"), state)

    # --- for the rest of the API ------------------------------------------------------------------

    def _state(self, *, keep: bool = False) -> State:
        """The fold of what is recorded now; kept while nothing changes."""
        summary = self._services.store.summary(self.id)
        mark = (summary.epoch, f"{summary.status}{keep}")
        if self._standing is not None and self._standing[0] == mark and summary.status in FINAL:
            return self._standing[1]
        alive = summary.status in GOING
        state = fold(self.record, self._attempts(), epoch=summary.epoch, alive=alive, keep=keep)
        self._standing = (mark, state)
        return state

    def _to_carry(self) -> Services:
        """Where it is kept, with the environment that it is carried in."""
        if not self._own_environment:
            return self._services
        recorded = Environment.from_record(self.record.environment, patches=False)
        known = self._services
        return Services(recorded, known.folder, known.store, known.artifacts)

    def _attempts(self) -> list[Attempt]:
        return list(self._services.store.attempts(self.id))

    def _attempts_by_path(self) -> dict[str, list[Attempt]]:
        found: dict[str, list[Attempt]] = {}
        for attempt in self._attempts():
            found.setdefault(attempt.path, []).append(attempt)
        return found

    def _output_value(self, name: str) -> Value:
        task, _, output = name.rpartition(".")
        for path, wanted in ((name, None), (task, output)):
            for attempt in reversed(self._services.store.attempts(self.id, path=path)) if path else ():
                value = telling.pick_output(self.graph, attempt, wanted)
                if value is not None:
                    return value
        of_block = self._block_output(name)
        if of_block is not None:
            return of_block
        if self.get_status() != "succeeded":
            raise NotFinished(f"run {self.id!r} has no output {name!r}, and it is {self.get_status()}")
        results = self._state().results()
        if name not in results:
            raise NotFound(f"run {self.id!r} has no output {name!r}; it has {', '.join(results)}")
        return results[name]

    def _block_output(self, name: str) -> Value | None:
        """The first result of a block (of a map: the list of them); None when it is none, or has not succeeded."""
        position = next((i for i, node in enumerate(self.graph.nodes) if node.name == name), None)
        state = self._state()
        if position is None or isinstance(self.graph.nodes[position], TaskNode):
            return None
        return state.value(state.root, Ref(position)) if state.root.status[position] == SUCCEEDED else None


class TaskRun:
    """One task's execution inside a workflow run; has one or more attempts."""

    def __init__(self, run: WorkflowRun, path: str, name: str, status: TaskStatus, attempts: list[Attempt]) -> None:
        self.run = run
        self.id = path
        self.name = name
        self.status = status
        self.attempts = attempts
        """In order; empty while it has not started."""

    @property
    def inputs(self) -> dict[str, Any]:
        """Its arguments by name; raises NotFinished while they are not known."""
        from fairlead.api.explaining import inputs_of

        values = self.run._services.values()
        given = inputs_of(self.run, self.id).items()
        return {name: values.decode(value) for name, value in given if name != CATALOG}

    @property
    def outputs(self) -> Any:
        """What it returned; raises NotFinished unless it succeeded."""
        for attempt in reversed(self.attempts):
            if attempt.outcome in {"succeeded", "reused"} and attempt.outputs is not None:
                values = self.run._services.values()
                found = [values.decode(value) for value in attempt.outputs[: self._returned()]]
                return found[0] if len(found) == 1 else tuple(found)
        raise NotFinished(f"task run {self.id!r} of run {self.run.id!r} is {self.status}; it has no outputs")

    @property
    def mocked(self) -> str:
        """What stood in for the task: `stub`, `value`, or a function's name; empty: nothing did."""
        task = self._definition()
        return "" if task is None else task.mock

    def _returned(self) -> int | None:
        """How many of its recorded outputs it returned; the others are files that it put away."""
        task = self._definition()
        return None if task is None else len(task.returns)

    def _definition(self) -> TaskDefinition | None:
        return telling.definition_at(self.run.graph, self.attempts[0] if self.attempts else Attempt(self.id, 0))

    def get_logs(self) -> str:
        """What its attempts wrote."""
        return "".join(text for _, text in self.run.get_logs(self.id))

    def explain(self) -> list[str]:
        """Why it ran or was reused."""
        return self.run.explain(self.id)[self.id]

    def __repr__(self) -> str:
        return f"<TaskRun {self.id} of {self.run.id}: {self.status}, {len(self.attempts)} attempts>"


def services_with(run_id: str, env: EnvironmentLike) -> Services:
    """Open what a run must be in; raises NotFound where nothing was ever run. Looking makes no folder."""
    services = look_services(load(env))
    if services is None:
        raise NotFound(
            f"no run {run_id!r}: there is no '.fairlead' folder in {Path.cwd()} or above it; go to its project"
        )
    return services


def list_workflow_runs(
    workflow: str | None = None,
    status: RunStatus | None = None,
    since: float | None = None,
    tags: tuple[str, ...] | list[str] | None = None,
    limit: int | None = 50,
    env: EnvironmentLike = None,
    where: str = "",
) -> list[WorkflowRun]:
    """List runs, newest first; `since` in seconds since the Unix epoch, `tags`: all of them.

    `where` is a condition such as `status=failed and param.rate>0.1`; ConfigurationError where it is none.
    """
    wanted = RunFilter(workflow, status, since, tuple(tags or ()), limit)
    services, found = _found(wanted, where, env)
    return [] if services is None else [WorkflowRun(services, summary.id) for summary in found]


def list_summaries(
    workflow: str | None = None,
    status: RunStatus | None = None,
    since: float | None = None,
    tags: tuple[str, ...] | list[str] | None = None,
    limit: int | None = 50,
    env: EnvironmentLike = None,
    where: str = "",
) -> list[RunSummary]:
    """The same in one record each: no run is looked at further."""
    return list(_found(RunFilter(workflow, status, since, tuple(tags or ()), limit), where, env)[1])


def _found(wanted: RunFilter, where: str, env: EnvironmentLike) -> tuple[Services | None, Sequence[RunSummary]]:
    if wanted.status is not None:
        telling.check_status(wanted.status, get_args(RunStatus))
    services = look_services(load(env))
    if where:
        from fairlead.api.searching import search

        return services, search(services, wanted, where)
    return services, [] if services is None else summaries(services, wanted)
