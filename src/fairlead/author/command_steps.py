"""Steps that are shell commands and notebooks: their names flow as those of functions do.

A step checks nothing; the pipeline does when it is built, and tells what is wrong with all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.author.assembled import Block
from fairlead.author.assembly import Assembly, Return
from fairlead.author.commands import CommandCore, CommandTask, NotebookCore, ShellCore
from fairlead.author.problems import place_of
from fairlead.author.steps import PythonTask
from fairlead.errors import DefinitionError

__all__ = ["CommandStep", "NotebookTask", "ShellTask"]


class CommandStep(PythonTask):
    """What steps that are no functions have in common."""

    function: Any

    def __init__(self, name: str | None, returns: Sequence[str | Return] | None, options: dict[str, Any]) -> None:
        # What it gives has names or is nothing: there is no value to be passed on without one.
        options = {"place": place_of(sys._getframe(2)), **options}
        super().__init__(None, name, () if returns is None else returns, **options)  # type: ignore[arg-type]

    def _core(self) -> CommandCore:
        """Read what the step is; raises DefinitionError."""
        raise NotImplementedError

    def _place(self, assembly: Assembly, block: Block) -> None:
        try:
            self.function = CommandTask(self._core())
        except DefinitionError as error:
            assembly.complain(self.label(), *error.problems)
            return
        super()._place(assembly, block)


class ShellTask(CommandStep):
    """A step that runs a shell command.

    Its variables are filled by name; `returns` are the variables that it exports, or names in a JSON
    object in its last line.
    """

    def __init__(
        self, command: str, name: str | None = None, returns: Sequence[str | Return] | None = None, **options: Any
    ) -> None:
        """`inputs=[…]` names the variables that it takes; other options are those of a step and of `task`."""
        self.command = command
        self.inputs: Sequence[str] | None = options.pop("inputs", None)
        super().__init__(name, returns, options)

    def label(self) -> str:
        """Give its name in the graph: that of its program, where it has none."""
        return str(self.name or (self.function.name if self.function is not None else "shell"))

    def _core(self) -> CommandCore:
        return ShellCore(self.command, self.inputs, {}, self.place)


class NotebookTask(CommandStep):
    """A step that runs a notebook.

    What its cell with the tag `parameters` sets is filled by name; `returns` are names of variables.
    """

    def __init__(
        self,
        notebook: str | Path,
        name: str | None = None,
        returns: Sequence[str | Return] | None = None,
        **options: Any,
    ) -> None:
        """`kernel=` names one in place of the notebook's own; other options are those of a step and of `task`."""
        self.notebook = notebook
        self.kernel: str | None = options.pop("kernel", None)
        super().__init__(name, returns, options)

    def label(self) -> str:
        """Give its name in the graph: that of its file, where it has none."""
        return str(self.name or (self.function.name if self.function is not None else Path(str(self.notebook)).stem))

    def _core(self) -> CommandCore:
        return NotebookCore(self.notebook, self.kernel, {}, self.place)
