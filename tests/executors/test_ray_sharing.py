"""Large values in an object store before the artifact store, with a plain dict in place of Ray's."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import StoreError
from fairlead.executors.ray.sharing import LARGE, References, SharedArtifacts, large_in
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree
from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts


class Objects:
    """An object store: what is put is serialised there, and comes back read-only."""

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}

    def put(self, value: Any) -> int:
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(value, 5, buffer_callback=buffers.append)
        self.objects[len(self.objects)] = head, [bytes(buffer.raw()) for buffer in buffers]
        return len(self.objects) - 1

    def get(self, reference: int) -> Any:
        head, buffers = self.objects[reference]
        return pickle.loads(head, buffers=buffers)


def shared(inner: MemoryArtifacts | None = None) -> tuple[SharedArtifacts, Objects, MemoryArtifacts]:
    objects, inner = Objects(), inner or MemoryArtifacts()
    return SharedArtifacts(inner, put=objects.put, get=objects.get), objects, inner


DATA = [b"head", memoryview(b"x" * LARGE)]


def test_a_large_value_is_kept_in_both() -> None:
    artifacts, objects, inner = shared()
    assert artifacts.put("a", DATA) == LARGE + 4
    assert bytes(inner.get("a")) == b"head" + b"x" * LARGE
    assert artifacts.made == {"a": (0, LARGE + 4)}
    assert len(objects.objects) == 1


def test_a_small_value_is_kept_for_good_only() -> None:
    artifacts, objects, inner = shared()
    artifacts.put("a", [b"small"])
    assert not objects.objects
    assert inner.exists("a")


def test_a_value_comes_from_the_object_store_and_is_the_callers_own() -> None:
    artifacts, _, inner = shared()
    artifacts.put("a", DATA)
    inner.remove("a")
    artifacts.given = {"a": artifacts.made["a"][0]}
    data = artifacts.get("a")
    assert bytes(data) == b"head" + b"x" * LARGE
    data[0] = 0
    assert bytes(artifacts.get("a")[:4]) == b"head"


def test_a_value_that_the_object_store_has_lost_comes_from_the_artifact_store() -> None:
    artifacts, objects, _ = shared()
    artifacts.put("a", DATA)
    artifacts.given = {"a": 0}
    objects.objects.clear()
    assert bytes(artifacts.get("a")[:4]) == b"head"
    assert artifacts.given == {}


class Full(MemoryArtifacts):
    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        raise StoreError(f"cannot write {key}: no space left")


def test_a_value_that_cannot_be_kept_for_good_is_not_made() -> None:
    artifacts, _, _ = shared(Full())
    with pytest.raises(StoreError, match="no space left"):
        artifacts.put("a", DATA)
    assert artifacts.made == {}


class Refusing(Objects):
    def put(self, value: Any) -> int:
        raise OSError("the object store is full")


def test_a_value_that_the_object_store_does_not_take_is_kept_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    objects, inner = Refusing(), MemoryArtifacts()
    artifacts = SharedArtifacts(inner, put=objects.put, get=objects.get)
    assert artifacts.put("a", DATA) == LARGE + 4
    assert artifacts.made == {}
    assert inner.exists("a", LARGE + 4)
    assert "does not take a: the object store is full" in capfd.readouterr().err


CHUNKS = {
    "one": [b"x" * LARGE],
    "a head before": [b"h" * 7, b"x" * LARGE],
    "heads that fill up": [b"h" * 100, b"p" * 28, b"x" * LARGE, b"p" * 24, b"y" * LARGE, b"tail"],
    "odd ones": [b"x" * (LARGE + 1), b"y" * (LARGE + 3), b"z" * 70_001, b"w" * 5],
    "many small ones": [bytes([place % 256]) * 1_000 for place in range(1_100)],
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_a_value_is_laid_out_so_that_ray_puts_its_parts_behind_each_other(chunks: list[bytes]) -> None:
    artifacts, objects, inner = shared()
    artifacts.put("a", chunks)
    parts = [bytes(part) for part in objects.get(artifacts.made["a"][0])]
    assert [len(part) % 64 for part in parts[:-1]] == [0] * (len(parts) - 1)
    assert b"".join(parts) == b"".join(chunks) == bytes(inner.get("a"))


def test_a_large_object_is_written_to_its_file_here(tmp_path: Path) -> None:
    objects, inner = Objects(), FolderArtifacts(tmp_path)
    artifacts = SharedArtifacts(inner, put=objects.put, get=objects.get)
    assert artifacts.put("runs/a", DATA) == LARGE + 4
    assert (tmp_path / "runs" / "a").read_bytes() == b"head" + b"x" * LARGE
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_everything_else_is_the_artifact_stores_business(tmp_path: Path) -> None:
    artifacts, _, inner = shared()
    (tmp_path / "f").write_bytes(b"file")
    artifacts.put_file("f", tmp_path / "f")
    artifacts.fetch("f", tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == b"file"
    assert (artifacts.exists("f"), artifacts.exists("f", 3), artifacts.reach) == (True, False, "process")
    assert list(artifacts.list()) == [("f", 4)]
    artifacts.remove("f")
    assert not inner.exists("f")


def test_large_artifacts_are_found_wherever_they_are_among_inputs() -> None:
    large, small = Stored("a", "json", LARGE), Stored("b", "json", LARGE - 1)
    args = {
        "x": large,
        "y": Tree("list", (small, Pick(Stored("c", "json", LARGE), (0,)))),
        "z": Rows([Stored("d", "json", LARGE), Inline("json", b"1")]),
    }
    assert sorted(large_in(args)) == ["a", "c", "d"]


def test_references_that_take_too_much_push_out_those_that_were_not_used_for_longest() -> None:
    references = References()
    references.most = 30
    references.hold({"a": ("ref a", 10), "b": ("ref b", 10), "c": ("ref c", 10)})
    assert references.give(["a", "nobody"]) == {"a": "ref a"}
    references.hold({"d": ("ref d", 10), "a": ("another", 10)})
    assert references.give("abcd") == {"a": "ref a", "c": "ref c", "d": "ref d"}
    references.hold({"e": ("ref e", 100)})
    assert references.give("abcde") == {}
