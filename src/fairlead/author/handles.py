"""What stands for a value while a workflow is built, and the refusal of all that it cannot mean.

A handle knows where its value will come from. It can be passed on, selected from and, where the
number of its parts is declared, unpacked; everything else is an error that says what to write.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol, cast

from fairlead.author.problems import place_of
from fairlead.errors import DefinitionError
from fairlead.model.types import item_of, length_of, select_from
from fairlead.model.values import Key
from fairlead.model.workflow import Binding, ParamRef, Ref

__all__ = [
    "OUTER",
    "Each",
    "Given",
    "Handle",
    "ItemOf",
    "ListOf",
    "Origin",
    "Owner",
    "What",
    "Whole",
    "each",
    "is_outer",
    "new_handle",
    "whole",
]

What = tuple[int, tuple[Key, ...]]
"""Which output, and what is selected from it."""


class Origin(Protocol):
    """Knows the types of what a handle stands for."""

    def produced(self, output: int, select: tuple[Key, ...], /) -> Any: ...


class Owner(Protocol):
    """The scope that a handle belongs to."""

    def describe(self, handle: Handle) -> str: ...
    def part(self, handle: Handle, key: Key) -> Handle: ...


class Given:
    """The type of a value that is known from its annotation alone."""

    __slots__ = ("annotation",)

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def produced(self, output: int, select: tuple[Key, ...]) -> Any:  # noqa: ARG002 - one value, one output
        """Give the type of the value, or of a part of it."""
        found = self.annotation
        for key in select:
            found = select_from(found, key)
        return found


class ListOf:
    """The type of a map's result: a list of what each copy gives."""

    __slots__ = ("origin", "what")

    def __init__(self, origin: Origin, what: What) -> None:
        self.origin = origin
        self.what = what

    def produced(self, output: int, select: tuple[Key, ...]) -> Any:
        """Give `list[T]`, or a part of it."""
        return Given(list[self.origin.produced(*self.what)]).produced(output, select)  # type: ignore[misc]


class ItemOf:
    """The type of one item of a list that is mapped over."""

    __slots__ = ("origin", "what")

    def __init__(self, origin: Origin, what: What) -> None:
        self.origin = origin
        self.what = what

    def produced(self, output: int, select: tuple[Key, ...]) -> Any:
        """Give the item's type, or that of a part of it."""
        return Given(item_of(self.origin.produced(*self.what))).produced(output, select)


class _Fields:
    """What a handle holds.

    Made as this class and turned into a Handle, because Handle refuses `h.x = 1`, and going round
    that in Python for every field would cost more than all the rest of a call.
    """

    __slots__ = ("_binding", "_name", "_nodes", "_origin", "_parts", "_scope", "_what")

    def __init__(
        self,
        scope: Owner,
        binding: Binding,
        name: str,
        nodes: tuple[int, ...] = (),
        origin: Origin | None = None,
        what: What = (0, ()),
        parts: Any = None,
    ) -> None:
        self._scope = scope
        self._binding = binding
        self._name = name
        """Of the node or parameter, for messages."""
        self._nodes = nodes
        """All nodes that it takes its value from."""
        self._origin = origin
        self._what = what
        self._parts = parts
        """What it was put together from: the outputs of one call, or a container that holds handles."""
        self.__class__ = Handle  # noqa: PLE0237 - every object has a class


class Handle(_Fields):
    """A value that will be there when the workflow runs."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Handle:
        return self._scope.part(self, _key(self, key))

    def __iter__(self) -> Iterator[Handle]:
        count = None
        if isinstance(self._parts, tuple):
            count = len(self._parts)
        elif self._origin is not None:
            count = length_of(self._origin.produced(*self._what))
        if count is None:
            _refuse(
                self,
                "iterated",
                "call another task's .map(…) on it, or declare how many parts it has with outputs=(…) to unpack it",
            )
        return iter([self[index] for index in range(count)])

    def __getattr__(self, name: str) -> NoReturn:
        # Names with underscores are how Python, debuggers and notebooks ask what an object can do.
        if name.startswith("_"):
            raise AttributeError(name)
        _refuse(self, f"asked for .{name}", f"write a task that takes it and returns .{name}, or use […] for its items")

    def __setattr__(self, name: str, value: Any) -> None:
        _refuse(self, f"given .{name}", _CHANGE)

    def __repr__(self) -> str:
        select = "".join(f"[{_shown(key)}]" for key in self._what[1])
        if isinstance(self._binding, Ref) and self._what[0] > 0:
            select = f"[{self._what[0]}]{select}"
        return f"<Handle {self._name}{select}>"


OUTER = "outer:"
"""Begins the names of body parameters that stand for values from around the map."""


def is_outer(binding: Binding) -> bool:
    """Whether a binding stands for a value from around the map."""
    return isinstance(binding, ParamRef) and binding.name.startswith(OUTER)


class Each:
    """Marks an argument of `map` that is taken item by item."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Whole:
    """Marks an argument of `map` that every call gets as it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


new_handle: Callable[..., Handle] = cast("Callable[..., Handle]", _Fields)
"""Make a handle; the arguments are those of `_Fields`."""


def each(value: Any) -> Any:
    """Mark a keyword argument of `map` to be mapped over, item by item."""
    return Each(value)


def whole(value: Any) -> Any:
    """Mark a positional argument of `map` to be passed whole to every call."""
    return Whole(value)


def _key(handle: Handle, key: Any) -> Key:
    if isinstance(key, (Handle, slice)) and _holds_handle(key):
        _refuse(handle, "indexed with a result", "write a task that takes both and selects")
    if isinstance(key, str):
        return str(key)
    try:
        if isinstance(key, slice):
            start, stop, step = (None if part is None else operator.index(part) for part in _slice(key))
            return (start, stop, step)
        return operator.index(key)
    except TypeError:
        _refuse(handle, f"indexed with {key!r}", "use text, a whole number or a slice, or select inside a task")


def _slice(key: slice) -> tuple[Any, Any, Any]:
    return key.start, key.stop, key.step


def _holds_handle(key: Any) -> bool:
    return type(key) is Handle or any(type(part) is Handle for part in _slice(key))


def _shown(key: Key) -> str:
    if isinstance(key, tuple):
        start, stop, step = ("" if part is None else str(part) for part in key)
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return repr(key)


def _refuse(handle: Handle, what: str, instead: str) -> NoReturn:
    if not isinstance(handle._binding, Ref) and not handle._nodes and not is_outer(handle._binding):
        instead += "; or annotate the parameter as Static[…] to have its real value here"
    raise DefinitionError(
        f"{handle._scope.describe(handle)} cannot be {what} while the workflow is built"
        f" ({place_of(sys._getframe(1))}), because its value is there only when it runs; {instead}"
    )


_COMPUTE = "write a task that takes it and computes this"
_DECIDE = "decide inside a task that takes it"
_CHANGE = "write a task that takes it and returns a changed copy"

_MEANINGLESS: dict[str, tuple[str, str]] = {
    "__bool__": ("used as a condition", _DECIDE),
    "__len__": ("asked for its length", "take the length inside a task"),
    "__contains__": ("searched", "search inside a task that takes it"),
    "__str__": ("written as text", "put the text together inside a task that takes it"),
    "__format__": ("written as text", "put the text together inside a task that takes it"),
    "__bytes__": ("turned into bytes", _COMPUTE),
    "__hash__": ("a member of a set or a key of a dict", "use a list, or a dict with it as a value"),
    "__call__": ("called", "it is a result and no task; call it inside a task that takes it"),
    "__await__": ("awaited", "leave the await out: async tasks are awaited when the workflow runs"),
    "__aiter__": ("iterated", "iterate inside a task that takes it"),
    "__enter__": ("used in a 'with' statement", "open it inside the task that uses it"),
    "__aenter__": ("used in a 'with' statement", "open it inside the task that uses it"),
    "__setitem__": ("changed", _CHANGE),
    "__delitem__": ("changed", _CHANGE),
    "__delattr__": ("changed", _CHANGE),
    "__reversed__": ("reversed", "reverse it inside a task, or with [::-1]"),
    "__array__": ("put into an array", "make the array inside a task that takes it"),
    "__reduce_ex__": ("pickled or copied", "pass it to a task as an argument, or inside a list, tuple or dict"),
}

_MEANINGLESS["__exit__"] = _MEANINGLESS["__aexit__"] = _MEANINGLESS["__enter__"]
_MEANINGLESS["__copy__"] = _MEANINGLESS["__deepcopy__"] = _MEANINGLESS["__reduce_ex__"]
_MEANINGLESS |= {f"__{name}__": ("compared", _DECIDE) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_MEANINGLESS |= {
    f"__{name}__": ("computed with", _COMPUTE)
    for plain in (
        *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
        *("lshift", "rshift", "and", "or", "xor"),
    )
    for name in (plain, f"r{plain}", f"i{plain}")
}
_MEANINGLESS |= {
    f"__{name}__": ("computed with", _COMPUTE)
    for name in ("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil")
}
_MEANINGLESS |= {
    f"__{name}__": ("used as a number", "do this inside a task that takes it")
    for name in ("int", "float", "complex", "index")
}


def _refusal(what: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: Handle, *_: object, **__: object) -> NoReturn:
        _refuse(self, what, instead)

    return refuse


for _name, (_what, _instead) in _MEANINGLESS.items():
    setattr(Handle, _name, _refusal(_what, _instead))
# NumPy leaves arithmetic to us, so that `array + handle` is refused as `handle + array` is.
Handle.__array_ufunc__ = None  # type: ignore[attr-defined]
del _name, _what, _instead
