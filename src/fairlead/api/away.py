"""Starting the driver of a run somewhere else than on this machine, as its executor says.

Knows no executor: what starts drivers is a `ports.Launcher`. What a driver does is in `launch.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from fairlead.config.environment import Environment
from fairlead.config.registry import launcher_of
from fairlead.config.services import Services
from fairlead.errors import DefinitionError, StoreError
from fairlead.leftovers import make_private
from fairlead.model.run import Run
from fairlead.ports import Launch, Launcher, Reach, Site
from fairlead.stores.lease import file_name

__all__ = ["check_launch", "folder_of", "launcher_for", "own_folder", "refuse_living", "start_away"]

_WIDTH: dict[Reach, int] = {"process": 0, "host": 1, "network": 2}

_PAUSE = 0.1
"""Seconds between two looks at whether the driver has taken the run up."""

_LOOK = 1.0
"""Seconds between two questions to where the driver was started."""


def launcher_for(services: Services) -> Launcher | None:
    """Give what starts the drivers of this environment's detached runs; None: a process of this machine."""
    return launcher_of(services.environment.executor, Site(folder=services.folder.path.parent))


def refuse_living(environment: Environment) -> None:
    """Raise DefinitionError where another process cannot have what an environment names."""
    living = environment.living
    if living:
        raise DefinitionError(
            f"{', '.join(living)} of the environment {'is an object' if len(living) == 1 else 'are objects'} of this"
            " process, and another process is to carry the run; use .run(), or name plugins"
        )


def check_launch(services: Services, run: Run) -> None:
    """Raise DefinitionError where a driver elsewhere could not carry a run, before that is recorded."""
    launcher = launcher_for(services)
    if launcher is None:
        return
    refuse_living(services.environment)
    stores = {"the run store": services.store.reach, "the artifact store": services.artifacts.reach}
    problems = [
        f"{what} can be seen from this {reach} only, and {launcher.place} is to carry the run; {launcher.remedy}"
        for what, reach in stores.items()
        if _WIDTH[reach] < _WIDTH[launcher.reach]
    ]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise DefinitionError(f"{run.workflow.name} on {services.environment.name}: {count}", problems)


def start_away(services: Services, run_id: str, launcher: Launcher, words: Sequence[str]) -> None:
    """Have a driver started, and come back when it has taken the run up.

    Raises StoreError with its last words when it could not.
    """
    run, before = services.store.get(run_id), services.store.summary(run_id)
    check_launch(services, run)
    epoch = before.epoch + 1
    cwd = str(folder_of(services, run_id))
    try:
        launcher.start(Launch(run=run_id, made=run.created, epoch=epoch, words=words, cwd=cwd))
        asked = time.monotonic()
        while services.store.summary(run_id).epoch < epoch:
            time.sleep(_PAUSE)
            if time.monotonic() - asked < _LOOK:
                continue
            said = launcher.ended()
            asked = time.monotonic()
            if said is not None and services.store.summary(run_id).epoch < epoch:
                raise StoreError(
                    f"{launcher.place} that was to carry run {run_id!r} ended before it took the run up: "
                    f"{said or 'no word'}"
                )
    finally:
        launcher.close()


def folder_of(services: Services, run_id: str) -> Path:
    """The working directory of a run's tasks: that in which the run was made, while it is there."""
    cwd = Path(services.store.get(run_id).cwd)
    return cwd if cwd.is_dir() else services.folder.path.parent


def own_folder(run_id: str) -> Path:
    """Make the folder that a driver works in where there is no project."""
    import tempfile

    # Whoever knows the names of runs could have made it before: what is in there is loaded, and run.
    parent = f"{tempfile.gettempdir()}/fairlead-away-{os.getuid()}"
    make_private(parent)
    folder = Path(parent, file_name(run_id))
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / ".fairlead").mkdir(exist_ok=True)
    return folder
