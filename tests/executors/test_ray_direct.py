"""Large objects past the page cache: every byte in its place, whichever way it went."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fairlead.executors.ray.direct import PIECE, Paces, write


@contextmanager
def opened(path: Path, flags: int = os.O_WRONLY | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


SIZES = {
    "less than a block": [100],
    "a block": [4096],
    "a piece and a bit": [PIECE + 1],
    "chunks across pieces": [5, PIECE - 1, 0, 3 * PIECE, 4096, 77],
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("folder", ["/dev/shm", ""], ids=["in memory", "on a disk"])
def test_a_file_has_every_byte_of_its_chunks_and_no_more(sizes: list[int], folder: str, tmp_path: Path) -> None:
    path = Path(folder or tmp_path, f"fairlead-test-{os.getpid()}")
    chunks = [random.Random(place).randbytes(size) for place, size in enumerate(sizes)]
    try:
        with opened(path) as descriptor:
            write(descriptor, [memoryview(chunk) for chunk in chunks], Paces())
        assert path.read_bytes() == b"".join(chunks)
    finally:
        path.unlink()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with opened(tmp_path / "f", os.O_RDONLY) as descriptor, pytest.raises(OSError, match="Bad file descriptor"):
        write(descriptor, [memoryview(b"data")], Paces())


def ways(paces: Paces, past: float, through: float, pieces: int) -> str:
    """Have pieces of 1,000 bytes take so many seconds by each way; gives the ways that they went."""
    went = ""
    for _ in range(pieces):
        is_past = paces.is_past()
        paces.took(past if is_past else through, 1_000, past=is_past)
        went += "p" if is_past else "t"
    return went


def test_both_ways_are_tried_and_then_the_faster_one_is_taken() -> None:
    assert ways(Paces(), 1.0, 3.0, 5) == "ptppp"
    assert ways(Paces(), 3.0, 1.0, 5) == "ptttt"


def test_the_slower_way_is_tried_now_and_then() -> None:
    assert ways(Paces(), 1.0, 3.0, 1_000).count("t") == 8


def test_a_way_that_becomes_slow_is_left() -> None:
    paces = Paces()
    ways(paces, 1.0, 3.0, 50)
    assert ways(paces, 9.0, 3.0, 50).count("t") > 40
