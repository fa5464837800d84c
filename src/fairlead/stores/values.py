"""Whole values, encoded and decoded: which form a value takes, and where its bytes go.

How one value becomes bytes is in `codecs`, `pickled` and `paths`, what it is in `digest`; this file chooses.
What is imported in functions is not needed by runs whose values are all JSON, and takes 3 ms.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fairlead.errors import ArtifactMissing, StoreError, UnstorableValue
from fairlead.model.files import File
from fairlead.model.hashing import sha256
from fairlead.model.values import ABSENT, NONE, Inline, Key, Pick, Rows, Stored, Tree, Value
from fairlead.ports import ArtifactStore
from fairlead.stores.codecs import json_bytes, json_value
from fairlead.stores.coded import Codecs, digest_of_bytes, length
from fairlead.stores.digest import Digester, json_pieces, of_json, of_list, of_parts
from fairlead.stores.paths import (
    FILES,
    digest_of_file,
    fetch_file,
    keep_by_content,
    keep_file,
    name_of,
    pack_folder,
    unpack_folder,
)

if TYPE_CHECKING:
    from fairlead.stores.pickled import Pickled

__all__ = ["StoredValues"]

_HASHED = 8 * 1024 * 1024
"""Larger objects get a name of their own: hashing them would take longer than writing them."""
_DIGESTED_STREAM = 64 * 1024
_DIGESTED = 1024 * 1024
"""Larger values are digested when somebody asks; in a stream, up to 64 KiB is digested in about 5 ms."""
_REMEMBERED = 10_000
"""Digests of stored values that are kept at hand."""

_TRUE, _FALSE = Inline("json", b"true"), Inline("json", b"false")
_PATH = type(Path())
_JSON_KINDS = frozenset({list, dict, str, int, float})
_NUMBERS = frozenset({int, float, bool, type(None)})
_OWN = frozenset({"pickle", "buffers"})
"""Codecs whose bytes differ for equal values, so that these have to be looked at."""
_encode = msgspec.json.Encoder().encode


class StoredValues:
    """Codecs over an artifact store; the one class for values in drivers, workers and readers."""

    def __init__(
        self,
        artifacts: ArtifactStore,
        *,
        inline_limit: int = 4096,
        files_dir: Path | None = None,
        codecs: Codecs | None = None,
    ) -> None:
        """`files_dir`: where decoded files and folders go, each in a folder of its own.

        Without it they go to a new temporary folder, and stay. `codecs` are asked before pickle.
        """
        self.artifacts = artifacts
        self._limit = inline_limit
        self._files_dir = files_dir
        self._codecs = codecs or Codecs()
        self._digests: dict[str, str] = {}
        self.loans: list[Path] = []
        """Folders with copies of files that `decode` has made and `release` removes; not temporary ones."""

    def __repr__(self) -> str:
        return f"<StoredValues in {self.artifacts!r}>"

    # --- encoding --------------------------------------------------------------------------------

    def encode(self, value: Any, *, rows: bool = False, hint: str = "", files: bool = True) -> Value:
        """Encode a value; UnstorableValue names the part of it that cannot be kept.

        `rows`: keep an exact list item by item. `hint`: key prefix for what is too large to be
        named by its digest. `files=False`: paths travel as paths, not as the files they name.
        """
        kind = type(value)
        if kind is int and -(1 << 63) <= value < 1 << 63:
            return Inline("json", b"%d" % value)
        if kind is float and isfinite(value):
            return Inline("json", _encode(value))
        if value is None:
            return NONE
        if kind is bool:
            return _TRUE if value else _FALSE
        if rows and kind is list:
            return self._rows(value, hint, files)
        if kind in _JSON_KINDS:
            data = json_bytes(value)
            if data is not None:
                return Inline("json", data) if len(data) <= self._limit else self._json(data, hint)
        return self._other(value, hint, files)

    def _rows(self, value: list[Any], hint: str, files: bool) -> Value:
        data = json_bytes(value)
        if data is not None:
            if len(data) <= self._limit:
                return Inline("json", data)
            if set(map(type, value)) <= _NUMBERS:
                return Rows([Inline("json", _encode(item)) for item in value])
        encode = self.encode
        return Rows([encode(item, hint=hint, files=files) for item in value])

    def _json(self, data: bytes, hint: str) -> Stored:
        digest = of_json(data) if len(data) <= _DIGESTED else ""
        return self._keep([data], len(data), "json", hint=hint, digest=digest)

    def _other(self, value: Any, hint: str, files: bool) -> Value:
        kind = type(value)
        if kind is File or (files and kind is _PATH):
            stored = self._path(value, hint)
            if stored is not None:
                return stored
        if self._codecs.asked:
            coded = self._codecs.keep(value, partial(self._keep, hint=hint))
            if coded is not None:
                return coded
        from fairlead.stores.pickled import dump

        pickled = dump(value)
        if pickled.files or (files and pickled.paths and kind is not _PATH):
            try:
                if _holds_file(value, files):
                    return self._tree(value, hint, files)
            except RecursionError:
                pass  # a container that holds itself: its paths stay paths
        if pickled.files:
            raise UnstorableValue("a File inside of another object; a File stands alone, or in lists, tuples and dicts")
        return self._pickled(value, pickled, hint)

    def _pickled(self, value: Any, pickled: Pickled, hint: str) -> Value:
        total = pickled.size + length(pickled.buffers)
        small = pickled.size <= _DIGESTED_STREAM and total <= _DIGESTED
        digest = _digest_of(value) if small else ""
        if not pickled.buffers and pickled.size <= self._limit:
            return Inline("pickle", b"".join(pickled.chunks), digest, pickled.classes)
        chunks: Sequence[bytes | memoryview] = pickled.packed() if pickled.buffers else pickled.chunks
        codec = "buffers" if pickled.buffers else "pickle"
        return self._keep(chunks, length(chunks), codec, hint=hint, digest=digest, classes=pickled.classes)

    def _tree(self, value: Any, hint: str, files: bool) -> Tree:
        """Keep a container of files part by part."""
        kind: Literal["list", "tuple", "dict"] = (
            "list" if type(value) is list else "tuple" if type(value) is tuple else "dict"
        )
        items = value.values() if kind == "dict" else value
        keys = value if kind == "dict" else ()
        return Tree(
            kind,
            tuple(self.encode(item, hint=hint, files=files) for item in items),
            tuple(self.encode(key, hint=hint, files=False) for key in keys),
        )

    def _path(self, path: Path, hint: str) -> Stored | None:
        """Keep what a path names; None for nothing, where the path itself will do."""
        if path.is_file():
            if type(path) is File:
                return keep_by_content(self.artifacts, path)
            return keep_file(self.artifacts, path, lambda: _unique(hint))
        if path.is_dir():
            packed = pack_folder(path)
            return self._keep(packed.chunks, packed.size, "folder", hint=hint)
        if type(path) is File:
            raise UnstorableValue(f"there is no file or folder {str(path)!r} in {Path.cwd()}; name one that is there")
        return None

    def keep(self, path: Path) -> Stored:
        """Keep a file under the digest of its bytes, so that the same bytes are kept once."""
        return keep_by_content(self.artifacts, path)

    def _keep(
        self,
        chunks: Sequence[bytes | memoryview],
        size: int,
        codec: str,
        *,
        hint: str,
        digest: str = "",
        classes: tuple[str, ...] = (),
    ) -> Stored:
        key = _content_key(sha256(*chunks).hexdigest()) if size <= _HASHED else _unique(hint)
        self.artifacts.put(key, chunks)
        return Stored(key, codec, size, digest, classes)

    # --- decoding --------------------------------------------------------------------------------

    def decode(self, value: Value) -> Any:
        """Give a copy of the value that is the caller's own; ArtifactMissing."""
        if isinstance(value, Inline):
            if value.codec == ABSENT.codec:
                raise ArtifactMissing("nothing gave this value: the branch that gives it was not taken")
            if value.codec == "json":
                return json_value(value.data)
            from fairlead.stores.pickled import load_pickle

            return load_pickle(value.data)
        if isinstance(value, Stored):
            return self._load(value)
        if isinstance(value, Rows):
            return self._list(value.items)
        if isinstance(value, Pick):
            return self._select(value.of, value.select)
        items = [self._member(item) for item in value.items]
        if value.kind == "dict":
            return dict(zip(map(self.decode, value.keys), items, strict=True))
        return items if value.kind == "list" else tuple(items)

    def _list(self, items: Sequence[Value]) -> list[Any]:
        if all(type(item) is Inline and item.codec == "json" for item in items):
            joined = b",".join([item.data for item in items])  # type: ignore[union-attr]
            whole: list[Any] = json_value(b"[%b]" % joined)
            return whole
        return [self._member(item) for item in items]

    def _member(self, value: Value) -> Any:
        """Decode a part of a container; where nothing gave a value stands None."""
        return None if isinstance(value, Inline) and value.codec == ABSENT.codec else self.decode(value)

    def _load(self, value: Stored) -> Any:
        codec = value.codec
        if codec in FILES:
            path = self._new_folder() / name_of(value.key)
            fetch_file(self.artifacts, value, path)
            return path
        data = self._bytes(value)
        if codec == "json":
            return json_value(data)
        if codec in _OWN:
            from fairlead.stores.pickled import load_buffers, load_pickle

            return load_pickle(data) if codec == "pickle" else load_buffers(data)
        if codec == "folder":
            return unpack_folder(data, self._new_folder())
        return self._codecs.load(value, data)

    def _bytes(self, value: Stored) -> memoryview:
        data = self.artifacts.get(value.key)
        if len(data) != value.size:
            raise ArtifactMissing(
                f"artifact {value.key!r} has {len(data)} bytes where {value.size} were recorded; "
                "run the task that made it again"
            )
        return data

    def fetch(self, value: Stored, path: Path) -> None:
        """Write a kept file anew at `path`; ArtifactMissing."""
        fetch_file(self.artifacts, value, path)

    def release(self) -> None:
        """Remove the copies of files and folders that `decode` has made so far."""
        import shutil

        while self.loans:
            shutil.rmtree(self.loans.pop(), ignore_errors=True)

    def _new_folder(self) -> Path:
        if self._files_dir is None:
            from fairlead.leftovers import OwnFolder  # most processes never come by here

            return OwnFolder("files").path
        folder = self._files_dir / os.urandom(8).hex()
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot make folder {folder} for a file: {error.strerror}") from error
        self.loans.append(folder)
        return folder

    def _select(self, value: Value, select: tuple[Key, ...]) -> Any:
        """Decode no more than is asked for, where the value's own structure tells what that is."""
        if isinstance(value, Pick):
            return self._select(value.of, (*value.select, *select))
        for done, key in enumerate(select):
            part = self._part(value, key)
            if part is None:
                whole = self.decode(value)
                for rest in select[done:]:
                    whole = whole[slice(*rest) if isinstance(rest, tuple) else rest]
                return whole
            value = part
        return self.decode(value)

    def _part(self, value: Value, key: Key) -> Value | None:
        if isinstance(value, Tree) and value.kind == "dict":
            # The last of equal keys is the one that the dict will hold.
            pairs = zip(reversed(value.keys), reversed(value.items), strict=True)
            return next((item for name, item in pairs if self.decode(name) == key), None)
        if isinstance(value, (Rows, Tree)):
            if isinstance(key, int) and -len(value.items) <= key < len(value.items):
                return value.items[key]
            if isinstance(key, tuple):
                part = value.items[slice(*key)]
                return Rows(part) if isinstance(part, list) else Tree(value.kind, part)  # type: ignore[union-attr]
        return None

    # --- asking ----------------------------------------------------------------------------------

    def digest(self, value: Value) -> str:
        """Give the canonical digest, worked out from the bytes when the value does not carry it.

        Of a file: of its name and bytes. Equal digests mean equal values.
        """
        if isinstance(value, (Inline, Stored)):
            if value.digest:
                return value.digest
            return self._digest_bytes(value) if isinstance(value, Inline) else self._digest_stored(value)
        if isinstance(value, Pick):
            whole = self.decode(value)
            return _digest_of(whole) or self.digest(self.encode(whole))
        pieces: list[bytes | memoryview] = []
        if json_pieces(value, pieces, self._bytes):
            return of_json(*pieces)
        if isinstance(value, Rows) or value.kind == "list":
            return of_list(map(self.digest, value.items))
        parts = value.items
        if value.kind == "dict":
            parts = tuple(part for pair in zip(value.keys, value.items, strict=True) for part in pair)
        return of_parts(value.kind, map(self.digest, parts))

    def _digest_stored(self, value: Stored) -> str:
        digest = self._digests.get(value.key)
        if digest is None:
            if len(self._digests) >= _REMEMBERED:
                self._digests.clear()
            # Keys are written once, so that what was worked out stays right.
            digest = self._digests[value.key] = self._digest_bytes(value)
        return digest

    def _digest_bytes(self, value: Inline | Stored) -> str:
        if isinstance(value, Stored) and value.codec in FILES:
            return digest_of_file(value, self._bytes)
        data = value.data if isinstance(value, Inline) else self._bytes(value)
        if value.codec == "json":
            return of_json(data)
        if value.codec in _OWN:
            digest = _digest_of(self.decode(value))
            if digest:
                return digest
        return digest_of_bytes(value.codec, sha256(data).hexdigest())

    def paths(self, value: Value) -> list[Path]:
        """Paths that travel as paths, not as the files that they name."""
        from fairlead.stores.held import paths_in

        return paths_in(value, self._bytes)

    def missing(self, value: Value) -> list[str]:
        """Keys of stored parts whose bytes are not there, whole."""
        from fairlead.stores.held import missing_in

        return missing_in(value, self.artifacts.exists)


def _digest_of(value: Any) -> str:
    """Give the canonical digest, or "" for what can be pickled but has none: its bytes must do then."""
    try:
        return Digester().of(value).hex()
    except Exception:  # noqa: BLE001 - the user's own __reduce__ may raise anything; the value is storable all the same
        return ""


def _content_key(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def _unique(hint: str) -> str:
    return f"{hint or 'values/large'}.{os.urandom(8).hex()}"


def _holds_file(value: Any, files: bool) -> bool:
    """Whether plain containers, and nothing else, lead to a File, or to a path where something is."""
    kind = type(value)
    if kind is File:
        return True
    if kind is _PATH:
        return files and bool(value.exists())
    parts = value.values() if kind is dict else value if kind in {list, tuple} else ()
    return any(_holds_file(part, files) for part in parts)
