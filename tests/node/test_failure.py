"""From an exception to a Failure: the user's frames without ours, arguments in short."""

import dataclasses
import os
import threading

import msgspec
import pytest

from fairlead.node.execute import execute
from fairlead.node.failure import ARGUMENT, MESSAGE, TRACEBACK, Teller, short_repr, type_name
from tests.node.bench import job, make_bench, run

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def deep(count):
    if count:
        return deep(count - 1)
    raise LookupError("deep down")


def chained():
    try:
        deep(1)
    except LookupError as error:
        raise ValueError("told again") from error


def test_the_traceback_has_the_users_frames_only():
    told = run(lambda: deep(2)).failure.traceback
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith("LookupError: deep down\n")
    assert "fairlead" not in told.replace(HERE, "")
    assert told.count("in deep") == 3


def test_causes_are_told_as_well():
    told = run(chained).failure
    assert told.message == "told again"
    assert "LookupError: deep down\n\nThe above exception was the direct cause" in told.traceback


def test_frames_of_ours_in_the_middle_are_left_out():
    inner = make_bench(lambda: deep(0))

    def outer():
        record = execute(job(), inner)
        raise RuntimeError(record.failure.message)

    def calls_us():
        inner.values.decode(None)

    assert "RuntimeError: deep down" in run(outer).failure.traceback
    assert "stores/values.py" not in run(calls_us).failure.traceback


def test_notes_and_groups_are_told():
    def group():
        error = ValueError("one")
        error.add_note("and a note")
        raise ExceptionGroup("several", [error, ExceptionGroup("inner", [TypeError("two")])])

    told = run(group).failure
    assert told.type == "ExceptionGroup"
    assert "and a note" in told.traceback
    assert "TypeError: two" in told.traceback


def test_exceptions_that_cause_each_other_are_told():
    def circle():
        one, two = ValueError("one"), ValueError("two")
        one.__cause__, two.__cause__ = two, one
        raise one

    assert "ValueError: one" in run(circle).failure.traceback


def test_an_exception_that_cannot_be_shown_is_survived():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no")

    def fails():
        raise Broken

    told = run(fails).failure
    assert told.message == "its message cannot be shown"
    assert told.type.endswith("Broken")
    assert "in fails" in told.traceback


def test_a_traceback_that_cannot_be_shown_is_survived(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr("fairlead.node.failure.TracebackException.from_exception", broken)
    told = Teller().failure(ValueError("x"), "exception", None)
    assert (told.message, told.place) == ("x", None)
    assert told.traceback == "ValueError: its traceback cannot be shown (RuntimeError)\n"


def test_endless_recursion_is_told_in_short():
    def endless():
        return endless()

    told = run(endless).failure
    assert told.type == "RecursionError"
    assert len(told.traceback) < 5000


def test_long_messages_and_tracebacks_are_cut_in_the_middle():
    def fails():
        raise ValueError("a" * 500_000 + "z")

    told = run(fails).failure
    assert len(told.message) < MESSAGE + 100
    assert "characters left out" in told.message
    assert told.message.endswith("z")
    assert len(told.traceback) < TRACEBACK + 100


def test_the_place_is_the_innermost_line_of_the_users_own():
    def parses():
        int("x")
        return msgspec.json.decode(b"{")

    def in_library():
        threading.Thread(target=None, daemon="yes", args=5).start()
        return os.path.join(1)

    assert run(parses).failure.place.file == __file__
    for root in ("", HERE, "/elsewhere"):
        place = run(in_library, options={"root": root}).failure.place
        assert place.file == __file__
        assert str(place).startswith("test_failure.py:")


def test_an_error_without_any_frame_of_the_users_has_no_place():
    assert run(lambda x: x).failure.place is None


@dataclasses.dataclass
class Point:
    x: int
    name: str = "p"


class Wide(msgspec.Struct):
    a: int = 1
    b: int = 2
    c: int = 3
    d: int = 4
    e: int = 5
    f: int = 6
    g: int = 7


class Broken:
    def __repr__(self):
        raise RuntimeError


class Loud:
    def __repr__(self):
        return "<Loud\n   and long " + "x" * 1000 + ">"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        ("a b", "'a b'"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, ...]"),
        ({"a": [1]}, "{'a': [1]}"),
        (Point(1), "Point(x=1, name='p')"),
        (Point, "<class 'tests.node.test_failure.Point'>"),
        (Wide(), "Wide(a=1, b=2, c=3, d=4, e=5, f=6, …)"),
        (Broken(), "<Broken instance at "),
        (None, "None"),
    ],
)
def test_arguments_are_shown_in_short(value, shown):
    assert short_repr(value).startswith(shown)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, 10**5000, Loud(), b"x" * 10**6, {"k": "v" * 10**6}, [[["x" * 1000]]]],
    ids=["str", "int", "loud", "bytes", "dict", "nested"],
)
def test_arguments_are_never_shown_whole(value):
    shown = short_repr(value)
    assert len(shown) <= ARGUMENT
    assert "\n" not in shown


def test_arrays_and_frames_are_shown_by_their_shape():
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    assert short_repr(numpy.zeros((3, 4))) == "<ndarray 3 x 4 of float64>"
    assert short_repr(pandas.DataFrame({"a": [1, 2]})) == "<DataFrame 2 x 1>"
    assert short_repr(numpy.float64(0.5)) in {"0.5", "np.float64(0.5)"}


def test_an_object_that_lies_about_everything_is_survived():
    class Liar:
        def __getattr__(self, name):
            raise RuntimeError(name)

        def __repr__(self):
            raise RuntimeError

    assert "test_an_object_that_lies" in short_repr(Liar())


def test_classes_are_named_as_people_write_them():
    assert type_name(ValueError) == "ValueError"
    assert type_name(msgspec.ValidationError) == "msgspec.ValidationError"
    assert type_name(Point) == "tests.node.test_failure.Point"


def test_an_argument_that_holds_a_secret_is_not_shown_in_part():
    class Vault:
        def get(self, name):
            return "hunter2-very-secret"

    def fail(token, rate):
        raise ValueError("no")

    bench = make_bench(fail, vault=Vault(), secrets=("KEY",))
    bench.guard.get("KEY")
    record = run(fail, bench=bench, token="x" * (ARGUMENT - 10) + "hunter2-very-secret", rate=1)
    assert record.failure.arguments == {"token": "***", "rate": "1"}
