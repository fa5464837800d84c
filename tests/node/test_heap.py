"""What a worker's process keeps of memory between tasks, in processes of their own: it is set once and for all."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the GNU C library's own settings")

_PRELUDE = """
import ctypes, mmap
from fairlead.node import heap
heap._bound = lambda: {bound}
kept = heap.Heap()
libc = ctypes.PyDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = (ctypes.c_size_t,)
libc.free.argtypes = (ctypes.c_void_p,)
libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * mmap.PAGESIZE >> 20
def use(megabytes):
    place = libc.malloc(megabytes << 20)
    libc.memset(place, 1, megabytes << 20)
    return place
before = resident()
"""


def _in_a_process(code: str, *, bound: int = 256 << 20, **environ: str) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    program = _PRELUDE.format(bound=bound) + code + "\nprint(resident() - before)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=kept | environ, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_what_a_task_let_go_is_there_for_the_next():
    assert _in_a_process("libc.free(use(100)); kept.tidy()") > 90


def test_more_than_the_bound_goes_back():
    assert _in_a_process("libc.free(use(100)); kept.tidy()", bound=64 << 20) < 50


def test_a_large_heap_under_something_small_goes_back():
    pieces = "places = [use(50) for _ in range(4)]; top = use(1)\nfor place in places: libc.free(place)"
    assert _in_a_process(pieces, bound=64 << 20) > 150
    assert _in_a_process(f"{pieces}\nkept.tidy()", bound=64 << 20) < 50


def test_where_little_may_be_kept_nothing_is_changed():
    assert _in_a_process("libc.free(use(100)); kept.tidy()", bound=32 << 20) < 50


def test_the_c_librarys_own_variables_come_first():
    assert _in_a_process("libc.free(use(100)); kept.tidy()", MALLOC_TRIM_THRESHOLD_="100000") < 50


def test_all_workers_together_keep_a_small_part_of_memory():
    from fairlead.node import heap

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert heap._bound() * (os.cpu_count() or 1) <= memory // 16
