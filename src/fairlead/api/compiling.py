"""What `compile` of a definition does: the graph becomes the files that an orchestrator takes.

The definition itself, with its code, goes to the artifact store; the files name it by its digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.api.definitions import Runnable
from fairlead.api.making import make_run
from fairlead.api.running import built_for
from fairlead.config.environment import Environment, EnvironmentLike
from fairlead.config.registry import open_plugin
from fairlead.config.services import Services, open_services
from fairlead.engine import definitions
from fairlead.engine.outline import outline_of
from fairlead.engine.preflight import Mismatch, mismatches, table
from fairlead.errors import ConfigurationError, DefinitionError
from fairlead.model.run import Run
from fairlead.model.workflow import Workflow
from fairlead.orchestration import Deployment, Orchestrator
from fairlead.ports import Site

__all__ = ["Compiled", "compile_for", "compile_run", "notes_for", "orchestrator_of", "refusals"]

_TAKEN_ALONG = ("store", "artifacts", "secrets", "codecs", "durability")
"""Sections of an environment that its tasks need; the rest is in the definition."""


class Compiled(NamedTuple):
    """What an orchestrator is given."""

    definition: str
    """Key of the stored definition."""
    files: Mapping[str, str]
    notes: list[str]
    """What people should know before they use it."""


def compile_for(definition: Runnable, env: EnvironmentLike = None) -> Compiled:
    """Store a definition and give the files of its environment's orchestrator.

    Raises DefinitionError with all that the orchestrator cannot do, and all that it would refuse.
    """
    environment = definition._environment(env)
    orchestrator = orchestrator_of(environment)
    services = open_services(environment)
    built = built_for(definition, environment)
    made = make_run(services, built, target=definition.target, elsewhere=True)
    problems = refusals(made, services, orchestrator)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise DefinitionError(f"{made.workflow.name} on {environment.name}: {count}", problems)
    return compile_run(made, services, orchestrator)


def compile_run(made: Run, services: Services, orchestrator: Orchestrator) -> Compiled:
    """Store what a run would be made of, and give the files of an orchestrator."""
    deployment = Deployment(
        outline=outline_of(made.workflow),
        definition=definitions.keep(made, services.artifacts),
        parameters=_changeable(made),
        environment={
            key: value for key, value in services.environment.record().items() if key in _TAKEN_ALONG and value
        },
    )
    files = orchestrator.compile(deployment)
    return Compiled(deployment.definition, files, orchestrator.notes(deployment, files))


def notes_for(workflow: Workflow, environment: Environment) -> list[str]:
    """Say what is different on the environment's orchestrator, as far as the graph alone tells."""
    deployment = Deployment(outline=outline_of(workflow), definition="", environment={})
    return orchestrator_of(environment).notes(deployment, {})


def orchestrator_of(environment: Environment) -> Orchestrator:
    """Open the orchestrator that an environment names; ConfigurationError where it names none."""
    if not environment.orchestrator:
        raise ConfigurationError(
            f"environment {environment.name!r} names no orchestrator; add one: orchestrator: {{type: argo, image: …}}"
        )
    site = Site(folder=Path.cwd(), durability=environment.durability)
    opened: Orchestrator = open_plugin("orchestrators", environment.orchestrator, site)
    return opened


def refusals(run: Run, services: Services, orchestrator: Orchestrator, *, rehearsal: bool = False) -> list[str]:
    """List what the orchestrator cannot do for a workflow; `rehearsal`: its tasks run on this machine."""
    name = str(services.environment.orchestrator["type"])
    stores = {"the run store": services.store.reach, "the artifact store": services.artifacts.reach}
    offers = orchestrator.offers
    if rehearsal:
        offers = msgspec.structs.replace(offers, reach="host")
    rows = mismatches(run.workflow, offers, executor=name, stores=stores, role="orchestrator")
    rows += [
        Mismatch(task.name, f"needs the executor {task.executor!r}", f"{name} runs every task in a pod of its own")
        for task in run.workflow.tasks
        if task.executor
    ]
    outline = outline_of(run.workflow)
    if not run.workflow.dynamic and not outline.steps:
        rows.append(Mismatch("", "it has no task, and there is nothing to run"))
    rows += [Mismatch(path, what, f"is not done on {name} yet") for path, what in orchestrator.lacking(outline)]
    problems = table(rows)
    living = [one for one in services.environment.living if one.split(".")[0] in _TAKEN_ALONG]
    if living:
        problems.append(f"{', '.join(living)}: an object of this process, and no container can have it; name a plugin")
    if any(task.secrets for task in run.workflow.tasks):
        from fairlead.config.guarding import secret_problems

        problems += secret_problems(run, services.environment, services.secret_settings(), offers.reach)
    return problems


def _changeable(run: Run) -> dict[str, str]:
    """Give the parameters that can be given anew as text, each with its value as text."""
    found = {}
    for parameter in run.workflow.parameters:
        text = definitions.as_text(run.parameters.get(parameter.name), parameter.annotation)
        if text is None or parameter.static or not re.fullmatch(r"[-a-zA-Z0-9_]+", parameter.name):
            continue
        if "{{" not in text and "}}" not in text:  # templates fill in what stands between braces
            found[parameter.name] = text
    return found
