"""What `run`, `prepare` and `check` of a definition do: the graph meets an environment.

Imported when one of them is called: a process that only looks at definitions need not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec

from fairlead.api.away import check_launch
from fairlead.api.debugging import Witness, here
from fairlead.api.definitions import Diverged, Runnable
from fairlead.api.launch import Carriage, carry, check_against
from fairlead.api.making import make_run
from fairlead.api.runs import WorkflowRun
from fairlead.author.built import Built
from fairlead.config.environment import Environment, EnvironmentLike
from fairlead.config.services import Services, bench_for, executor_for, open_services
from fairlead.errors import DefinitionError, RunExists
from fairlead.leftovers import OwnFolder
from fairlead.model.run import Run
from fairlead.ports import Executor, Observer

__all__ = ["Options", "built_for", "check", "prepare", "run", "warnings"]


class Options(msgspec.Struct, frozen=True):
    """How a run is to be made and carried; as the arguments of `Runnable.run`."""

    id: str | None
    tags: Sequence[str]
    resume: str | WorkflowRun | None
    debug: bool
    observers: Sequence[Observer]
    max_workers: int | None
    from_task: str | None
    diverged: Diverged = "stop"


def run(definition: Runnable, environment: Environment, options: Options, *, check: bool) -> WorkflowRun:
    """Record a run and carry it in this thread; raises RunFailed if it fails and `check` is set."""
    services = open_services(here(environment) if options.debug else environment)
    built = built_for(definition, environment)
    made = make_run(services, built, run_id=options.id, tags=options.tags, target=definition.target)
    witness = Witness() if options.debug else None
    carriage = Carriage(
        functions=built.functions, observers=options.observers, max_workers=options.max_workers, witness=witness
    )
    if options.resume is None:
        _record(services, made, options.max_workers)
    else:
        made = _resumed(services, made, carriage, options)
    done = carry(services, made, carriage)
    if check:
        _raise_own(done, witness)
        done.raise_unless_succeeded()
    return done


def prepare(definition: Runnable, env: EnvironmentLike, *, run_id: str | None, tags: Sequence[str]) -> WorkflowRun:
    """Record a run that another process will carry."""
    environment = definition._environment(env)
    services = open_services(environment)
    built = built_for(definition, environment)
    made = make_run(services, built, run_id=run_id, tags=tags, target=definition.target, elsewhere=True)
    check_launch(services, made)
    _record(services, made, None)
    return WorkflowRun(services, made.id, record=made)


def check(definition: Runnable, env: EnvironmentLike) -> list[str]:
    """List everything that is wrong with a definition in this environment."""
    try:
        environment = definition._environment(env)
        with OwnFolder("check") as elsewhere:  # nothing is kept of a check
            services = open_services(environment, start=elsewhere, alone=True)
            made = make_run(services, built_for(definition, environment), target=definition.target)
            if environment.orchestrator:
                from fairlead.api.compiling import orchestrator_of, refusals

                return refusals(made, services, orchestrator_of(environment))
            _compare(made, services, None)
    except DefinitionError as error:
        return list(error.problems)
    return []


def warnings(definition: Runnable, env: EnvironmentLike) -> list[str]:
    """List what may not be meant; raises DefinitionError when the definition cannot be right."""
    from fairlead.config.patching import patched

    environment = definition._environment(env)
    built = definition._built(environment)
    notes: list[str] = []
    if environment.orchestrator:
        from fairlead.api.compiling import notes_for

        notes = notes_for(built.workflow, environment)
    return [*built.warnings, *patched(built, environment).warnings, *notes]


def built_for(definition: Runnable, environment: Environment) -> Built:
    """Build the graph as it is in this environment: patched, and with what stands in for its tasks."""
    built = definition._built(environment)
    is_mock = environment.executor["type"] == "mock"
    if not is_mock and not environment.tasks:
        return built
    from fairlead.api.mocking import Wanted, mocked
    from fairlead.config.patching import patched

    if built.workflow.dynamic:
        from fairlead.api.dynamic.patches import all_patched

        return all_patched(built, environment)
    found = patched(built, environment)
    if not (is_mock or found.mocks or found.lost):
        return found.built
    wanted = {number: Wanted(*one) for number, one in found.mocks.items()}
    return mocked(found.built, wanted, rest=is_mock, lost=found.lost)


def _compare(run: Run, services: Services, max_workers: int | None, *, fetch: bool = False) -> None:
    executor = _executor(services, max_workers)
    try:
        check_against(run, services, executor, fetch=fetch)
    finally:
        executor.close()  # it may have asked an engine, and is not needed for more


def _record(services: Services, run: Run, max_workers: int | None) -> None:
    _compare(run, services, max_workers, fetch=True)
    try:
        services.store.create(run)
    except RunExists as error:
        raise RunExists(
            f"there is a run {run.id!r} already; give another id, or go on with it: 'fairlead resume {run.id}'"
        ) from error


def _resumed(services: Services, made: Run, carriage: Carriage, options: Options) -> Run:
    """Find what of another run can be kept; gives the run to carry."""
    from fairlead.api.resume import resume_into

    resume = options.resume
    assert resume is not None
    old = services.store.get(resume if isinstance(resume, str) else resume.id)
    if options.diverged not in get_args(Diverged):
        raise DefinitionError(f"diverged={options.diverged!r} is none of 'stop', 'accept', 'new'")
    renew = options.diverged == "new"
    resumption = resume_into(services, old, made, from_task=options.from_task, renew=renew)
    carriage.accepted = options.diverged == "accept"
    carriage.plan, carriage.previous, carriage.fresh = resumption.plan, resumption.previous, resumption.fresh
    if not resumption.again:
        _record(services, resumption.run, options.max_workers)
    return resumption.run


def _raise_own(run: WorkflowRun, witness: Witness | None) -> None:
    """Raise what the failed task itself raised, where somebody saw it."""
    own = witness.raised.get(run.summary().error) if witness is not None else None
    if own is not None:
        raise own


def _executor(services: Services, max_workers: int | None) -> Executor:
    """The environment's executor, to ask what it offers; it is not opened."""
    folder = services.folder.path.parent
    return executor_for(
        services.environment, lambda brief: bench_for(services, brief), max_workers=max_workers, folder=folder
    )
