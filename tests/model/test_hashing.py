"""Hashes of what is small and large are those that everybody knows."""

import hashlib

import pytest

from fairlead.model.hashing import blake2b, sha256

BORDER = 16 * 1024


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"abc",),
        (b"x" * (BORDER - 1),),
        (b"x" * BORDER,),
        (b"a", b"", memoryview(b"bc")),
        (b"head", memoryview(b"y" * BORDER), b"tail"),
        (),
    ],
    ids=["nothing", "small", "below the border", "at the border", "small pieces", "large pieces", "no piece"],
)
def test_the_pieces_are_hashed_one_after_the_other(pieces):
    wanted = hashlib.sha256(b"".join(pieces))
    assert sha256(*pieces).hexdigest() == wanted.hexdigest()
    assert sha256(*pieces).digest() == wanted.digest()


def test_blake2_is_that_of_the_standard_library():
    assert blake2b(b"abc", digest_size=16).hexdigest() == hashlib.blake2b(b"abc", digest_size=16).hexdigest()
