"""From a built workflow to the record of a run: values encoded, code digested, sources kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead import __version__
from fairlead.api.artifacts import RunOutput
from fairlead.api.ids import new_id
from fairlead.author.built import Built
from fairlead.config.kinds import kind_packages
from fairlead.config.services import Services
from fairlead.engine.lineage import with_packages
from fairlead.engine.snapshot import code_of
from fairlead.errors import DefinitionError, UnstorableValue
from fairlead.model.files import FolderFiles
from fairlead.model.run import Code, Run
from fairlead.model.task import TaskDefinition
from fairlead.model.values import NONE, Value
from fairlead.model.workflow import Const, MapNode, ParamRef, Workflow, bodies_of
from fairlead.node.payload import canonical_target, needs_payload, payload
from fairlead.stores.values import StoredValues

_LONGEST = 200

__all__ = ["check_id", "make_run"]


def make_run(
    services: Services,
    built: Built,
    *,
    run_id: str | None = None,
    tags: Sequence[str] = (),
    target: str = "",
    elsewhere: bool = False,
) -> Run:
    """Write down a run of a workflow; nothing is in the run store yet, and nothing has started.

    Raises DefinitionError with every parameter or constant that cannot be kept, and for functions
    that no other process could find. `elsewhere`: another process will carry the run.
    """
    if run_id is not None:
        check_id(run_id)
    slots, names = _mapped_over(built.workflow)
    values, problems = _values(services, built)
    constants = [
        _encode(values, value, f"constant {value!r:.40}", slot in slots, problems)
        for slot, value in enumerate(built.constants)
    ]
    if built.constants and isinstance(built.constants[-1], FolderFiles):
        problems += _lacking(services, built.workflow, constants[-1])
    parameters = {
        name: _encode(values, value, f"parameter {name!r}", name in names, problems)
        for name, value in built.parameters.items()
    }
    if problems:
        raise DefinitionError(f"{built.workflow.name}: cannot keep what it is given", problems)
    return Run(
        id=run_id or new_id(),
        workflow=built.workflow,
        created=time.time(),
        constants=constants,
        parameters=parameters,
        code=_code(services, values, built, elsewhere),
        target=target,
        cwd=str(Path.cwd()),
        environment=services.environment.record(),
        components=built.components,
        tags=tuple(tags),
        host=os.uname().nodename,
        user=_user(),
        fairlead=__version__,
    )


def _values(services: Services, built: Built) -> tuple[StoredValues, list[str]]:
    """Give what keeps the run's values, and what stands in its files that may not be kept.

    In a run whose tasks declare secrets nothing is kept that holds one which can be had here.
    """
    if not any(task.secrets for task in built.workflow.tasks):
        return services.values(), []
    from fairlead.config.guarding import GuardedArtifacts, guard_here, source_problems
    from fairlead.engine.snapshot import snapshot

    guard = guard_here(services, built.workflow.tasks)
    assert guard is not None
    # What is small enough to be in the record is looked at when that is whole.
    artifacts = GuardedArtifacts(services.artifacts, guard)
    values = StoredValues(artifacts, files_dir=services.folder.tmp, codecs=services.codecs())
    files = dict.fromkeys(source.path for source in snapshot(built.functions, None).values())
    return values, source_problems(files, guard)


def check_id(run_id: str) -> None:
    """Refuse ids that no command could name: `show RUN/TASK` splits at the slash."""
    if not run_id or len(run_id) > _LONGEST or "/" in run_id or run_id.startswith("-") or not run_id.isprintable():
        raise DefinitionError(
            f"{run_id!r:.80} cannot be the id of a run; take up to {_LONGEST} letters, without '/', "
            "and not beginning with '-'"
        )


def _lacking(services: Services, workflow: Workflow, folder: Value) -> list[str]:
    from fairlead.api.catalogs import without_source

    return [] if services.environment.executor.get("type") == "mock" else without_source(workflow, folder)


def _encode(values: StoredValues, value: Any, what: str, rows: bool, problems: list[str]) -> Value:
    if isinstance(value, RunOutput):
        return value.value
    try:
        if isinstance(value, FolderFiles):
            from fairlead.api.catalogs import folder_catalog

            return folder_catalog(value, values)
        return values.encode(value, rows=rows, hint="values", files=False)
    except UnstorableValue as error:
        problems.append(f"{what}: {error}")
        return NONE


def _code(services: Services, values: StoredValues, built: Built, elsewhere: bool) -> Code:
    keep = services.artifacts if services.environment.code == "bundle" else None
    code = code_of(built.functions, definitions=built.workflow.tasks, artifacts=keep)
    here = services.environment.executor["type"] == "in_process" and not elsewhere
    tasks = [
        with_packages(known, kind_packages(task.kind))
        for known, task in zip(code.tasks, built.workflow.tasks, strict=True)
    ]
    for position, (function, task) in enumerate(zip(built.functions, built.workflow.tasks, strict=True)):
        if function is None or not needs_payload(function):
            continue
        importable = canonical_target(function) is not None
        if here and importable:
            continue  # it runs in this process, and a later one can import the script
        try:
            pickled = payload(function, task=task.name)
        except DefinitionError:
            # The body of a dynamic workflow runs in this process; only a later one cannot go on with it.
            its_own = built.workflow.dynamic and not position and not elsewhere
            if not (importable or here or its_own):
                raise
            continue
        tasks[position] = msgspec.structs.replace(tasks[position], payload=_payload(values, task, pickled))
    return msgspec.structs.replace(code, tasks=tuple(tasks))


def _payload(values: StoredValues, task: TaskDefinition, pickled: bytes) -> Value:
    try:
        return values.encode(pickled)
    except UnstorableValue as error:
        raise DefinitionError(f"{task.name}: its function cannot be kept: {error}") from error


def _mapped_over(workflow: Workflow) -> tuple[set[int], set[str]]:
    """Find the constants and parameters that are lists to be mapped over."""
    bindings = [binding for node in workflow.nodes if isinstance(node, MapNode) for binding in node.over.values()]
    names = {binding.name for binding in bindings if isinstance(binding, ParamRef) and not binding.select}
    return set(_mapped_slots(workflow)), names


def _mapped_slots(workflow: Workflow) -> Iterator[int]:
    for node in workflow.nodes:
        if isinstance(node, MapNode):
            yield from (binding.slot for binding in node.over.values() if isinstance(binding, Const))
        for _, body in bodies_of(node):
            yield from _mapped_slots(body)


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
