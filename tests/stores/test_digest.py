import collections
import os
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import UnstorableValue
from fairlead.stores.codecs import json_bytes
from fairlead.stores.digest import canonical_digest, of_json, of_list, of_parts
from fairlead.stores.pickled import dump, load_pickle
from tests.stores import value_samples as samples

EVERYTHING = [*samples.JSON, *samples.OTHER, *samples.ARRAYS, *samples.FRAMES, *samples.TABLES]


def test_different_values_have_different_digests() -> None:
    found = collections.defaultdict(list)
    for value in EVERYTHING:
        found[canonical_digest(value)].append(value)
    assert [values for values in found.values() if len(values) > 1] == []
    assert all(len(digest) == 40 for digest in found)


@pytest.mark.parametrize("value", EVERYTHING, ids=lambda value: type(value).__name__)
def test_a_copy_has_the_same_digest(value: object) -> None:
    again = load_pickle(b"".join(dump([value]).chunks)) if not dump([value]).buffers else [value]
    assert canonical_digest(again[0]) == canonical_digest(value)


SCRIPT = """
import sys
from tests.stores.value_samples import *
from fairlead.stores.digest import canonical_digest
for value in [*JSON, *OTHER, *ARRAYS, *FRAMES, *TABLES]:
    print(canonical_digest(value))
"""


def test_digests_are_the_same_in_every_process_and_for_every_hash_seed() -> None:
    root = Path(__file__).parents[2]
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert len(found[0]) == len(EVERYTHING)
    here = [canonical_digest(value).encode() for value in EVERYTHING]
    differ = [v for v, *digests in zip(EVERYTHING, here, *found, strict=True) if len(set(digests)) > 1]
    assert differ == []


@pytest.mark.parametrize("value", samples.JSON, ids=lambda value: type(value).__name__)
def test_a_value_that_json_keeps_has_the_digest_of_its_json(value: object) -> None:
    assert canonical_digest(value) == of_json(json_bytes(value) or b"")


def test_a_list_or_tuple_or_dict_can_be_digested_by_its_parts() -> None:
    values = [1, (2,), "x"]
    digests = [canonical_digest(value) for value in values]
    assert of_list(digests) == canonical_digest(values)
    assert of_parts("tuple", digests) == canonical_digest(tuple(values))
    assert of_parts("dict", map(canonical_digest, (1, "a"))) == canonical_digest({1: "a"})


def test_it_does_not_matter_which_parts_are_the_same_object() -> None:
    one: list[object] = [(1,)]
    assert canonical_digest([one, one]) == canonical_digest([[(1,)], [(1,)]])
    assert canonical_digest(["a" * 5, "".join(["a"] * 5)]) == canonical_digest(["aaaaa", "aaaaa"])
    assert canonical_digest(samples.Model([1.0])) == canonical_digest(samples.Model([1.0], str(b"m", "ascii")))


def test_it_does_not_matter_in_which_order_attributes_were_set() -> None:
    first, second = types.SimpleNamespace(a=1, b=2), types.SimpleNamespace(b=2, a=1)
    assert canonical_digest(first) == canonical_digest(second)


def test_a_value_that_refers_to_itself_has_a_digest() -> None:
    def cycle(x: object) -> list[object]:
        knot: list[object] = [x, {}]
        knot[1]["self"] = knot
        return knot

    assert canonical_digest(cycle(1)) == canonical_digest(cycle(1))
    assert canonical_digest(cycle(1)) != canonical_digest(cycle(2))
    inner = cycle(1)
    assert canonical_digest([inner, inner[1]]) == canonical_digest([inner, inner[1]])
    assert canonical_digest([inner[1], inner]) != canonical_digest([inner, inner[1]])


def test_a_structure_that_uses_its_parts_very_often_is_digested_in_time() -> None:
    value: object = [(1,)]
    for _ in range(60):
        value = [value, value]
    assert canonical_digest(value)


def test_nesting_two_hundred_deep_has_a_digest() -> None:
    value: object = 1
    for _ in range(200):
        value = (value,)
    assert canonical_digest(value) != canonical_digest((value,))


def test_strides_and_memory_order_of_an_array_do_not_count() -> None:
    array = np.arange(24.0).reshape(4, 6)
    wide = np.zeros((8, 12))
    wide[::2, ::2] = array
    digests = {canonical_digest(form) for form in (array, np.asfortranarray(array), wide[::2, ::2], array[::-1][::-1])}
    assert len(digests) == 1
    assert canonical_digest(array.T) != canonical_digest(array)


def test_bytes_between_the_fields_of_a_record_do_not_count() -> None:
    kind = np.dtype({"names": ["a", "b"], "formats": ["i1", "i8"], "offsets": [0, 8], "itemsize": 16})
    zeros, ones = np.frombuffer(bytes(16), kind).copy(), np.frombuffer(b"\1" * 16, kind).copy()
    ones["a"], ones["b"] = 0, 0
    assert canonical_digest(zeros) == canonical_digest(ones)
    assert canonical_digest(zeros[0]) == canonical_digest(ones[0])


def test_a_mapped_file_is_the_array_in_it(tmp_path: Path) -> None:
    array = np.arange(10)
    mapped = np.memmap(tmp_path / "a", dtype=array.dtype, mode="w+", shape=array.shape)
    mapped[:] = array
    assert canonical_digest(mapped) == canonical_digest(array)


def test_masked_items_count_as_masked_only() -> None:
    assert canonical_digest(np.ma.array([1, 2], mask=[0, 1])) == canonical_digest(np.ma.array([1, 3], mask=[0, 1]))


def test_blocks_of_a_frame_and_chunks_of_a_table_do_not_count() -> None:
    whole = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    pieces = pd.DataFrame({"a": [1, 2]})
    pieces["b"] = [3, 4]
    assert canonical_digest(whole) == canonical_digest(pieces)
    table = pa.table({"a": [1, 2, 3]})
    assert canonical_digest(table) == canonical_digest(pa.concat_tables([table[:1], table[1:]]))
    assert canonical_digest(table[1:]) == canonical_digest(pa.table({"a": [2, 3]}))


def test_functions_without_a_name_of_their_own_are_digested_by_their_code() -> None:
    def make(n: int, scale: float = 1.0):
        return lambda x: x + n * scale

    assert canonical_digest(make(1)) == canonical_digest(make(1))
    assert canonical_digest(make(1)) != canonical_digest(make(2))
    assert canonical_digest(lambda x: x + 1) != canonical_digest(lambda x: x + 2)
    assert canonical_digest(lambda x, y=1: x) != canonical_digest(lambda x, y=2: x)


def test_a_function_that_calls_itself_or_what_is_not_there_yet_has_a_digest() -> None:
    def outer():
        def fact(n: int) -> int:
            return n * fact(n - 1) if n else later

        if not fact:
            later = 1
        return fact

    assert canonical_digest(outer()) == canonical_digest(outer())


def test_local_classes_are_digested_by_what_they_do() -> None:
    def make(rate: float):
        class Local:
            speed = rate

            @property
            def twice(self):
                return 2 * rate

        return Local

    assert canonical_digest(make(1.0)()) == canonical_digest(make(1.0)())
    assert canonical_digest(make(1.0)()) != canonical_digest(make(2.0)())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [threading.Lock()]}, "key 'a': item 0: cannot pickle '_thread.lock' object"),
        (types.SimpleNamespace(lock=threading.Lock()), "attribute 'lock' of SimpleNamespace: cannot pickle"),
        ((x for x in "ab"), "cannot pickle 'generator' object; give back a list"),
    ],
)
def test_what_has_no_digest_is_named(value: object, words: str) -> None:
    with pytest.raises(UnstorableValue, match=words):
        canonical_digest(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(plain, plain)
def test_digests_are_equal_where_type_and_content_are(first: object, second: object) -> None:
    # repr tells 1, 1.0 and True apart, and -0.0 from 0.0, for these types.
    assert (canonical_digest(first) == canonical_digest(second)) == (repr(first) == repr(second))


@given(plain)
def test_an_unpickled_copy_has_the_same_digest(value: object) -> None:
    assert canonical_digest(load_pickle(b"".join(dump(value).chunks))) == canonical_digest(value)


class Odd(list):
    def __reduce__(self):
        return "ODD"


ODD = Odd()


def test_objects_that_pickle_as_a_global_name_have_a_digest() -> None:
    assert canonical_digest([ODD]) == canonical_digest([ODD])
    assert canonical_digest(ODD) != canonical_digest([])


def test_modules_are_digested_by_name() -> None:
    assert canonical_digest(sys) != canonical_digest(types)


def test_a_series_of_a_structured_scalar_or_an_own_attribute_counts() -> None:
    class Frame(pd.DataFrame):
        _metadata = ("unit",)

    one, two = Frame({"a": [1]}), Frame({"a": [1]})
    object.__setattr__(one, "unit", "m")
    object.__setattr__(two, "unit", "s")
    assert canonical_digest(one) != canonical_digest(two)
