"""Decoders are made one at a time: two threads that make the first one together crash the process."""

import subprocess
import sys
import threading

import msgspec

from fairlead.wire import converted, decoder, json_decoder

TOGETHER = """
import sys, threading
from fairlead.model.run import Run
from fairlead.model.workflow import Workflow
from fairlead.wire import decoder
import msgspec

data = msgspec.msgpack.encode(Run("calm-otter", Workflow(name="w"), 1.0))
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
found = []

def look():
    start.wait()
    found.append(decoder(Run).decode(data).id)

threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found == ["calm-otter"] * 8)
"""


def test_many_threads_may_read_the_first_run_of_a_process_at_once():
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


class Point(msgspec.Struct):
    x: int


def test_what_is_made_once_is_given_again():
    assert decoder(Point) is decoder(Point) and json_decoder(Point) is json_decoder(Point)
    assert json_decoder(Point).decode(b'{"x": 1}') == converted({"x": 1}, Point) == Point(1)


def test_a_conversion_may_convert_in_turn():
    class Odd:
        pass

    def hook(kind, value):
        converted(value, int)
        return Odd()

    done = []
    thread = threading.Thread(target=lambda: done.append(converted([1], list[Odd], dec_hook=hook)), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
