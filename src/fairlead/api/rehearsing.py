"""What `rehearse` of a definition does: what an orchestrator would be given is interpreted here, and compared.

The orchestrator's files are all that the rehearsal looks at; the same workflow then runs in this process, and
the records of both are laid side by side. Both are kept in a folder that is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.api.compiling import Compiled, compile_run, orchestrator_of, refusals
from fairlead.api.definitions import Runnable
from fairlead.api.launch import Carriage, carry
from fairlead.api.making import make_run
from fairlead.api.running import built_for
from fairlead.config.environment import Environment, EnvironmentLike
from fairlead.config.services import Services, open_services
from fairlead.errors import DefinitionError
from fairlead.leftovers import OwnFolder
from fairlead.model.events import Attempt
from fairlead.model.fold import fold, walk
from fairlead.model.run import Run, RunStatus
from fairlead.orchestration import Rehearsed

__all__ = ["Rehearsal", "Row", "Side", "rehearse"]


class Side(NamedTuple):
    """A task run, as one of the two runs recorded it."""

    status: str
    """Empty where it is not known there."""
    attempts: tuple[str, ...]
    """How each of them ended."""
    outputs: tuple[str, ...]
    """Digests."""
    failure: str = ""
    """What the last attempt failed with."""


class Row(NamedTuple):
    """A task run on both sides."""

    path: str
    rehearsed: Side
    here: Side

    @property
    def equal(self) -> bool:
        """Whether both sides recorded the same."""
        return self.rehearsed == self.here

    @property
    def differs_in(self) -> list[str]:
        """Name what they differ in."""
        return [name for name in Side._fields if getattr(self.rehearsed, name) != getattr(self.here, name)]


class Rehearsal(NamedTuple):
    """What came of a rehearsal."""

    compiled: Compiled
    rehearsed: Rehearsed
    status: RunStatus
    """Of the run that the interpreted files carried."""
    here: RunStatus
    """Of the run in this process."""
    rows: list[Row]

    @property
    def equal(self) -> bool:
        """Whether both runs ended alike, and so did every task run."""
        return (
            self.status == self.here
            and all(row.equal for row in self.rows)
            and self.rehearsed.succeeded is (self.status == "succeeded")
        )


def rehearse(definition: Runnable, env: EnvironmentLike = None, *, at_once: int = 2) -> Rehearsal:
    """Interpret what the environment's orchestrator would be given, and compare it with a run in this process.

    `at_once`: containers, here processes, that run side by side. Raises DefinitionError with all that the
    orchestrator cannot do.
    """
    named = definition._environment(env)
    orchestrator = orchestrator_of(named)
    with OwnFolder("rehearsal") as folder:
        # Others may rehearse in the same project.
        ids = tuple(f"{kind}-{folder.name.rpartition('-')[2]}" for kind in ("rehearsed", "plain"))
        # Each has a store of its own, so that nothing is reused of the other run.
        services, plain = (open_services(_local(named, folder, one)) for one in ids)
        try:
            built = built_for(definition, services.environment)
            made = make_run(services, built, target=definition.target, elsewhere=True)
            problems = refusals(made, services, orchestrator, rehearsal=True)
            if problems:
                raise DefinitionError(f"{made.workflow.name} cannot be rehearsed: {len(problems)} problems", problems)
            compiled = compile_run(made, services, orchestrator)
            rehearsed = orchestrator.rehearse(compiled.files, run=ids[0], folder=folder / "pods", at_once=at_once)
            here = msgspec.structs.replace(made, id=ids[1])
            plain.store.create(here)
            carry(plain, here, Carriage(functions=built.functions))
            rows = _compared(_sides(services, made, ids[0]), _sides(plain, made, ids[1]))
            ended = services.store.summary(ids[0]).status, plain.store.summary(ids[1]).status
            return Rehearsal(compiled, rehearsed, *ended, rows)
        finally:
            for one, run_id in zip((services, plain), ids, strict=True):
                one.store.close()
                shutil.rmtree(one.scratch(run_id), ignore_errors=True)


def _local(environment: Environment, folder: Path, name: str) -> Environment:
    """Give the environment with stores of its own, and with this process to run tasks."""
    return environment.replace(
        executor="in_process",
        observers=[],
        store={"type": "sqlite", "path": str(folder / f"{name}.db")},
        artifacts={"url": str(folder / "artifacts")},
    )


def _compared(rehearsed: Mapping[str, Side], here: Mapping[str, Side]) -> list[Row]:
    nothing = Side("", (), ())
    return [Row(path, rehearsed.get(path, nothing), here.get(path, nothing)) for path in {**here, **rehearsed}]


def _sides(services: Services, run: Run, run_id: str) -> Mapping[str, Side]:
    attempts = services.store.attempts(run_id)
    summary = services.store.summary(run_id)
    recorded: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        recorded.setdefault(attempt.path, []).append(attempt)
    values = services.values()
    found = {}
    state = fold(run, attempts, epoch=summary.epoch, keep=True)
    for path, _, status in walk(state):
        tried = recorded.get(path, [])
        last = tried[-1] if tried else Attempt(path, 0)
        found[path] = Side(
            status,
            tuple(one.outcome or "" for one in tried),
            tuple(values.digest(value) for value in last.outputs or ()),
            f"{last.failure.type}: {last.failure.message}" if last.failure is not None else "",
        )
    return found
