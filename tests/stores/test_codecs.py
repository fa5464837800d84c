import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairlead.errors import UnstorableValue
from fairlead.stores.codecs import json_bytes, json_value
from fairlead.stores.pickled import dump, load_buffers, load_pickle
from tests.stores import value_samples as samples
from tests.stores.value_samples import same


def through_pickle(value: object) -> object:
    pickled = dump(value)
    if pickled.buffers:
        return load_buffers(memoryview(bytearray(b"".join(pickled.packed()))))
    return load_pickle(b"".join(pickled.chunks))


def nested(depth: int, leaf: object = 1) -> object:
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", samples.JSON, ids=lambda value: type(value).__name__)
def test_json_keeps_what_it_takes(value: object) -> None:
    data = json_bytes(value)
    assert data is not None
    assert same(json_value(data), value)


@pytest.mark.parametrize(
    "value", [*samples.OTHER, *samples.ARRAYS, float("nan"), [float("nan")]], ids=lambda value: type(value).__name__
)
def test_json_does_not_take_what_it_would_change(value: object) -> None:
    assert json_bytes(value) is None


@pytest.mark.parametrize(
    "value", [*samples.OTHER, *samples.ARRAYS, *samples.FRAMES, *samples.TABLES], ids=lambda value: type(value).__name__
)
def test_pickle_keeps_everything_else(value: object) -> None:
    assert same(through_pickle(value), value)


def test_what_nests_two_hundred_deep_comes_back() -> None:
    assert json_value(json_bytes(nested(200)) or b"") == nested(200)
    assert through_pickle(nested(201)) == nested(201)
    assert json_bytes(nested(202)) is None


def test_values_that_hold_themselves_go_to_pickle() -> None:
    knot: list[object] = []
    knot.append(knot)
    assert json_bytes(knot) is None
    again = through_pickle(knot)
    assert isinstance(again, list)
    assert again[0] is again


def test_small_structures_that_are_huge_when_written_out_go_to_pickle() -> None:
    value: object = []
    for _ in range(60):
        value = [value, value]
    assert json_bytes(value) is None
    assert dump(value).size < 1000


def test_large_buffers_stay_out_of_the_stream_and_on_borders() -> None:
    arrays = {"a": np.arange(5000), "b": np.arange(10), "c": np.zeros(5001, "i1"), "d": np.ones((70, 70))}
    pickled = dump(arrays)
    assert len(pickled.buffers) == 3
    assert pickled.size < 2000
    data = b"".join(pickled.packed())
    again = load_buffers(memoryview(bytearray(data)))
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)
    whole = np.frombuffer(bytearray(data), "u1")
    back = load_buffers(memoryview(whole))
    assert [(back[name].ctypes.data - whole.ctypes.data) % 64 for name in "acd"] == [0, 0, 0]


def test_arrays_come_back_without_a_copy_writable_and_in_their_memory_order() -> None:
    array = np.asfortranarray(np.arange(10_000.0).reshape(100, 100))
    data = memoryview(bytearray(b"".join(dump(array).packed())))
    again = load_buffers(data)
    assert again.flags.writeable
    assert again.flags.f_contiguous
    assert np.shares_memory(again, np.frombuffer(data, "u1"))


def test_an_array_that_is_read_only_stays_read_only() -> None:
    array = np.arange(10_000)
    array.flags.writeable = False
    assert not through_pickle(array).flags.writeable


def test_arrays_that_skip_memory_keep_their_content() -> None:
    array = np.arange(100_000).reshape(100, 1000)[::3, ::7]
    assert np.array_equal(through_pickle(array), array)


def test_frames_are_written_without_a_copy() -> None:
    frame = pd.DataFrame({"a": np.arange(50_000.0), "s": ["x"] * 50_000})
    pickled = dump(frame)
    assert pickled.size < 10_000
    assert same(through_pickle(frame), frame)


def test_large_bytes_are_written_without_a_copy() -> None:
    data = bytes(1_000_000)
    assert any(chunk is data for chunk in dump([data, "x"]).chunks)


@pytest.mark.parametrize("value", ["s" * 100_000, "é\ud800" * 50_000, bytearray(100_000), [str(1) * 100_000]])
def test_large_texts_and_byte_arrays_come_back(value: object) -> None:
    assert same(through_pickle([value, (1,)]), [value, (1,)])


def test_the_projects_classes_and_functions_are_recorded() -> None:
    module = samples.__name__
    value = [samples.Point(1), {"m": samples.Model([])}, samples.Colour.RED, np.int64(1), {1}, samples.double]
    names = {"Point", "Model", "Colour", "double"}
    assert dump(value).classes == tuple(sorted(f"{module}:{name}" for name in names))
    assert dump([pd.DataFrame({"a": [1]}), np.arange(3)]).classes == ()
    assert dump(samples.Settings()).classes == (f"{module}:Settings",)


def test_local_classes_and_lambdas_travel_by_value() -> None:
    class Local:
        def __init__(self, n: int) -> None:
            self.n = n

    value = Local(3)
    again = through_pickle([value, lambda x: x + value.n])
    assert type(again[0]) is Local
    assert again[0].n == 3
    assert again[1](1) == 4
    assert any(
        name.endswith(":test_local_classes_and_lambdas_travel_by_value.<locals>.Local") for name in dump(value).classes
    )


SCRIPT = """
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from fairlead.stores.pickled import dump, load_pickle

@dataclass
class Point:
    x: int
    def twice(self):
        return helper(self.x)

class Colour(Enum):
    RED = 1

def helper(x):
    return 2 * x

pickled = dump([Point(21), Colour.RED, helper])
data = b"".join(pickled.chunks)
again = load_pickle(data)
assert type(again[0]) is Point and again[0] == Point(21) and again[1] is Colour.RED, again
assert pickled.classes == ("__main__:Colour", "__main__:Point", "__main__:helper"), pickled.classes
Path(sys.argv[1]).write_bytes(data)
"""


def test_classes_of_a_script_travel_by_value_and_are_themselves_at_home(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    subprocess.run([sys.executable, tmp_path / "script.py", tmp_path / "data"], check=True)
    point, colour, helper = load_pickle((tmp_path / "data").read_bytes())
    assert (point.twice(), colour.name, helper(4)) == (42, "RED", 8)


def test_what_plain_pickle_takes_needs_no_cloudpickle() -> None:
    code = """
        import sys
        from fractions import Fraction
        from fairlead.stores.pickled import dump
        dump([(1, 2), {1: Fraction(1, 2)}, {3}])
        assert "cloudpickle" not in sys.modules and "numpy" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


class Trainer:
    def __init__(self, lock: object) -> None:
        self.lock = lock


class Slots:
    __slots__ = ("lock",)

    def __init__(self, lock: object) -> None:
        self.lock = lock


class Stubborn:
    def __reduce__(self) -> object:
        raise ValueError("not me")


LOCK = threading.Lock()
LOCKED = "cannot pickle '_thread.lock' object; make it where it is used"


def uses(value: object) -> object:
    return lambda: value


async def later() -> None: ...


def ready_coroutine() -> object:
    coroutine = later()
    coroutine.close()
    return coroutine


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (LOCK, LOCKED),
        (Trainer(LOCK), f"attribute 'lock' of Trainer: {LOCKED}"),
        (Slots(LOCK), f"attribute 'lock' of Slots: {LOCKED}"),
        ([1, {"m": Trainer(LOCK)}], f"item 1: key 'm': attribute 'lock' of Trainer: {LOCKED}"),
        (samples.Point(1, LOCK), f"field 'y': {LOCKED}"),
        (samples.Slotted(1, LOCK), "cannot pickle '_thread.lock' object"),
        ({LOCK: 1}, f"the key <unlocked _thread.lock object at 0x.*: {LOCKED}"),
        ({LOCK}, f"a member: {LOCKED}"),
        (Trainer(LOCK).__init__, f"its object: attribute 'lock' of Trainer: {LOCKED}"),
        (uses(LOCK), f"variable 'value' of uses.<locals>.<lambda>: {LOCKED}"),
        (lambda x=LOCK: x, f"a default of <lambda>: {LOCKED}"),
        (lambda: LOCK.locked(), f"global 'LOCK' used by <lambda>: {LOCKED}"),
        ((x for x in "ab"), "cannot pickle 'generator' object; give back a list of what it yields"),
        (ready_coroutine(), "cannot pickle 'coroutine' object; await it"),
        (memoryview(b"x"), "cannot pickle 'memoryview' object; give back bytes"),
        ([Stubborn()], "item 0: not me"),
        (nested(100_000, (1,)), "the list is nested too deeply to be kept; use a flatter structure"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_named(value: object, words: str) -> None:
    with pytest.raises(UnstorableValue, match=words):
        dump(value)


def test_open_files_are_refused() -> None:
    with Path(__file__).open() as text, Path(__file__).open("rb") as raw:
        for file in (text, raw, sys.__stdout__):
            with pytest.raises(
                UnstorableValue, match=r"item 0: cannot pickle .*; give back its path or what stands in it"
            ):
                dump([file])
