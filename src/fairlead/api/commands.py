"""`shell`, `notebook` and `custom`: tasks that are no functions, and that also run when they are called plainly.

What they are is the author's business; here a plain call meets the kind of task that runs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairlead.author.commands import CommandTask, NotebookCore, ShellCore
from fairlead.author.custom import CustomCore
from fairlead.author.problems import place_of
from fairlead.errors import NotFound
from fairlead.model.task import Place, TaskDefinition
from fairlead.node.loading import is_loading

__all__ = ["custom", "notebook", "notebook_at", "shell"]


def shell(
    command: str,
    *,
    name: str | None = None,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] | None = None,
    **options: Any,
) -> CommandTask:
    """Make a task of a shell command.

        count = shell("n=$(wc -l < $path); export n", outputs=["n"])

    It takes the variables that the command uses and does not set, in their order or by name, and any
    other variable by name; `inputs` says which they are instead. What it gives are the variables in
    `outputs` that it exports, or a JSON object in its last line. `options` are those of `task`.
    Called outside of a workflow it runs there and then. Raises DefinitionError, all that is wrong at once.
    """
    core = ShellCore(command, inputs, _options(name, outputs, options), place_of(sys._getframe(1)))
    return CommandTask(core, _run_plainly)


def notebook(
    path: str | Path,
    *,
    name: str | None = None,
    outputs: Sequence[str] = (),
    kernel: str | None = None,
    **options: Any,
) -> CommandTask:
    """Make a task of a notebook.

        clean = notebook("clean.ipynb", outputs=["table"])

    The path goes from the file that says it. The task takes what the notebook's cell with the tag
    `parameters` sets, in that order or by name, and any other variable by name; it gives the variables
    in `outputs`. `kernel` names one in place of the notebook's own. `options` are those of `task`.
    Called outside of a workflow it runs there and then. Raises DefinitionError, also for a file that is
    not there or is no notebook.
    """
    place = place_of(sys._getframe(1))
    # A worker imports the project's modules for their functions, and need not have their notebooks.
    core = NotebookCore(path, kernel, _options(name, outputs, options), place, later=is_loading())
    return CommandTask(core, _run_plainly)


def custom(
    kind: str,
    text: str = "",
    *,
    name: str | None = None,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> CommandTask:
    """Make a task of a kind that another package brings.

        top = custom("sql", "select * from sales limit :n", inputs=["n"], settings={"database": "sales.db"})

    What `text` and `settings` mean, and what the task gives, says its kind: `fairlead plugins KIND`. It
    takes the names in `inputs`, in that order or by name, and anything else by name; `outputs` names
    several results. `options` are those of `task`. Called outside of a workflow it runs there and then.
    Raises DefinitionError; whether there is such a kind is found out when something is to run.
    """
    place = place_of(sys._getframe(1))
    core = CustomCore(kind, text, settings, inputs, _options(name, outputs, options), place)
    return CommandTask(core, _run_plainly)


def notebook_at(file: Path) -> CommandTask:
    """Make a task of a notebook by itself; what it gives is the executed notebook."""
    return CommandTask(NotebookCore(file, None, {}, Place(str(file), 1)), _run_plainly)


def _options(name: str | None, outputs: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    return {**options, **({"name": name} if name is not None else {}), "outputs": outputs}


def _run_plainly(task: TaskDefinition, inputs: dict[str, Any]) -> Any:
    """Run it here and now, as a worker would, and record nothing."""
    from fairlead.config.kinds import kinds

    return kinds()[task.kind].run(task, None, inputs, _Unrecorded(task.name))


class _Unrecorded:
    """What a task may ask and say where nothing is recorded."""

    run_id = ""
    attempt = 1

    def __init__(self, path: str) -> None:
        self.path = path

    def secret(self, name: str) -> str:
        """Give a secret from the process environment."""
        try:
            return os.environ[name]
        except KeyError:
            raise NotFound(f"no secret {name!r}: outside of a run it is looked for in the environment") from None

    def log_metric(self, name: str, value: float) -> None:
        """Record nothing."""

    def log_artifact(self, name: str, value: Any) -> None:
        """Keep nothing."""
