"""What a process of tasks works with, from what its driver has told it: artifacts, values, code, secrets.

For workers and for `exec-node`; imports what all of these need and no more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairlead.config.coding import codecs_from
from fairlead.config.kinds import kinds
from fairlead.errors import ConfigurationError
from fairlead.node.code import function_of, install
from fairlead.node.execute import Bench, Log
from fairlead.ports import ArtifactStore, Brief, Values
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.values import StoredValues

__all__ = ["open_artifacts", "open_bench"]


def open_artifacts(settings: dict[str, Any]) -> ArtifactStore:
    """Open the artifact store of a run, in a process of its tasks."""
    if "section" in settings:
        from fairlead.config.registry import open_written
        from fairlead.ports import Site

        opened: ArtifactStore = open_written("artifacts", settings["section"], Site(folder=Path(settings["folder"])))
        return opened
    url = str(settings.get("url", ""))
    if not url or ("://" in url and not url.startswith("file://")):
        raise ConfigurationError(f"artifacts.url: {url!r} is not a folder, and worker processes need one")
    return FolderArtifacts(Path(url.removeprefix("file://")), fsync=bool(settings.get("fsync")))


def open_bench(
    brief: Brief, log: Log | None = None, *, sets_env: bool = False, artifacts: ArtifactStore | None = None
) -> Bench:
    """Put together what a process needs to run jobs of a run; `artifacts`: they are open already."""
    artifacts = artifacts or open_artifacts(brief.artifacts)
    install(brief.code, artifacts)
    files = Path(brief.scratch, "files")
    codecs = codecs_from(brief.codecs)
    guard = None
    values: Values | None = None
    if any(task.secrets for task in brief.tasks):
        from fairlead.config.guarding import GuardedValues, guard_of

        guard = guard_of(brief)
        assert guard is not None
        values = GuardedValues(artifacts, guard, files_dir=files, codecs=codecs)
        if guard.knows_any and log is not None:
            log.keep_from(guard)
    values = values or StoredValues(artifacts, files_dir=files, codecs=codecs)
    return Bench(brief, values=values, kinds=kinds(), function_of=function_of, guard=guard, log=log, sets_env=sets_env)
