"""Secrets are taken out of streams, wherever these are cut."""

import random
from itertools import pairwise

import pytest

from fairlead.model.masks import MASK, Mask


def through(secrets, pieces):
    mask = Mask(secrets)
    return b"".join([*(mask.feed(piece) for piece in pieces), mask.end()])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"a hunter2 b"], b"a *** b"),
        ([b"a hun", b"ter2", b" b"], b"a *** b"),
        ([b"hun", b"dred"], b"hundred"),
        ([b"hunter2hunter2"], b"******"),
        ([b"hunter"], b"hunter"),
        ([b"ab", b"c"], b"***"),
        ([b"abc", b"def"], b"***"),
        ([b"bc", b"ab", b"Y"], b"***Y"),
    ],
)
def test_secrets_are_masked(pieces, expected):
    assert through(["hunter2", "abc", "abcdef", "bcab", "abX"], pieces) == expected


def test_what_can_be_no_secret_is_given_at_once():
    mask = Mask(["hunter2"])
    assert [mask.feed(b"name? "), mask.feed(b"hun"), mask.feed(b"g"), mask.end()] == [b"name? ", b"", b"hung", b""]


def test_without_secrets_everything_passes():
    assert Mask([""]).feed(b"abc") == b"abc" and Mask([]).all(b"x") == b"x"


def test_no_cut_lets_a_secret_through():
    secrets = ["abc", "abcdef", "bcab", "abX", "hunter2"]
    dice = random.Random(1)
    for _ in range(3000):
        text = "".join(dice.choice(["a", "b", "c", "X", "abc", "def", "hunter2", "hun"]) for _ in range(6)).encode()
        cuts = [0, *sorted(dice.sample(range(len(text) + 1), 2)), len(text)]
        out = through(secrets, [text[start:end] for start, end in pairwise(cuts)])
        left = out.replace(MASK, b"\0")
        assert not any(secret.encode() in left for secret in secrets), (text, cuts, out)
