"""Tasks that are no functions: shell commands and notebooks, called like any other task.

Reads commands and notebook files, and checks all that can be known before anything runs. How one is
run when it is called outside of a workflow is handed in; nothing here starts a process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from fairlead.author.callables import MISSING, Argument, Layout
from fairlead.author.functions import Task
from fairlead.author.handles import Handle
from fairlead.author.notebook_file import Notebook, read_notebook
from fairlead.author.options import OF_CALLS, Core, check_options, untracked
from fairlead.author.problems import Problem, complain
from fairlead.author.shell_names import IDENTIFIER, names_taken
from fairlead.errors import DefinitionError
from fairlead.model.path import RESERVED
from fairlead.model.task import LEFT_OUT, Place, Source, TaskDefinition

__all__ = ["CommandCore", "CommandLayout", "CommandTask", "NotebookCore", "RunPlainly", "ShellCore", "wrong_inputs"]

RunPlainly: TypeAlias = Callable[[TaskDefinition, dict[str, Any]], Any]
"""Runs a task here and now with these inputs, and gives what it returns."""

_LONGEST = 100_000
"""Bytes of a command; the system takes no argument of more than 128 KiB."""
_KEYWORDS = frozenset("if for while until case select function time set export source eval exec cd".split())


class CommandLayout(Layout):
    """How a command is called: its own names in their order, and further variables by keyword."""

    __slots__ = ()

    def __init__(self, arguments: Sequence[Argument], hints: dict[str, Any] | None = None) -> None:
        more, taken = "variables", {one.name for one in arguments}
        while more in taken:
            more += "_"
        super().__init__(_no_function, [*arguments, Argument(more, "varkw", MISSING, "")])
        # A name with a default may stand before one without.
        required = [place for place, one in enumerate(arguments) if one.default is MISSING]
        self.minimum = required[-1] + 1 if required else 0
        self._hints = dict(hints or {})

    def bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], *, partial: bool = False
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Pair values with names; a keyword must be what a variable can be called."""
        bound, problems = super().bind(args, kwargs, partial=partial)
        bad = [name for name in kwargs if not IDENTIFIER.fullmatch(name)]
        return bound, [*problems, *(Problem("", f"is given {name!r}, which is no name of a variable") for name in bad)]


class CommandCore(Core):
    """What all copies and calls of one command share."""

    __slots__ = ("place",)

    kind = ""

    def __init__(self, name: str, options: dict[str, Any], layout: CommandLayout, place: Place) -> None:
        self.function = None
        self.name = options.get("name") or name
        given = {key: value for key, value in options.items() if not (key == "outputs" and value in ([], ()))}
        self.options = check_options(self.name, given)
        _check_outputs(self.name, self.options.get("outputs", ()))
        self.layout = layout
        self.layout.returns = self.options.get("outputs") or ("result",)
        self.free = self.options.get("order") == "free"
        self.place = place
        self._definition = None
        self._key = None

    @property
    def definition(self) -> TaskDefinition:
        """The task as data."""
        if self._definition is None:
            outputs = self.options.get("outputs", ())
            given = {key: value for key, value in self.options.items() if key not in OF_CALLS}
            untracked(self.name, given.get("tracked", ()), outputs)
            self._definition = TaskDefinition(
                name=self.name,
                kind=self.kind,
                params=self.layout.params,
                outputs=outputs or ("result",),
                settings=self.settings(),
                sources=self.sources(),
                place=self.place,
                **given,
            )
        return self._definition

    def settings(self) -> dict[str, Any]:
        """What the kind of task must know beside the texts."""
        return {"outputs": list(self.options.get("outputs", ()))}

    def parts(self) -> tuple[Any, ...]:
        """What it is made of, to be made again by `again`."""
        raise NotImplementedError

    @classmethod
    def again(cls, *parts: Any) -> Self:
        """Make one of the same parts, in another process."""
        return cls(*parts)

    def sources(self) -> tuple[Source, ...]:
        """The texts that the task consists of."""
        raise NotImplementedError

    def fresh(self) -> Self:
        """Give the core as its files are now."""
        return self


class ShellCore(CommandCore):
    """A shell command with its options."""

    __slots__ = ("command", "inputs")

    kind = "shell"

    def __init__(self, command: str, inputs: Sequence[str] | None, options: dict[str, Any], place: Place) -> None:
        """`inputs`: the names that it takes; None: those that it uses and does not give a value itself."""
        self.command, self.inputs = command, inputs
        problems = _wrong_command(command) + wrong_inputs(inputs)
        if problems:
            raise complain(f"shell ({place})", problems)
        if inputs is None:
            taken = names_taken(command)
            arguments = [Argument(one.name, "normal", MISSING if one.required else LEFT_OUT, "") for one in taken]
        else:
            arguments = [Argument(name, "normal", MISSING, "") for name in inputs]
        super().__init__(_name_of_command(command), options, CommandLayout(arguments), place)

    def parts(self) -> tuple[Any, ...]:
        """The command, its inputs, options and place."""
        return self.command, self.inputs, self.options, self.place

    def sources(self) -> tuple[Source, ...]:
        """The command."""
        return (Source("command", self.command, "bash"),)

    def changed(self, options: dict[str, Any]) -> ShellCore:
        """Give a copy with further options."""
        return ShellCore(self.command, self.inputs, {**self.options, **options}, self.place)


class NotebookCore(CommandCore):
    """A notebook with its options; what it consists of is read when it is made, and again when the file changed."""

    __slots__ = ("_missing", "_notebook", "_stamp", "file", "kernel", "path")

    kind = "notebook"

    def __init__(
        self, path: str | Path, kernel: str | None, options: dict[str, Any], place: Place, *, later: bool = False
    ) -> None:
        """`later`: a file that is not there is told when the task is used, not now."""
        if not isinstance(path, (str, Path)) or not str(path):
            raise complain(f"notebook ({place})", [Problem("", f"takes the path of a notebook; got {path!r}")])
        self.path, self.kernel = path, kernel
        self.file = _beside(place, path)
        self._missing: DefinitionError | None = None
        self._stamp = _stamp(self.file)
        try:
            self._notebook = read_notebook(self.file)
        except DefinitionError as error:
            if not later:
                raise DefinitionError(f"{error} ({place})") from error.__cause__
            self._missing = error
            self._notebook = Notebook("", "", (), {}, [], {})
        name = "".join("_" if letter in RESERVED else letter for letter in self.file.stem)
        layout = CommandLayout(self._notebook.arguments, self._notebook.hints)
        super().__init__(name or "notebook", options, layout, place)

    def settings(self) -> dict[str, Any]:
        """The file's name and all of the notebook but its code."""
        return {"path": str(self.path), "notebook": self._notebook.rest, **super().settings()}

    def parts(self) -> tuple[Any, ...]:
        """Its path, kernel, options and place."""
        return self.path, self.kernel, self.options, self.place

    @classmethod
    def again(cls, *parts: Any) -> Self:
        """Make one of the same file, which need not be there until the task is used."""
        return cls(*parts, later=True)

    def sources(self) -> tuple[Source, ...]:
        """The kernel, and the code cells."""
        if self._missing is not None:
            raise DefinitionError(f"{self.name}: {self._missing} ({self.place})")
        known = self._notebook
        kernel = Source(f"{self.file.name}: kernel", self.kernel or known.kernel or known.language)
        return (kernel, *known.sources)

    def fresh(self) -> NotebookCore:
        """Read the file again if it has changed: a session lives longer than a version of a notebook."""
        if self._missing is None and _stamp(self.file) == self._stamp:
            return self
        return self.changed({})

    def changed(self, options: dict[str, Any]) -> NotebookCore:
        """Give a copy with further options."""
        return NotebookCore(self.path, self.kernel, {**self.options, **options}, self.place)


class _Plain:
    """A command as a plain function: what a call outside of a workflow does."""

    def __init__(self, core: CommandCore, run: RunPlainly | None) -> None:
        self.core = core
        self.run = run
        self.__name__ = self.__qualname__ = core.name
        self.__doc__ = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        core = self.core = self.core.fresh()
        bound, problems = core.layout.bind(args, kwargs)
        if problems:
            raise complain(core.name, problems)
        if self.run is None:
            raise DefinitionError(f"{core.name!r} can be called in a workflow only")
        return self.run(core.definition, bound)


class CommandTask(Task[..., Any]):
    """A shell command or a notebook that can be called like a task, with its options."""

    _core: CommandCore

    def __init__(self, core: CommandCore, run: RunPlainly | None = None) -> None:
        self._run = run
        self._take(_Plain(core, run), core, ())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, and give its outputs; inside a workflow, place the call and give a handle for its result."""
        self._core = self._core.fresh()
        return super().__call__(*args, **kwargs)

    def map(self, *lists: Any, **values: Any) -> Any:
        """Call once for every item: positional arguments are lists, keywords are passed whole."""
        self._core = self._core.fresh()
        return super().map(*lists, **values)

    def _copy(self, core: Core, after: tuple[Handle, ...]) -> CommandTask:
        assert isinstance(core, CommandCore)
        copy = object.__new__(type(self))
        copy._run = self._run
        copy._take(_Plain(core, self._run), core, after)
        copy.handler = self.handler
        return copy

    def __reduce__(self) -> Any:
        return _again, (type(self._core), self._core.parts(), self._run)


def _again(core: type[CommandCore], parts: tuple[Any, ...], run: RunPlainly | None) -> CommandTask:
    return CommandTask(core.again(*parts), run)


def _no_function() -> None:
    """Stand where a layout names the function whose annotations it reads."""


def _name_of_command(command: str) -> str:
    """Name a command by the program that it begins with; a script that begins in another way is `shell`."""
    first = re.match(r"\s*([\w./-]+)(?=\s|$)", command)
    word = first[1].rsplit("/", 1)[-1].partition(".")[0] if first else ""
    return word if re.fullmatch(r"[A-Za-z][\w-]*", word) and word not in _KEYWORDS else "shell"


def _wrong_command(command: object) -> list[Problem]:
    if not isinstance(command, str) or not command.strip():
        return [Problem("", f"takes a command as text; got {command!r}")]
    if "\0" in command:
        return [Problem("", "has a NUL character in its command")]
    if len(command.encode("utf-8", "surrogatepass")) > _LONGEST:
        return [Problem("", f"has a command of more than {_LONGEST:,} bytes; put it into a file, and run that")]
    return []


def wrong_inputs(inputs: object) -> list[Problem]:
    """Say what is wrong with a list of the names that a command takes."""
    if inputs is None:
        return []
    if isinstance(inputs, str) or not isinstance(inputs, (list, tuple)):
        return [Problem("inputs", f"must be a list of names; got {inputs!r}")]
    problems = [Problem("inputs", f"{one!r} is no name of a variable") for one in inputs if not _is_name(one)]
    twice = dict.fromkeys(one for one in inputs if inputs.count(one) > 1)
    return problems + [Problem("inputs", f"has {one!r} twice") for one in twice]


def _is_name(name: object) -> bool:
    return isinstance(name, str) and IDENTIFIER.fullmatch(name) is not None


def _check_outputs(name: str, outputs: Sequence[str]) -> None:
    bad = [Problem("outputs", f"{one!r} is no name of a variable") for one in outputs if not _is_name(one)]
    if bad:
        raise complain(name, bad)


def _beside(place: Place, path: str | Path) -> Path:
    """Give the file that a path means: it goes from the file that says it, or from the working directory."""
    written = Path(place.file)
    folder = written.parent if written.is_file() else Path.cwd()
    return folder / Path(path).expanduser()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
