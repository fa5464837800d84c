"""Files and folders as values: their bytes, under the name that they had.

A file is one object whose key ends with the file's name, so that a person who looks into the
artifact folder can open it. A folder is one object as well: a list of what is in it, then the bytes.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from fairlead.errors import ArtifactMissing, UnstorableValue
from fairlead.model.hashing import sha256
from fairlead.model.values import Stored
from fairlead.ports import ArtifactStore
from fairlead.wire import json_decoder

__all__ = [
    "FILES",
    "Packed",
    "digest_of_file",
    "fetch_file",
    "keep_by_content",
    "keep_file",
    "name_of",
    "pack_folder",
    "unpack_folder",
]

FILES = frozenset({"file", "program"})
"""Codecs of single files; a program is one that may be executed."""

_LENGTH = struct.Struct("<Q")
_MAP_FROM = 128 * 1024
_HASHED = 8 * 1024 * 1024
"""A larger file that a task returned gets a key of its own: hashing it would take longer than copying it."""


class _Entry(msgspec.Struct, array_like=True):
    """What stands in a folder under a relative path: a file, a folder (size -1) or a link."""

    path: str
    mode: int
    size: int = -1
    link: str = ""


class _Manifest(msgspec.Struct, array_like=True):
    name: str
    entries: list[_Entry]


class Packed(msgspec.Struct, frozen=True):
    """A folder as one object."""

    chunks: list[bytes | memoryview]
    size: int


def storable_name(path: Path) -> str:
    """Give a file's name as the last part of a key."""
    name = path.name or path.resolve().name
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UnstorableValue(f"the name of file {os.fsencode(path)!r} is not UTF-8; rename it") from None
    name = name.replace("%", "%25")
    return f"%2E{name[1:]}" if name[:1] == "." else name


def name_of(key: str) -> str:
    """Give the name that a file had, by its key."""
    return key.rpartition("/")[2].replace("%2E", ".").replace("%25", "%")


def digest_of_file(stored: Stored, data: Callable[[Stored], memoryview]) -> str:
    """Give the digest of a file as a value: of its kind, its name and its bytes, which `data` reads if need be."""
    parts = stored.key.split("/")
    content = parts[2] if parts[0] == "sha256" else sha256(data(stored)).hexdigest()
    return sha256(f"{stored.codec}:{name_of(stored.key)}\0{content}".encode()).hexdigest()[:40]


def keep_file(artifacts: ArtifactStore, path: Path, key: Callable[[], str]) -> Stored:
    """Keep a file that a task returned; a large one under `key()` and its name."""
    try:
        if path.stat().st_size > _HASHED:
            place = f"{key()}/{storable_name(path)}"
            return Stored(place, _codec(path.stat().st_mode), artifacts.put_file(place, path))
    except OSError as error:
        raise _unreadable(path, error) from error
    return keep_by_content(artifacts, path)


def keep_by_content(artifacts: ArtifactStore, path: Path) -> Stored:
    """Keep a file under the digest of its bytes, so that the same bytes are kept once."""
    name = storable_name(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size <= _HASHED:
                content = file.read()
                key = _content_key(sha256(content).hexdigest(), name)
                size = artifacts.put(key, [content])
            else:
                from hashlib import file_digest

                key = _content_key(file_digest(file, "sha256").hexdigest(), name)
                size = _put_large(artifacts, key, path, before)
    except OSError as error:
        raise _unreadable(path, error) from error
    stored = Stored(key, _codec(before.st_mode), size)
    return Stored(key, stored.codec, size, digest_of_file(stored, lambda one: artifacts.get(one.key)))


def fetch_file(artifacts: ArtifactStore, stored: Stored, path: Path) -> None:
    """Write a kept file anew at `path`; ArtifactMissing."""
    artifacts.fetch(stored.key, path)
    size = path.stat().st_size
    if size != stored.size:
        path.unlink()
        raise ArtifactMissing(
            f"artifact {stored.key!r} has {size} bytes where {stored.size} were recorded; "
            "run the task that made it again"
        )
    if stored.codec == "program":
        path.chmod(path.stat().st_mode | 0o111)


def _put_large(artifacts: ArtifactStore, key: str, path: Path, before: os.stat_result) -> int:
    """Keep a file that was hashed and is read a second time: whoever wrote to it in between is noticed."""
    known = artifacts.exists(key, before.st_size)
    size = artifacts.put_file(key, path)
    after = path.stat()
    if known or (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    ):
        return size
    artifacts.remove(key)
    raise UnstorableValue(f"file {path} changed while it was being kept; let whoever writes it end first")


def _content_key(digest: str, name: str) -> str:
    return f"sha256/{digest[:2]}/{digest}/{name}"


def _codec(mode: int) -> str:
    return "program" if mode & 0o100 else "file"


def _unreadable(path: Path, error: OSError) -> UnstorableValue:
    return UnstorableValue(f"cannot read file {path}: {error.strerror}; make it readable")


def pack_folder(folder: Path) -> Packed:
    """Lay a folder out as one object; UnstorableValue names what is neither file, folder nor link."""
    entries: list[_Entry] = []
    chunks: list[bytes | memoryview] = []
    try:
        _walk(folder, folder, entries, chunks)
        name = storable_name(folder)
        head = msgspec.json.encode(_Manifest(name, entries))
    except OSError as error:
        raise UnstorableValue(f"cannot read {error.filename or folder}: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise UnstorableValue(f"a file name in {folder} is not UTF-8 ({error.object!r}); rename it") from None
    packed = [_LENGTH.pack(len(head)), head, *chunks]
    return Packed(packed, sum(map(len, packed)))


def _walk(root: Path, folder: Path, entries: list[_Entry], chunks: list[bytes | memoryview]) -> None:
    # Sorted: the same files are the same bytes, on every file system.
    for path in sorted(folder.iterdir()):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() and (not path.exists() or path.resolve().is_relative_to(root.resolve())):
            # A link inside the folder stays one, unless it says where the folder was.
            target = path.readlink()
            if target.is_absolute() and path.exists():
                target = Path(os.path.relpath(path.resolve(), path.parent.resolve()))
            entries.append(_Entry(name, 0, link=str(target)))
        elif path.is_dir():
            entries.append(_Entry(name, path.stat().st_mode & 0o777))
            _walk(root, path, entries, chunks)
        elif path.is_file():
            content = _content(path)
            entries.append(_Entry(name, path.stat().st_mode & 0o777, len(content)))
            chunks.append(content)
        else:
            raise UnstorableValue(f"{path} is neither a file nor a folder; give back a folder without it")


def _content(path: Path) -> bytes | memoryview:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _MAP_FROM:
            return file.read()
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):
            return file.read()  # too many maps, or a file system that cannot map


def unpack_folder(data: memoryview, where: Path) -> Path:
    """Write a packed folder anew under `where`, and give its path."""
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    manifest: _Manifest = json_decoder(_Manifest).decode(data[_LENGTH.size : start])
    root = where / name_of(manifest.name)
    root.mkdir()
    folders = []
    for entry in manifest.entries:
        path = root / entry.path
        if entry.link:
            path.symlink_to(entry.link)
        elif entry.size < 0:
            path.mkdir()
            folders.append((path, entry.mode))
        else:
            path.write_bytes(data[start : start + entry.size])
            path.chmod(entry.mode)
            start += entry.size
    for path, mode in reversed(folders):
        # Last, since nothing can be written into a folder that is read-only.
        path.chmod(mode)
    return root
