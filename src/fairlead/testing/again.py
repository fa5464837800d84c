"""One task of a recorded run once more, as a plain call: nothing is recorded, and a debugger works in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.api.runs import WorkflowRun
from fairlead.author.functions import Task
from fairlead.author.functions import task as make_task
from fairlead.config.environment import EnvironmentLike
from fairlead.errors import NotFound
from fairlead.tasks.python import PythonKind
from fairlead.testing.standing_in import running

__all__ = ["inputs_of", "run_task"]


def inputs_of(run: str | WorkflowRun, path: str, *, env: EnvironmentLike = None) -> dict[str, Any]:
    """Give the arguments that a task run had, by name; copies of its own.

    `run` is an id or a run, `path` is where it stands: `train[3]`. What stood for `*args` is a list
    under that name. Raises NotFound where there is no such run or task run, and NotFinished when it
    never became known what it would be given.
    """
    return _run_of(run, env).get_task(path).inputs


def run_task(
    task: Callable[..., Any],
    *,
    run: str | WorkflowRun,
    path: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    env: EnvironmentLike = None,
) -> Any:
    """Call one task with the inputs that it had in a recorded run, and give what it returns.

    It is today's code that is called, here and now: an exception is the function's own, and
    `breakpoint()` works. `path` may be left out where the run has one task run of that name.
    `inputs` replaces some of the arguments. `current_run()` gives the recorded id and path; metrics
    and artifacts go nowhere; secrets are what `secrets` says.
    """
    definition = (task if isinstance(task, Task) else make_task(task)).definition
    function = getattr(task, "fn", task)
    found = _run_of(run, env)
    where = path or _only(found, definition.name)
    arguments = {**inputs_of(found, where), **(inputs or {})}
    attempt = max((one.attempt for one in found.get_task(where).attempts), default=1)
    kind = PythonKind()
    try:
        with running(found.id, where, attempt=attempt, secrets=secrets) as current:
            return kind.run(definition, function, arguments, current)
    finally:
        kind.close()


def _run_of(run: str | WorkflowRun, env: EnvironmentLike) -> WorkflowRun:
    return run if isinstance(run, WorkflowRun) else WorkflowRun.by_id(run, env)


def _only(run: WorkflowRun, name: str) -> str:
    """Give the path of the one task run of a task."""
    paths = [one.id for one in run.get_tasks(name=name)]
    if len(paths) == 1:
        return paths[0]
    if not paths:
        known = dict.fromkeys(one.name for one in run.get_tasks())
        raise NotFound(f"run {run.id!r} has no task {name!r}; it has {', '.join(known)}")
    raise NotFound(f"run {run.id!r} has {len(paths)} task runs of {name!r}; say which: path={paths[0]!r}, …")
