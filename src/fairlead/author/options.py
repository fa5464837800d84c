"""The options of a task: which there are, what they may be, and the definition they make.

Every option is checked here, all at once, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from fairlead.author.callables import Layout, clean_doc, layout_of, place_of_function
from fairlead.author.problems import Problem, complain, nearest
from fairlead.author.settings import max_parallel_problem, min_success_problem
from fairlead.errors import DefinitionError
from fairlead.model.globs import check_pattern
from fairlead.model.names import canonical_module
from fairlead.model.path import RESERVED
from fairlead.model.task import Catalog, Resources, TaskDefinition

__all__ = ["OF_CALLS", "OPTIONS", "Core", "check_name", "check_options", "target_of", "untracked"]

_MEMORY = r"\d+(\.\d+)?([KMGTP]i?)?"


class Core:
    """A function with its options: what all copies and calls of one task share."""

    __slots__ = ("_definition", "_key", "free", "function", "layout", "name", "options")

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], layout: Layout | None = None) -> None:
        self.function: Callable[..., Any] | None = function
        """None where the task is no function."""
        found = layout or layout_of(function)
        self.name: str = options.get("name") or _name_of(function)
        self.options = check_options(self.name, options)
        self.layout = Layout(function, found.arguments) if layout else found
        self.layout.returns = self.options.get("outputs")
        self.free: bool = self.options.get("order") == "free"
        self._definition: TaskDefinition | None = None
        self._key: tuple[Any, ...] | None = None

    @property
    def definition(self) -> TaskDefinition:
        """The task as data."""
        if self._definition is None:
            function, layout = self.function, self.layout
            assert function is not None
            if layout.returns is None:
                layout.returns = layout.named_outputs() or ("result",)
            given = {key: value for key, value in self.options.items() if key not in OF_CALLS}
            untracked(self.name, given.get("tracked", ()), layout.returns)
            self._definition = TaskDefinition(
                name=self.name,
                target=target_of(function),
                params=layout.params,
                outputs=layout.returns,
                place=place_of_function(function),
                doc=clean_doc(function),
                **given,
            )
        return self._definition

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal options of one function, so that copies made in a loop are one definition."""
        if self._key is None:
            self._key = (id(self.function), self.free, msgspec.json.encode(self.definition))
        return self._key

    def changed(self, options: dict[str, Any]) -> Core:
        """Give a copy with further options."""
        assert self.function is not None
        return Core(self.function, {**self.options, **options}, self.layout)


def check_name(name: object) -> str:
    """Say what is wrong with a name of a task, step or workflow; empty when nothing is."""
    if not isinstance(name, str) or not name:
        return f"must be text; got {name!r}"
    if name.startswith("-"):
        return f"may not begin with -, as options of commands do; got {name!r}"
    bad = sorted(set(name) & RESERVED) or [repr(letter) for letter in name if not letter.isprintable()]
    return f"may not hold {' '.join(bad)}; got {name!r}" if bad else ""


def untracked(name: str, tracked: Iterable[str], outputs: Sequence[str]) -> None:
    """Refuse metrics that are no outputs; DefinitionError."""
    unknown = [one for one in tracked if one not in outputs]
    if unknown:
        raise complain(name, [Problem("tracked", f"{one!r} is no output") for one in unknown])


def _name_of(function: Any) -> str:
    name: str = getattr(getattr(function, "func", function), "__name__", "")
    if name == "<lambda>":
        raise DefinitionError(f"a lambda ({place_of_function(function)}) has no name of its own; give name='…'")
    if not name:
        raise DefinitionError(f"{function!r} has no name of its own; give name='…'")
    return name


def target_of(function: Any) -> str:
    """Give `module:qualname` of a function, under its canonical module name."""
    module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    return f"{canonical_module(module)}:{qualname}" if module and qualname else ""


def _whole(value: object) -> str:
    fine = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if fine else f"must be a whole number, zero or more; got {value!r}"


def _count(value: object) -> str:
    return "" if not _whole(value) and value else f"must be a whole number, one or more; got {value!r}"


def _number(value: object) -> str:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")
    return "" if fine else f"must be a number of seconds, zero or more; got {value!r}"


def _limit(value: object) -> str:
    fine = value is None or (not _number(value) and value != 0)
    return "" if fine else f"must be a number of seconds above zero, or None; got {value!r}"


def _yes_or_no(value: object) -> str:
    return "" if isinstance(value, bool) else f"must be True or False; got {value!r}"


def _names(value: object) -> str:
    if isinstance(value, str):
        return f"must be a list of names: [{value!r}]"
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        return f"must be a list of names; got {value!r}"
    twice = sorted({name for name in value if value.count(name) > 1})
    return f"has {twice[0]!r} twice" if twice else ""


def _outputs(value: object) -> str:
    return _names(value) or ("" if value else "must name one output or more")


def _env_vars(value: object) -> str:
    fine = isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair)
    return "" if fine else f"must be a dict of text to text; got {value!r}"


def _image(value: object) -> str:
    return "" if value is None or (isinstance(value, str) and value) else f"must be the name of an image; got {value!r}"


def _order(value: object) -> str:
    return "" if value in ("source", "free") else f"must be 'source' or 'free'; got {value!r}"


def _workdir(value: object) -> str:
    return "" if value in ("shared", "private") else f"must be 'shared' or 'private'; got {value!r}"


def _catalog(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, Catalog):
        return f"must be Catalog(get=[…], put=[…]); got {value!r}"
    for name, patterns in (("get", value.get), ("put", value.put)):
        if not isinstance(patterns, tuple):
            return f"must have a list of patterns as {name}; got {patterns!r}"
        wrong = next(filter(None, map(check_pattern, patterns)), "")
        if wrong:
            return f"has a pattern in {name} that {wrong}"
    return "" if value.get or value.put else "must get or put something"


def _resources(value: object) -> str:
    if not isinstance(value, Resources):
        return f"must be Resources(cpu=…, memory=…, gpu=…); got {value!r}"
    for name, number in (("cpu", value.cpu), ("gpu", value.gpu)):
        if not isinstance(number, (int, float)) or isinstance(number, bool) or number < 0:
            return f"must have a number as {name}; got {number!r}"
    if value.memory is not None and not (isinstance(value.memory, str) and re.fullmatch(_MEMORY, value.memory)):
        return f"must have memory such as '4Gi' or '500M'; got {value.memory!r}"
    return ""


OPTIONS: dict[str, Callable[[object], str]] = {
    "name": check_name,
    "outputs": _outputs,
    "retries": _whole,
    "retry_delay": _number,
    "timeout": _limit,
    "cache": _yes_or_no,
    "resources": _resources,
    "env_vars": _env_vars,
    "secrets": _names,
    "image": _image,
    "chunk": _count,
    "workdir": _workdir,
    "catalog": _catalog,
    "tracked": _names,
    "order": _order,
    "min_success": min_success_problem,
    "max_parallel": max_parallel_problem,
}
"""Every option, with what says whether a value is fine (empty) or why not."""

OF_CALLS = ("name", "outputs", "order", "min_success", "max_parallel")
"""Options that are about calls and maps of a task, or stand elsewhere in its definition."""

_TUPLES = ("outputs", "secrets", "tracked")


def check_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Give the options as they are kept; DefinitionError with all that is wrong."""
    problems = []
    for key, value in options.items():
        check = OPTIONS.get(key)
        wrong = f"is no option of a task{nearest(key, OPTIONS)}" if check is None else check(value)
        if wrong:
            problems.append(Problem(key, wrong))
    if "name" not in options and check_name(name):
        problems.append(Problem("name", check_name(name)))
    if problems:
        raise complain(name, problems)
    return {key: tuple(value) if key in _TUPLES else value for key, value in options.items()}
