"""What a Python callable takes and gives back, worked out once per callable.

Reads code objects itself, because importing `inspect` takes longer than a small run. Decides what
can be a task at all. Nothing here knows graphs.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from fairlead.author.problems import Problem, absolute, nearest
from fairlead.errors import DefinitionError
from fairlead.model.task import Param, ParamKind, Place
from fairlead.model.types import describe, length_of, select_from
from fairlead.model.values import Key

__all__ = ["LOOSE", "MISSING", "Argument", "Layout", "clean_doc", "layout_of", "place_of_function"]

_VARARGS, _VARKW, _GENERATOR, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x200

_INSPECT_KINDS: tuple[ParamKind, ...] = ("positional_only", "normal", "varargs", "keyword_only", "varkw")
"""In the order of `inspect`'s own numbers."""


LOOSE = ("varargs", "varkw", "namespace")
"""Kinds of arguments that take as much as there is, and nothing too."""


class _Missing:
    """Stands where there is no default."""

    def __repr__(self) -> str:
        return "<no default>"


MISSING: Any = _Missing()


class Argument(msgspec.Struct, frozen=True):
    """One argument of a callable."""

    name: str
    kind: ParamKind
    default: Any
    """MISSING when it must be given."""
    annotation: str
    """As written."""


class Layout:
    """How a callable is called, and what it gives back."""

    __slots__ = (
        "_hints",
        "annotated",
        "arguments",
        "by_name",
        "by_namespace",
        "function",
        "maximum",
        "minimum",
        "positional",
        "returns",
        "varargs",
        "varkw",
    )

    def __init__(self, function: Callable[..., Any], arguments: list[Argument]) -> None:
        self.function = function
        self.arguments = arguments
        self.positional = tuple(one.name for one in arguments if one.kind in ("positional_only", "normal"))
        self.by_name = {one.name: one for one in arguments if one.kind in ("normal", "keyword_only")}
        required = [one for one in arguments if one.default is MISSING and one.kind not in LOOSE]
        self.minimum = (
            sys.maxsize
            if any(one.kind == "keyword_only" for one in required)
            else sum(one.name in self.positional for one in required)
        )
        """With at least so many positional arguments and no others a call is complete."""
        self.maximum = len(self.positional)
        self.varargs = next((one.name for one in arguments if one.kind == "varargs"), None)
        self.varkw = next((one.name for one in arguments if one.kind in ("varkw", "namespace")), None)
        self.by_namespace = any(one.kind == "namespace" for one in arguments)
        self.annotated = any(one.annotation for one in arguments)
        self.returns: tuple[str, ...] | None = None
        """Names of the outputs where `outputs=` gives several or one."""
        self._hints: dict[str, Any] | None = None

    @property
    def hints(self) -> dict[str, Any]:
        """Annotations as types, by name; what cannot be resolved is not among them."""
        if self._hints is None:
            self._hints = _resolve(self.function)
            for one in self.arguments:
                if one.default is None and one.name in self._hints:  # `x: int = None` means that None is welcome
                    self._hints[one.name] = typing.Union[self._hints[one.name], None]  # noqa: UP007 - of a value
        return self._hints

    @property
    def params(self) -> tuple[Param, ...]:
        """The arguments as a task definition holds them."""
        return tuple(
            Param(one.name, one.kind, one.default is MISSING and one.kind not in LOOSE, one.annotation)
            for one in self.arguments
        )

    def wanted(self, name: str) -> Any:
        """Give the type of an argument; Any where nobody says."""
        if name in self.by_name or name in self.positional or name == self.varargs:
            return self.hints.get(name, Any)
        return self.hints.get(self.varkw, Any) if self.varkw and not self.by_namespace else Any

    def produced(self, output: int, select: tuple[Key, ...]) -> Any:
        """Give the type of an output (-1: of all at once), or of a part of it; Any where nobody says."""
        found = self.hints.get("return", Any)
        if output >= 0 and self.returns is not None and len(self.returns) > 1:
            found = select_from(found, output)
        for key in select:
            found = select_from(found, key)
        return found

    def named_outputs(self) -> tuple[str, ...] | None:
        """Give the names that the return annotation declares as `Annotated[T, "name"]`."""
        found = self.hints.get("return")
        one = _output_name(found)
        if one is not None:
            return (one,)
        if not length_of(found) or typing.get_origin(found) is not tuple:
            return None
        names = [_output_name(part) for part in typing.get_args(found)]
        return tuple(name for name in names if name) if all(names) else None

    def bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], *, partial: bool = False
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Pair values with names as a call would; says all that is wrong instead of raising.

        Surplus positional arguments stand under the name of `*args` as a tuple. With `partial`,
        missing arguments are all right.
        """
        problems: list[Problem] = []
        bound = dict(zip(self.positional, args, strict=False))
        rest = args[len(self.positional) :]
        if rest and self.varargs is not None:
            bound[self.varargs] = rest
        elif rest:
            problems.append(Problem("", f"takes {_count(len(self.positional))}, {len(args)} were given"))
        for name, value in kwargs.items():
            if name in bound and name in self.by_name:
                problems.append(Problem("", f"is given {name!r} twice"))
            elif name in self.positional and name not in self.by_name:
                problems.append(Problem("", f"takes {name!r} by position only"))
            elif name in self.by_name or self.varkw is not None:
                bound[name] = value
            else:
                problems.append(Problem("", f"takes no {name!r}{nearest(name, self.by_name)}"))
        if not partial:
            problems += [Problem("", f"is not given {name!r}") for name in self.required() if name not in bound]
        return bound, problems

    def required(self) -> list[str]:
        """Names that a call must give."""
        return [one.name for one in self.arguments if one.default is MISSING and one.kind not in LOOSE]


def layout_of(function: Callable[..., Any], *, what: str = "task") -> Layout:
    """Work out a callable's layout; DefinitionError for what cannot be a task or a workflow."""
    code = getattr(function, "__code__", None)
    if not callable(function):
        raise DefinitionError(f"{function!r} cannot be a {what}: it is not callable; give a function")
    if isinstance(getattr(function, "layout", None), Layout):
        raise DefinitionError(f"{function!r} is a workflow; call it in a workflow function")
    if isinstance(function, type):
        raise DefinitionError(
            f"class {function.__name__!r} cannot be a {what}; write a function that makes one, and decorate that"
        )
    name = getattr(function, "__name__", repr(function))
    if code is not None and code.co_flags & (_GENERATOR | _ASYNC_GENERATOR):
        raise DefinitionError(
            f"{name!r} ({place_of_function(function)}) is a generator, whose values cannot be kept; return a list"
        )
    if code is None or hasattr(function, "__wrapped__") or hasattr(function, "__signature__"):
        return Layout(function, _inspected(function))
    if hasattr(function, "__self__"):  # a bound method: its code counts `self`
        return Layout(function, _from_code(function, code)[1:])
    return Layout(function, _from_code(function, code))


def place_of_function(function: Callable[..., Any]) -> Place | None:
    """Where a function was written; None for builtins."""
    function = getattr(function, "func", function)  # functools.partial
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    return None if code is None else Place(absolute(code.co_filename), code.co_firstlineno)


def clean_doc(function: Callable[..., Any]) -> str:
    """Give a docstring without its indentation."""
    lines = (getattr(function, "__doc__", None) or "").strip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([*lines[:1], *(line[margin:].rstrip() for line in lines[1:])])


def _count(number: int) -> str:
    return f"{number} positional argument" + ("" if number == 1 else "s")


def _from_code(function: Any, code: Any) -> list[Argument]:
    names, flags = code.co_varnames, code.co_flags
    first, last = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    notes = _annotations(function)
    defaults = function.__defaults__ or ()
    values = (MISSING,) * (first - len(defaults)) + defaults
    found = [
        Argument(name, "positional_only" if place < code.co_posonlyargcount else "normal", value, _text(notes, name))
        for place, (name, value) in enumerate(zip(names[:first], values, strict=True))
    ]
    if flags & _VARARGS:
        found.append(Argument(names[last], "varargs", MISSING, _text(notes, names[last])))
    only = function.__kwdefaults__ or {}
    found += [Argument(name, "keyword_only", only.get(name, MISSING), _text(notes, name)) for name in names[first:last]]
    if flags & _VARKW:
        name = names[last + bool(flags & _VARARGS)]
        found.append(Argument(name, "varkw", MISSING, _text(notes, name)))
    return found


def _inspected(function: Any) -> list[Argument]:
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins do not say what they take
        return [Argument("args", "varargs", MISSING, ""), Argument("kwargs", "varkw", MISSING, "")]
    return [
        Argument(
            one.name,
            _INSPECT_KINDS[one.kind],
            MISSING if one.default is one.empty else one.default,
            "" if one.annotation is one.empty else describe(one.annotation),
        )
        for one in signature.parameters.values()
    ]


def _annotations(function: Any) -> dict[str, Any]:
    try:
        return getattr(function, "__annotations__", None) or {}
    except Exception:  # noqa: BLE001 - Python 3.14 evaluates here, and an annotation may raise anything
        from annotationlib import Format, get_annotations  # type: ignore[import-not-found,unused-ignore]

        return dict(get_annotations(function, format=Format.STRING))


def _text(notes: dict[str, Any], name: str) -> str:
    return describe(notes[name]) if name in notes else ""


def _resolve(function: Any) -> dict[str, Any]:
    function = getattr(function, "func", function)  # functools.partial
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    notes = _annotations(function)
    if not any(isinstance(note, str) for note in notes.values()):
        return dict(notes)
    found = {}
    for name, note in notes.items():
        resolved = _evaluate(function, name, note) if isinstance(note, str) else note
        if resolved is not MISSING:
            found[name] = resolved
    return found


def _evaluate(function: Any, name: str, text: str) -> Any:
    def probe() -> None: ...

    probe.__annotations__ = {name: text}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    try:
        local = {free: cell.cell_contents for free, cell in cells}
        return typing.get_type_hints(probe, function.__globals__, local, include_extras=True)[name]
    except Exception:  # noqa: BLE001 - an annotation may be any code; what cannot be resolved is not known
        return MISSING


def _output_name(annotation: Any) -> str | None:
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    return next((mark for mark in typing.get_args(annotation)[1:] if isinstance(mark, str)), None)
