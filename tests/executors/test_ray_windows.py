"""Shared memory seen as one's own. A file without a name that is mapped here stands in for Ray's."""

from __future__ import annotations

import gc
import mmap
import os
import weakref
from collections.abc import Iterator

import pytest

from fairlead.executors.ray.windows import window


@pytest.fixture
def memory() -> Iterator[memoryview]:
    file = os.memfd_create("shared")
    os.ftruncate(file, 100_000)
    shared = mmap.mmap(file, 100_000)
    shared[:] = bytes(place % 251 for place in range(100_000))
    yield memoryview(shared).toreadonly()
    os.close(file)


def test_a_window_shows_what_is_there(memory: memoryview) -> None:
    seen = window([memory[5_000:90_001]], os.getpid())
    assert seen is not None
    assert bytes(seen) == bytes(memory[5_000:90_001])


def test_who_writes_to_a_window_changes_nothing_behind_it(memory: memoryview) -> None:
    before = bytes(memory)
    seen = window([memory[64:50_000]], os.getpid())
    assert seen is not None
    seen[:] = bytes(len(seen))
    assert bytes(memory) == before
    again = window([memory[64:50_000]], os.getpid())
    assert again is not None
    assert bytes(again) == before[64:50_000]


def test_parts_behind_each_other_are_seen_as_one(memory: memoryview) -> None:
    parts = [memory[64:128], memory[128:64_000], memory[64_000:64_003]]
    seen = window(parts, os.getpid())
    assert seen is not None
    assert bytes(seen) == bytes(memory[64:64_003])


def test_parts_with_gaps_are_not_seen_as_one(memory: memoryview) -> None:
    assert window([memory[64:100], memory[128:256]], os.getpid()) is None
    assert window([memory[128:256], memory[64:128]], os.getpid()) is None


def test_memory_that_nobody_shares_is_not_seen() -> None:
    assert window([memoryview(bytes(100_000))], os.getpid()) is None


def test_memory_whose_maker_does_not_have_it_is_not_seen() -> None:
    file = os.memfd_create("closed")
    os.ftruncate(file, 4096)
    shared = mmap.mmap(file, 4096, access=mmap.ACCESS_READ)
    os.close(file)
    assert window([memoryview(shared)], os.getppid()) is None


def test_files_that_were_used_long_ago_are_let_go() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        file = os.memfd_create("shared")
        os.ftruncate(file, 4096)
        shared = mmap.mmap(file, 4096)
        for _ in range(2):
            assert window([memoryview(shared)], os.getpid()) is not None
        os.close(file)
        shared.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 4


def test_the_memory_is_held_as_long_as_somebody_looks() -> None:
    file = os.memfd_create("shared")
    os.ftruncate(file, 100_000)
    shared = mmap.mmap(file, 100_000)
    held = weakref.ref(shared)
    seen = window([memoryview(shared)[64:50_000].toreadonly()], os.getpid())
    os.close(file)
    assert seen is not None
    part = seen[10:20]
    del shared, seen
    gc.collect()
    assert held() is not None
    del part
    gc.collect()
    assert held() is None
