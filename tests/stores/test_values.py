import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.errors import ArtifactMissing, StoreError, UnstorableValue
from fairlead.model.values import NONE, Inline, Pick, Rows, Stored, Tree, split
from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts
from fairlead.stores.coded import Codecs
from fairlead.stores.digest import canonical_digest, of_json
from fairlead.stores.values import StoredValues
from tests.stores import value_samples as samples
from tests.stores.value_samples import same


@pytest.fixture
def values(tmp_path: Path) -> StoredValues:
    return StoredValues(FolderArtifacts(tmp_path / "artifacts"), files_dir=tmp_path / "files")


def keys(values: StoredValues) -> list[str]:
    return [key for key, _ in values.artifacts.list()]


EVERYTHING = [*samples.JSON, *samples.OTHER, *samples.ARRAYS, *samples.FRAMES, *samples.TABLES]


@pytest.mark.parametrize("value", EVERYTHING, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("limit", [0, 4096])
def test_what_comes_back_equals_what_went_in(values: StoredValues, value: object, limit: int) -> None:
    own = StoredValues(values.artifacts, inline_limit=limit)
    encoded = own.encode(value)
    assert same(own.decode(encoded), value)
    assert own.digest(encoded) == canonical_digest(value)
    rows = own.encode([value, value], rows=True)
    assert same(own.decode(rows), [value, value])
    assert own.digest(rows) == canonical_digest([value, value])
    assert own.missing(rows) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner)
            | st.lists(inner).map(tuple)
            | st.dictionaries(st.text() | st.integers() | st.booleans(), inner)
        ),
        max_leaves=30,
    ),
    st.booleans(),
)
def test_nested_plain_values_come_back_exactly(value: object, rows: bool) -> None:
    values = StoredValues(MemoryArtifacts(), inline_limit=30)
    again = values.decode(values.encode(value, rows=rows))
    assert again == value
    assert repr(again) == repr(value)
    assert values.digest(values.encode(value, rows=rows)) == values.digest(values.encode(value))


def test_nan_comes_back_as_nan(values: StoredValues) -> None:
    again = values.decode(values.encode({"a": [float("nan"), -0.0]}))
    assert repr(again) == "{'a': [nan, -0.0]}"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, NONE),
        (True, Inline("json", b"true")),
        (False, Inline("json", b"false")),
        (-7, Inline("json", b"-7")),
        (-0.0, Inline("json", b"-0.0")),
        ("é", Inline("json", '"é"'.encode())),
        ({"a": [1]}, Inline("json", b'{"a":[1]}')),
    ],
)
def test_small_json_stands_in_the_record(values: StoredValues, value: object, encoded: Inline) -> None:
    assert values.encode(value) == encoded
    assert values.digest(encoded) == of_json(encoded.data)
    assert keys(values) == []


def test_small_pickles_stand_in_the_record_with_their_digest(values: StoredValues) -> None:
    encoded = values.encode((1, samples.Colour.RED))
    assert isinstance(encoded, Inline)
    assert encoded.codec == "pickle"
    assert encoded.digest == canonical_digest((1, samples.Colour.RED))
    assert encoded.classes == (f"{samples.__name__}:Colour",)
    assert keys(values) == []


@pytest.mark.parametrize("value", ["x" * 5000, ("x" * 5000,), b"x" * 5000, np.arange(1000.0)])
def test_larger_values_are_stored_once_under_their_digest(values: StoredValues, value: object) -> None:
    first, second = values.encode(value), values.encode(value)
    assert isinstance(first, Stored)
    assert first == second
    assert first.key.startswith("sha256/")
    assert keys(values) == [first.key]
    assert values.artifacts.exists(first.key, first.size)
    assert first.digest == canonical_digest(value)


@pytest.mark.parametrize("value", [np.zeros(2_000_000), "x" * 9_000_000, b"x" * 9_000_000])
def test_large_values_are_stored_under_the_hint_and_digested_when_asked(values: StoredValues, value: object) -> None:
    first, second = values.encode(value, hint="runs/a/train.1"), values.encode(value)
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert first.key.startswith("runs/a/train.1.")
    assert second.key.startswith("values/")
    assert first.digest == ""
    assert values.digest(first) == values.digest(second) == canonical_digest(value)
    values.artifacts.remove(first.key)
    assert values.digest(first) == canonical_digest(value)


def test_arrays_come_back_mapped_writable_and_the_callers_own(values: StoredValues) -> None:
    encoded = values.encode(np.arange(2_000_000))
    one, two = values.decode(encoded), values.decode(encoded)
    one[0] = 99
    assert two[0] == 0
    assert values.decode(encoded)[0] == 0


def test_every_caller_gets_a_copy(values: StoredValues) -> None:
    for value in ([1, [2]], ([1],), {"a": np.zeros(3)}):
        encoded = values.encode(value)
        assert values.decode(encoded) is not values.decode(encoded)


# --- rows ----------------------------------------------------------------------------------------


def test_small_lists_stay_whole_and_can_be_split(values: StoredValues) -> None:
    encoded = values.encode([1, "a", [2]], rows=True)
    assert isinstance(encoded, Inline)
    assert [values.decode(item) for item in split(encoded) or []] == [1, "a", [2]]
    assert split(values.encode([], rows=True)) == []


@pytest.mark.parametrize(
    "items",
    [
        list(range(5000)),
        [0.5, None, True, 1] * 1000,
        ["x" * 5000, "y"],
        [{"i": i, "s": "é"} for i in range(500)],
        [(i,) for i in range(10)],
        [np.arange(1000), 1, "a"],
        [float("nan")] * 2000,
    ],
    ids=lambda items: type(items[0]).__name__,
)
def test_other_lists_are_kept_item_by_item(values: StoredValues, items: list[object]) -> None:
    encoded = values.encode(items, rows=True)
    assert isinstance(encoded, Rows)
    assert len(encoded.items) == len(items)
    assert all(repr(values.decode(item)) == repr(value) for item, value in zip(encoded.items, items, strict=True))
    assert repr(values.decode(encoded)) == repr(items)
    assert values.digest(encoded) == canonical_digest(items) == values.digest(values.encode(items))


def test_only_exact_lists_become_rows(values: StoredValues) -> None:
    for value in (tuple(range(5000)), samples.Names(range(5000)), np.arange(5000)):
        assert isinstance(values.encode(value, rows=True), Stored)


# --- trees and picks -----------------------------------------------------------------------------


def test_trees_are_built_where_they_are_used(values: StoredValues) -> None:
    one, two = values.encode(1), values.encode((2,))
    assert values.decode(Tree("list", (one, two))) == [1, (2,)]
    assert values.decode(Tree("tuple", (one, two))) == (1, (2,))
    assert values.decode(Tree("dict", (one, two), (values.encode("a"), values.encode(5)))) == {"a": 1, 5: (2,)}


@pytest.mark.parametrize("parts", [[1, "a"], [1, (2,)], ["x" * 5000, 2.5], [[], {}]])
def test_the_digest_of_a_tree_is_that_of_what_it_builds(values: StoredValues, parts: list[object]) -> None:
    items = tuple(values.encode(part) for part in parts)
    names = [f"k{number}" for number in range(len(parts))]
    whole = dict(zip(names, parts, strict=True))
    assert values.digest(Tree("list", items)) == canonical_digest(parts)
    assert values.digest(Tree("tuple", items)) == canonical_digest(tuple(parts))
    assert values.digest(Tree("dict", items, tuple(map(values.encode, names)))) == canonical_digest(whole)
    nested = Tree("list", (Tree("dict", items, tuple(map(values.encode, names))),))
    assert values.digest(nested) == canonical_digest([whole])
    numbered = Tree("dict", items, tuple(map(values.encode, range(len(parts)))))
    assert values.digest(numbered) == canonical_digest(dict(enumerate(parts)))


def test_picks_select_as_the_plain_value_does(values: StoredValues) -> None:
    data = {"a": [(1, 2), (3, 4)], "b": "xyz"}
    whole = values.encode(data)
    assert values.decode(Pick(whole, ("a", 1, 0))) == 3
    assert values.decode(Pick(whole, ("b", (None, None, -1)))) == "zyx"
    assert values.decode(Pick(Pick(whole, ("a",)), (0,))) == (1, 2)
    assert values.digest(Pick(whole, ("a",))) == canonical_digest(data["a"])
    assert values.missing(Pick(whole, ("a",))) == []
    with pytest.raises(KeyError, match="c"):
        values.decode(Pick(whole, ("c",)))


def test_picks_decode_no_more_than_they_need(values: StoredValues) -> None:
    gone = Stored("sha256/no/no", "pickle", 1)
    one = values.encode((1,))
    rows, pair = Rows([one, gone, one]), Tree("tuple", (gone, one))
    named = Tree("dict", (gone, one), (values.encode("a"), values.encode("b")))
    assert values.decode(Pick(rows, (-1, 0))) == 1
    assert values.decode(Pick(rows, ((None, None, 2),))) == [(1,), (1,)]
    assert values.decode(Pick(pair, ((1, None, None),))) == ((1,),)
    assert values.decode(Pick(named, ("b",))) == (1,)
    with pytest.raises(IndexError):
        values.decode(Pick(Rows([one]), (5,)))


# --- what is gone --------------------------------------------------------------------------------


def test_bytes_that_are_gone_or_cut_are_named(values: StoredValues, tmp_path: Path) -> None:
    encoded = values.encode("x" * 5000)
    assert isinstance(encoded, Stored)
    file = tmp_path / "artifacts" / encoded.key
    file.write_bytes(b"short")
    with pytest.raises(ArtifactMissing, match=f"artifact '{encoded.key}' has 5 bytes where 5002 were recorded"):
        values.decode(encoded)
    tree = Tree("dict", (Rows([encoded, NONE]),), (values.encode("a"),))
    assert values.missing(tree) == [encoded.key]
    file.unlink()
    with pytest.raises(ArtifactMissing, match=f"no artifact '{encoded.key}'"):
        values.decode(encoded)
    assert values.missing(Pick(tree, ("a",))) == [encoded.key]


def test_a_codec_that_is_not_there_is_named(values: StoredValues) -> None:
    values.artifacts.put("k", [b"1"])
    with pytest.raises(StoreError, match="artifact 'k' was written by codec 'zarr', which is not known here"):
        values.decode(Stored("k", "zarr", 1))


class Reversed:
    def handles(self, value: object) -> bool:
        return isinstance(value, samples.Made)

    def dump(self, value: samples.Made) -> list[bytes | memoryview]:
        return [value.parts[::-1]]

    def load(self, data: memoryview) -> object:
        return samples.Made(bytes(data[::-1]))


def test_codecs_of_others_are_asked_before_pickle() -> None:
    values = StoredValues(MemoryArtifacts(), codecs=Codecs({"reversed": Reversed()}))
    encoded = values.encode(samples.Made(b"abc"))
    assert isinstance(encoded, Stored)
    assert encoded.codec == "reversed"
    assert values.artifacts.get(encoded.key) == b"cba"
    assert values.decode(encoded) == samples.Made(b"abc")
    assert values.digest(encoded) == values.digest(msgspec.structs.replace(encoded, digest="")) != ""
    assert encoded.classes == ("tests.stores.value_samples:Made",)


class Undigested:
    """Pickles, but differently for the digest, which asks an object how it would be made anew."""

    def __reduce_ex__(self, protocol: int) -> object:
        if protocol == 4:
            raise TypeError("no")
        return Undigested, ()


def test_what_has_no_digest_of_its_own_has_that_of_its_bytes(values: StoredValues) -> None:
    encoded = values.encode(Undigested())
    assert encoded.digest == ""
    assert len(values.digest(encoded)) == 40
    assert values.digest(Pick(Tree("list", (encoded,)), (0,))) == values.digest(encoded)


def test_what_cannot_be_kept_leaves_nothing_behind(values: StoredValues) -> None:
    with pytest.raises(UnstorableValue, match="item 1: cannot pickle 'generator' object"):
        values.encode([1, (x for x in "ab")])
    assert keys(values) == []


# --- between processes, and speed ----------------------------------------------------------------


def test_values_travel_between_processes(values: StoredValues, tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        import msgspec
        from fairlead.model.values import Value
        from fairlead.stores.artifacts import FolderArtifacts
        from fairlead.stores.values import StoredValues
        from tests.stores import value_samples as samples
        values = StoredValues(FolderArtifacts(Path(sys.argv[1])))
        everything = [*samples.OTHER, *samples.ARRAYS, *samples.FRAMES]
        sys.stdout.buffer.write(msgspec.msgpack.encode([values.encode(value) for value in everything]))
    """
    import msgspec

    from fairlead.model.values import Value

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "artifacts")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    received = msgspec.msgpack.decode(done.stdout, type=list[Value])
    expected = [*samples.OTHER, *samples.ARRAYS, *samples.FRAMES]
    assert all(same(values.decode(value), plain) for value, plain in zip(received, expected, strict=True))
    assert [values.digest(value) for value in received] == list(map(canonical_digest, expected))


def test_importing_values_imports_neither_cloudpickle_nor_numpy() -> None:
    code = "import sys, fairlead.stores.values; assert not {'cloudpickle', 'numpy', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def best(function, times: int = 5) -> float:
    def once() -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def test_a_hundred_thousand_rows_take_a_fraction_of_a_second(values: StoredValues) -> None:
    numbers = list(range(100_000))
    encoded = values.encode(numbers, rows=True)
    assert best(lambda: values.encode(numbers, rows=True)) < 0.5
    assert best(lambda: values.decode(encoded)) < 0.5


def test_a_large_array_is_written_at_the_speed_of_the_page_cache_and_read_at_once(
    values: StoredValues, tmp_path: Path
) -> None:
    array = np.ones(12_500_000)
    raw = memoryview(array).cast("B")

    def plain() -> None:
        with (tmp_path / "raw").open("wb", buffering=0) as file:
            file.write(raw)

    def kept() -> None:
        encoded = values.encode(array)
        values.artifacts.remove(encoded.key)

    # As a ratio, since this may be any machine: reserving room makes it faster than the plain write.
    assert best(kept) < 3 * best(plain)
    encoded = values.encode(array)
    assert best(lambda: values.decode(encoded)) < 0.05
