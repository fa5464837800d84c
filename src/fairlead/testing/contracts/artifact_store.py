"""What every store of artifacts must do: the sentences of `fairlead.ports.ArtifactStore`, one test each.

A plugin's test file says:

    class TestMyArtifacts(ArtifactStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyArtifacts(...)
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fairlead.errors import ArtifactMissing, StoreError
from fairlead.ports import ArtifactStore

__all__ = ["ArtifactStoreContract"]

SIZES = (0, 1, 4096, 128 * 1024 - 1, 128 * 1024, 3_000_001)
"""Empty, small, and both sides of where stores begin to map, send in parts, or reserve."""

BAD_KEYS = ("", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\0b", ".", "..")


class ArtifactStoreContract:
    """Tests that one process can make."""

    @pytest.fixture
    def store(self) -> ArtifactStore:
        """Give an empty store; override this."""
        raise NotImplementedError

    def test_it_says_from_where_it_can_be_used(self, store: ArtifactStore) -> None:
        """`check` compares it with what an executor needs."""
        assert store.reach in {"process", "host", "network"}

    @pytest.mark.parametrize("size", SIZES)
    def test_what_is_put_is_what_one_gets(self, store: ArtifactStore, size: int) -> None:
        """Bytes come back whole, whatever their number."""
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        assert store.put("a/b", [data]) == size
        assert bytes(store.get("a/b")) == data
        assert store.exists("a/b", size)

    def test_chunks_are_joined_in_their_order(self, store: ArtifactStore) -> None:
        """Thousands of chunks, bytes and views, empty ones among them, make one object."""
        chunks: list[bytes | memoryview] = [b"%d," % number for number in range(5000)]
        chunks[7] = memoryview(b"seven,")
        chunks[9] = b""
        assert store.put("k", chunks) == sum(map(len, chunks))
        assert bytes(store.get("k")) == b"".join(chunks)

    def test_views_of_numbers_count_in_bytes(self, store: ArtifactStore) -> None:
        """A memory view of numbers is stored as its bytes."""
        numbers = memoryview(bytes(range(16))).cast("Q")
        assert store.put("k", [numbers]) == 16
        assert bytes(store.get("k")) == bytes(range(16))

    def test_a_key_that_exists_is_left_as_it_is(self, store: ArtifactStore) -> None:
        """Objects are written once and never changed."""
        store.put("k", [b"first"])
        assert store.put("k", [b"other"]) == 5
        assert bytes(store.get("k")) == b"first"

    @pytest.mark.parametrize("size", [10, 1_000_000])
    def test_what_one_gets_is_ones_own(self, store: ArtifactStore, size: int) -> None:
        """Writing to the bytes changes neither the store nor what others got."""
        store.put("k", [bytes(size)])
        mine, other = store.get("k"), store.get("k")
        mine[0] = 7
        assert mine[0] == 7
        assert other[0] == 0
        assert store.get("k")[0] == 0

    def test_bytes_outlive_their_removal(self, store: ArtifactStore) -> None:
        """What somebody holds stays valid when the object goes."""
        store.put("k", [b"x" * 1_000_000])
        held = store.get("k")
        store.remove("k")
        assert bytes(held) == b"x" * 1_000_000
        assert not store.exists("k")

    def test_what_is_not_there_is_named(self, store: ArtifactStore, tmp_path: Path) -> None:
        """The error has the key; nothing is left at the target."""
        with pytest.raises(ArtifactMissing, match="no artifact 'a/gone'"):
            store.get("a/gone")
        with pytest.raises(ArtifactMissing, match="a/gone"):
            store.fetch("a/gone", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not store.exists("a/gone")
        store.remove("a/gone")

    def test_exists_asks_for_the_size_too(self, store: ArtifactStore) -> None:
        """An object of another size is not the one that was recorded."""
        store.put("k", [b"12345"])
        assert store.exists("k")
        assert store.exists("k", 5)
        assert not store.exists("k", 4)

    @pytest.mark.parametrize("size", [0, 100, 2_000_000])
    def test_files_go_in_and_come_out_as_copies(self, store: ArtifactStore, tmp_path: Path, size: int) -> None:
        """Changing the copy, or the original, changes nothing in the store."""
        source, copy = tmp_path / "in", tmp_path / "out"
        source.write_bytes(b"a" * size)
        assert store.put_file("f", source) == size
        source.write_bytes(b"changed")
        store.fetch("f", copy)
        assert copy.read_bytes() == b"a" * size
        copy.write_bytes(b"changed too")
        assert bytes(store.get("f")) == b"a" * size

    def test_fetch_does_not_write_over_a_file(self, store: ArtifactStore, tmp_path: Path) -> None:
        """A file that stands at the target is the user's."""
        store.put("k", [b"new"])
        target = tmp_path / "mine"
        target.write_bytes(b"mine")
        with pytest.raises(StoreError, match="mine"):
            store.fetch("k", target)
        assert target.read_bytes() == b"mine"

    def test_list_gives_keys_and_sizes_under_a_prefix(self, store: ArtifactStore) -> None:
        """A prefix is of the key's text and may end within a name."""
        for key, size in (("runs/a/1", 1), ("runs/a/2", 2), ("runs/ab/1", 3), ("sha256/ff/f", 4)):
            store.put(key, [b"x" * size])
        assert dict(store.list()) == {"runs/a/1": 1, "runs/a/2": 2, "runs/ab/1": 3, "sha256/ff/f": 4}
        assert dict(store.list("runs/a/")) == {"runs/a/1": 1, "runs/a/2": 2}
        assert dict(store.list("runs/a")) == {"runs/a/1": 1, "runs/a/2": 2, "runs/ab/1": 3}
        assert dict(store.list("none/")) == {}

    @pytest.mark.parametrize("key", ["runs/calm-otter/train[3].fit#2", "a b/ä/%2E", "x" * 200])
    def test_keys_may_hold_what_task_paths_hold(self, store: ArtifactStore, key: str) -> None:
        """Brackets, blanks, numbers and letters of any language."""
        store.put(key, [b"1"])
        assert list(store.list()) == [(key, 1)]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_keys_that_lead_elsewhere_are_refused(self, store: ArtifactStore, key: str, tmp_path: Path) -> None:
        """Nothing outside the store can be read, written, or removed."""
        (tmp_path / "file").write_bytes(b"1")
        for act in (
            lambda: store.put(key, [b"1"]),
            lambda: store.put_file(key, tmp_path / "file"),
            lambda: store.get(key),
            lambda: store.exists(key),
            lambda: store.remove(key),
        ):
            with pytest.raises(StoreError, match="key"):
                act()

    def test_many_threads_may_write_at_once(self, store: ArtifactStore) -> None:
        """The same keys and different ones: every object is whole."""
        failures: list[Exception] = []

        def write(own: int) -> None:
            try:
                for number in range(20):
                    store.put(f"own/{own}.{number}", [b"o" * 1000])
                    store.put(f"sha256/aa/{number}", [b"%d" % number * 1000])
            except Exception as error:  # noqa: BLE001 - told to the test
                failures.append(error)

        threads = [threading.Thread(target=write, args=(own,)) for own in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert all(bytes(store.get(f"sha256/aa/{number}")) == b"%d" % number * 1000 for number in range(20))
        assert len(list(store.list("own/"))) == 160
