"""What a process does so that no secret is written down."""

from __future__ import annotations

import os
from array import array

import pytest

from fairlead.errors import NotFound, UnstorableValue
from fairlead.node.pump import Pump
from fairlead.node.secrecy import Guard, forms

VALUES = {"KEY": "correct-horse", "QUOTED": 'a"b\nc', "SHORT": "abc"}


class Vault:
    def __init__(self):
        self.asked = []

    def get(self, name):
        self.asked.append(name)
        if name not in VALUES:
            raise NotFound(f"no secret {name!r}")
        return VALUES[name]


@pytest.fixture
def guard():
    return Guard(Vault)


def test_nothing_is_fetched_before_it_is_asked_for():
    def opened():
        raise AssertionError("opened")

    guard = Guard(opened)
    assert not guard.knows_any and guard.masked("text") == "text" and guard.name_in(b"x") == ""


def test_a_known_secret_is_taken_out_of_texts_in_every_common_form(guard):
    assert guard.get("KEY") == "correct-horse" and guard.get("QUOTED") == 'a"b\nc'
    for form in forms('a"b\nc') | forms("correct-horse"):
        assert guard.masked(f"<{form}>") == "<***>"
    assert guard.masked("caf\udce9 correct-horse") == "caf\udce9 ***"


def test_a_secret_that_is_gone_is_given_as_it_was_known(monkeypatch):
    values = {"KEY": "correct-horse"}
    monkeypatch.setattr(f"{__name__}.VALUES", values)
    guard = Guard(Vault)
    guard.learn(["KEY"])
    values["KEY"] = "battery-staple"
    assert guard.get("KEY") == "battery-staple"
    values.clear()
    assert guard.get("KEY") == "battery-staple"
    with pytest.raises(NotFound):
        guard.get("OTHER")


def test_a_value_of_three_characters_is_not_looked_for(guard):
    assert guard.get("SHORT") == "abc" and not guard.knows_any


def test_what_is_not_there_is_left_to_the_task(guard):
    guard.learn(["NONE", "KEY"])
    assert guard.knows_any
    with pytest.raises(NotFound):
        guard.get("NONE")


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: memoryview(array("B", data))])
def test_bytes_that_hold_one_are_refused_by_its_name(guard, wrap):
    guard.learn(["KEY"])
    guard.refuse(wrap(b"nothing"))
    with pytest.raises(UnstorableValue, match="it holds the secret 'KEY'"):
        guard.refuse(wrap(b"xx correct-horse xx"))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_one_that_is_cut_by_the_borders_of_pieces_is_refused_as_well(guard, size):
    whole = b"before " + guard.get("KEY").encode() + b" after"
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    with pytest.raises(UnstorableValue, match="KEY"):
        guard.refuse_across([*pieces, b"", array("d", [1.0])])
    guard.refuse_across([b"before", b"", memoryview(b" after"), array("d", [1.0])])


def test_what_is_learnt_later_is_told_too(guard):
    heard = []
    guard.listen(lambda found: heard.extend(found))
    assert heard == []
    guard.learn(["KEY"])
    assert "correct-horse" in heard


@pytest.fixture
def pump(tmp_path):
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    made = Pump(log)
    yield made
    os.close(log)


def test_what_goes_through_the_pump_is_masked_and_there_when_it_is_drained(pump, tmp_path):
    os.write(pump.write_end, b"before correct-horse\n")
    pump.drain()
    pump.learn(["correct-horse"])
    for piece in (b"now cor", b"rect-", b"horse and correct-", b"hors", b"e", b"\n"):
        os.write(pump.write_end, piece)
    pump.drain()
    assert (tmp_path / "log").read_bytes() == b"before correct-horse\nnow *** and ***\n"
    pump.close()


def test_a_drain_gives_back_what_looked_like_a_beginning(pump, tmp_path):
    pump.learn(["correct-horse"])
    os.write(pump.write_end, b"correct-h")
    pump.drain()
    assert (tmp_path / "log").read_bytes() == b"correct-h"
    pump.close()


def test_a_megabyte_goes_through_whole(pump, tmp_path):
    pump.learn(["correct-horse"])
    data = os.urandom(1 << 20).replace(b"c", b"d")
    view = memoryview(data)
    while view:
        view = view[os.write(pump.write_end, view) :]
    pump.drain()
    pump.drain()
    assert (tmp_path / "log").read_bytes() == data
    pump.close()
