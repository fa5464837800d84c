"""What a value is, as a digest: its type and content, and nothing of how it happens to be encoded.

Equal digests mean equal values. The same value has the same digest in every process, whatever the
hash seed, the order of a set, the strides of an array, or which of its parts are the same object.
Where that cannot be worked out, two equal values may have different digests, never the reverse.

What JSON keeps exactly has the digest of its JSON (`of_json`), so that the encoded form is enough.
Everything else is hashed as a tree: the digest of a part stands in that of the whole.
"""

from __future__ import annotations

import copyreg
import datetime as dt
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import chain
from math import isfinite
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from fairlead.errors import UnstorableValue
from fairlead.model.hashing import sha256
from fairlead.model.values import Inline, Pick, Stored, Tree, Value
from fairlead.stores.codecs import Exact, encoded

__all__ = ["canonical_digest", "json_pieces", "of_json", "of_list", "of_parts"]

_SIZE = 20
"""Bytes of a digest: 160 bits of sha256."""

Token = Callable[["Digester", Any], bytes]


def canonical_digest(value: Any) -> str:
    """Give 40 hexadecimal digits for what a value is; UnstorableValue names a part that has no digest."""
    try:
        return Digester().of(value).hex()
    except Exception as error:
        from fairlead.stores.blame import blame

        raise UnstorableValue(blame(value, lambda part: Digester().of(part))) from error


def of_json(*data: bytes | memoryview) -> str:
    """Give the digest of the value whose JSON this is, in pieces."""
    return sha256(b"json:", *data).hexdigest()[: 2 * _SIZE]


def of_list(digests: Iterable[str]) -> str:
    """Give the digest of a list, by those of its items, at least one of which JSON does not keep."""
    return _hash(b"list", [bytes.fromhex(digest) for digest in digests]).hex()


def of_parts(kind: str, digests: Iterable[str]) -> str:
    """Give the digest of a tuple (its items) or a dict (its keys and values in turn)."""
    return _hash(kind.encode(), [bytes.fromhex(digest) for digest in digests]).hex()


def json_pieces(
    value: Value, pieces: list[bytes | memoryview], bytes_of: Callable[[Stored], bytes | memoryview]
) -> bool:
    """Collect the JSON that an encoded value would have as a whole; False where JSON does not keep it."""
    if isinstance(value, (Inline, Stored)):
        if value.codec != "json":
            return False
        pieces.append(value.data if isinstance(value, Inline) else bytes_of(value))
        return True
    if isinstance(value, Pick) or (isinstance(value, Tree) and value.kind == "tuple"):
        return False
    keys = value.keys if isinstance(value, Tree) else ()
    opened, closed = (b"{", b"}") if isinstance(value, Tree) and value.kind == "dict" else (b"[", b"]")
    pieces.append(opened)
    for index, item in enumerate(value.items):
        if index:
            pieces.append(b",")
        if keys:
            name = keys[index]
            if not (isinstance(name, Inline) and name.codec == "json" and name.data[:1] == b'"'):
                return False
            pieces += (name.data, b":")
        if not json_pieces(item, pieces, bytes_of):
            return False
    pieces.append(closed)
    return True


def _hash(kind: bytes, parts: Sequence[bytes]) -> bytes:
    """Hash parts of equal length; the kind ends with the byte that no kind holds."""
    return sha256(b"%b\0%b" % (kind, b"".join(parts))).digest()[:_SIZE]


def _leaf(kind: str, *content: bytes | memoryview) -> bytes:
    return sha256(f"={kind}\0".encode(), *content).digest()[:_SIZE]


class Digester:
    """Digests one value; remembers the parts that it has seen."""

    __slots__ = ("_alive", "_done", "_exact", "_lowest", "_path")

    def __init__(self) -> None:
        self._exact = Exact()
        self._done: dict[int, bytes] = {}
        self._alive: list[Any] = []
        """Parts made on the way, whose ids must not be given to others meanwhile."""
        self._path: dict[int, int] = {}
        """Containers that are being digested, with their depth: meeting one again is a cycle."""
        self._lowest = sys.maxsize
        """The least depth that the part in hand refers back to."""

    def of(self, value: Any) -> bytes:
        """Give the digest of a value or part."""
        # Everything happens in this one frame, because Python's stack limits how deep a value may be.
        kind = type(value)
        leaf = LEAVES.get(kind)
        if leaf is not None:
            return leaf(self, value)
        key = id(value)
        digest = self._done.get(key) or self._seen(value, key)
        if digest is not None:
            return digest
        depth, outer = len(self._path), self._lowest
        self._path[key], self._lowest = depth, sys.maxsize
        self._alive.append(value)
        try:
            digest = (CONTAINERS.get(kind) or _rule(value))(self, value)
        finally:
            del self._path[key]
        # What refers back to something around it has another digest elsewhere: it is not remembered.
        if self._lowest >= depth:
            self._done[key] = digest
            self._lowest = outer
        else:
            self._lowest = min(self._lowest, outer)
        return digest

    def _seen(self, value: Any, key: int) -> bytes | None:
        """Give the digest of a reference back, or of what JSON keeps; None for anything else."""
        if key in self._path:
            depth = self._path[key]
            self._lowest = min(self._lowest, depth)
            return _leaf("cycle", str(len(self._path) - depth).encode())
        if type(value) in {list, dict} and key not in self._exact.failed:
            json = self._exact.bytes(value)
            return None if json is None else sha256(b"json:" + json).digest()[:_SIZE]
        return None

    def all(self, kind: str, values: Iterable[Any]) -> bytes:
        """Give the digest of parts in their order."""
        return _hash(kind.encode(), list(map(self.of, values)))

    def text(self, value: str) -> bytes:
        """Give the digest of a name, quicker than `of` its value and apart from it."""
        return _leaf("name", value.encode("utf-8", "surrogatepass"))

    def name(self, code: Any) -> bytes:
        """Give the digest of where a class or function is defined."""
        return self.text(f"{code.__module__}:{code.__qualname__}")


def _json_scalar(_: Digester, value: Any) -> bytes:
    json = None if type(value) is float and not isfinite(value) else encoded(value)
    if json is not None:
        return sha256(b"json:" + json).digest()[:_SIZE]
    if isinstance(value, str):
        return _leaf("str", value.encode("utf-8", "surrogatepass"))
    # Not finite, or an integer that is too long for decimal digits.
    return _leaf(type(value).__name__, (hex(value) if isinstance(value, int) else repr(value)).encode())


def _by_repr(_: Digester, value: Any) -> bytes:
    return _leaf(type(value).__name__, repr(value).encode())


def _complex(digester: Digester, value: complex) -> bytes:
    return digester.all("complex", (value.real, value.imag))


def _raw(_: Digester, value: bytes | bytearray) -> bytes:
    return _leaf(type(value).__name__, memoryview(value))


def _moment(digester: Digester, value: dt.datetime | dt.time) -> bytes:
    fold = "1" if value.fold else "0"
    naive = value.replace(tzinfo=None).isoformat()
    return _hash(type(value).__name__.encode(), [digester.text(naive + fold), digester.of(value.tzinfo)])


def _list(digester: Digester, value: Iterable[Any]) -> bytes:
    return _hash(b"list", list(map(digester.of, value)))


def _tuple(digester: Digester, value: Iterable[Any]) -> bytes:
    return _hash(b"tuple", list(map(digester.of, value)))


def _dict(digester: Digester, value: dict[Any, Any]) -> bytes:
    return _hash(b"dict", list(map(digester.of, chain.from_iterable(value.items()))))


def _set(digester: Digester, value: Iterable[Any]) -> bytes:
    return _hash(type(value).__name__.encode(), sorted(map(digester.of, value)))


def _range(digester: Digester, value: Any) -> bytes:
    return digester.all(type(value).__name__, (value.start, value.stop, value.step))


def _path(digester: Digester, value: PurePath) -> bytes:
    return _hash(b"path", [digester.name(type(value)), digester.of(str(value))])


def _enum(digester: Digester, value: Enum) -> bytes:
    return _hash(b"enum", [digester.of(type(value)), digester.of(value.name), digester.of(value.value)])


def _module(_: Digester, value: ModuleType) -> bytes:
    return _leaf("module", value.__name__.encode())


def _is_dynamic(code: Any) -> bool:
    return "<" in code.__qualname__ or code.__module__ in {None, "__main__", "__mp_main__"}


def _function(digester: Digester, value: FunctionType) -> bytes:
    """Digest by name, and by its code too where the name may stand for several functions."""
    parts = [digester.name(value)]
    if _is_dynamic(value):
        cells = [_cell(cell) for cell in value.__closure__ or ()]
        used = {name: value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__}
        parts += map(digester.of, (value.__code__, value.__defaults__, value.__kwdefaults__, cells))
        parts.append(_state(digester, used))
    return _hash(b"function", parts)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return ...  # not assigned yet


def _code(digester: Digester, value: CodeType) -> bytes:
    """Digest what code does, not where it stands."""
    parts = (value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_flags, value.co_consts)
    return digester.all("code", parts)


def _builtin(digester: Digester, value: BuiltinFunctionType) -> bytes:
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        return _hash(b"builtin", [digester.name(value)])
    return _hash(b"builtin", [digester.text(value.__name__), digester.of(owner)])


_ABOUT = frozenset({"__doc__", "__module__", "__qualname__", "__firstlineno__"})
"""What a class says of itself that does not change what it does."""


def _class(digester: Digester, value: type) -> bytes:
    parts = [digester.name(value)]
    if _is_dynamic(value):
        for name, item in sorted(vars(value).items()):
            plain = getattr(item, "__func__", getattr(item, "fget", item))
            if isinstance(plain, FunctionType) or (type(plain) in LEAVES and name not in _ABOUT):
                parts += (digester.text(name), digester.of(plain))
    return _hash(b"class", parts)


def _members(digester: Digester, value: Any) -> bytes:
    """Digest a set of the user's own class: what pickle sees of it has no order to rely on."""
    state = digester.of(getattr(value, "__dict__", None))
    return _hash(b"set", [digester.of(type(value)), state, *sorted(map(digester.of, value))])


def _object(digester: Digester, value: Any) -> bytes:
    """Digest by what pickle would write: how it is made anew, and its state."""
    kind = type(value)
    reduce = copyreg.dispatch_table.get(kind)
    reduced: Any = reduce(value) if reduce else value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return _hash(b"global", [digester.text(f"{getattr(value, '__module__', '')}:{reduced}")])
    digester._alive.append(reduced)
    call, args, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
    parts = [digester.of(part) for part in (kind, call, args)]
    parts.append(_state(digester, state))
    parts.append(digester.all("items", items or ()))
    parts.append(digester.all("pairs", (part for pair in pairs or () for part in pair)))
    parts.append(digester.of(setter))
    return _hash(b"object", parts)


def _state(digester: Digester, state: Any) -> bytes:
    """Digest attributes whatever order they were set in."""
    if type(state) is dict and set(map(type, state)) == {str}:
        return digester.all("state", (part for name in sorted(state) for part in (name, state[name])))
    if type(state) is tuple and len(state) == 2:
        return _hash(b"slots", [_state(digester, part) for part in state])
    return digester.of(state)


def _rule(value: Any) -> Token:
    """Choose the rule for a value of no exact type that is known."""
    if isinstance(value, Enum):
        return _enum
    if isinstance(value, type):
        return _class
    if isinstance(value, PurePath):
        return _path
    if isinstance(value, (set, frozenset)):
        return _members
    return _library_rule(value) or _object


def _library_rule(value: Any) -> Token | None:
    """Look for the class among the libraries that are loaded: what is not loaded made no value."""
    for name in ("numpy", "pandas", "pyarrow"):
        if name in sys.modules:
            # Loaded only for values of these libraries' users; the rules are beside, to keep this file short.
            from fairlead.stores.digest_frames import rule_for

            return rule_for(value)
    return None


LEAVES: dict[type, Token] = {
    **dict.fromkeys((type(None), bool, int, float, str), _json_scalar),
    **dict.fromkeys((bytes, bytearray), _raw),
    **dict.fromkeys((type(...), type(NotImplemented), dt.date, dt.timedelta), _by_repr),
    complex: _complex,
    ModuleType: _module,
}
"""Rules for exact types without parts that may refer back."""

CONTAINERS: dict[type, Token] = {
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _set,
    range: _range,
    slice: _range,
    FunctionType: _function,
    BuiltinFunctionType: _builtin,
    CodeType: _code,
    type: _class,
    dt.datetime: _moment,
    dt.time: _moment,
}
"""Rules for exact types with parts."""
