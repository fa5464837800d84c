"""The files of the folder where a run is made, as far as its tasks get them: kept when the run is made.

What the run's own tasks put away is the graph's business.
"""

from __future__ import annotations

from pathlib import Path

from fairlead.errors import UnstorableValue
from fairlead.model.files import FolderFiles, catalog_value, entries, unmatched
from fairlead.model.globs import may_meet
from fairlead.model.values import Tree, Value
from fairlead.model.workflow import Workflow
from fairlead.node.matching import matching_files
from fairlead.ports import Values

__all__ = ["folder_catalog", "without_source"]


def folder_catalog(wanted: FolderFiles, values: Values) -> Tree:
    """Keep the files of the working directory that match; UnstorableValue for links that lead outside."""
    folder = Path.cwd()
    found, refused = matching_files(folder, wanted.patterns)
    if refused:
        raise UnstorableValue("; ".join(refused))
    return catalog_value({path: values.keep(folder / path) for path in found})


def without_source(workflow: Workflow, folder: Value) -> list[str]:
    """Say which tasks get files that are neither in the folder nor put away by any task."""
    catalogs = {task.name: task.catalog for task in workflow.tasks if task.catalog is not None}
    puts = [pattern for catalog in catalogs.values() for pattern in catalog.put]
    there = [path for path, _ in entries(folder)]
    return [
        f"{name}: no file in {Path.cwd()} matches {pattern!r}, and no task puts one away"
        for name, catalog in catalogs.items()
        for pattern in unmatched(catalog.get, there)
        if not any(may_meet(pattern, put) for put in puts)
    ]
