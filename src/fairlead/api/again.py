"""Resuming a run by its id: its definition is found again where the run says it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairlead.api.artifacts import RunOutput
from fairlead.api.definitions import Diverged, file_of
from fairlead.api.runs import WorkflowRun, services_with
from fairlead.api.targets import load_target
from fairlead.config.environment import Environment, EnvironmentLike, load
from fairlead.config.services import Services
from fairlead.errors import DefinitionError, FairleadError, NotFound
from fairlead.model.files import holds_files
from fairlead.model.run import Run
from fairlead.model.values import Value
from fairlead.ports import Observer, Values

__all__ = ["resume_run"]


def resume_run(
    run_id: str,
    env: EnvironmentLike = None,
    *,
    from_task: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    file: str | Path | None = None,
    observers: Sequence[Observer] = (),
    max_workers: int | None = None,
    diverged: Diverged = "stop",
) -> WorkflowRun:
    """Go on with a run, with today's code; waits, and gives the run that was carried.

    Nothing changed: the same run goes on. Something changed (code, `parameters` and those of the
    params `file`, `from_task`): a new run is made that reuses what is still valid. Observers are told
    the plan first. Without `env` the run's own environment counts. `diverged` is as with `run`. Raises
    NotFound, RunBusy, and DefinitionError when the definition cannot be found or built any more.
    """
    services = services_with(run_id, env)
    old = services.store.get(run_id)
    environment = load(env) if env is not None else recorded_environment(old)
    if not old.target:
        raise DefinitionError(
            f"run {run_id!r} was made where its definition cannot be found again (a notebook or a REPL); "
            f"there, call run.resume() or workflow(...).run(resume={run_id!r})"
        )
    try:
        target = load_target(_found_again(old, services))
    except FairleadError as error:
        raise type(error)(
            f"run {run_id!r} cannot be resumed with today's code: {error}\n  its recorded code can be: "
            f"WorkflowRun.by_id({run_id!r}).resume()"
        ) from error
    target.definition = target.definition.with_given(old.components)
    values = services.values()
    known = {one.name for one in target.inputs}
    before = {
        name: _given_again(run_id, name, value, values) for name, value in old.parameters.items() if name in known
    }
    bound = target.bind(parameters or {}, file=file, env=environment, recorded=before)
    return bound.run(
        environment,
        tags=old.tags,
        resume=run_id,
        check=False,
        observers=observers,
        max_workers=max_workers,
        from_task=from_task,
        diverged=diverged,
    )


def recorded_environment(run: Run) -> Environment:
    """Give the environment that a run was made in: as its file says now, or as recorded where there is none."""
    source = str(run.environment.get("source", ""))
    if source and Path(source.partition(".toml#")[0] + (".toml" if ".toml#" in source else "")).is_file():
        return load(source)
    return Environment.from_record(run.environment)


def _given_again(run_id: str, name: str, value: Value, values: Values) -> Any:
    """Give a recorded parameter; files stay the artifacts that they are."""
    return RunOutput(run_id, name, value) if holds_files(value) else values.decode(value)


def _found_again(run: Run, services: Services) -> str:
    """Give where a run's definition is now: a project that was moved is found beside its `.fairlead`."""
    file = str(file_of(run.target))
    if not file.endswith((".py", ".ipynb")) or Path(file).is_file():
        return run.target
    for base in filter(None, (run.cwd, run.code.root)):
        if Path(file).is_relative_to(base):
            for home in (services.folder.path.parent, Path.cwd()):
                moved = home / Path(file).relative_to(base)
                if moved.is_file():
                    return f"{moved}{run.target.removeprefix(file)}"
    raise NotFound(f"its file {file} is not there any more")
