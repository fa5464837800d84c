"""What ties a worker to its driver: both ends, in one process."""

import os
import socket

import msgspec
import pytest

from fairlead.errors import FairleadError
from fairlead.executors.local.link import EXIT, JOB, SPILLED, Records, Slot, WorkerLink, message, new_slot, seq_of
from fairlead.model.events import Attempt
from fairlead.model.values import Inline
from fairlead.ports import Job

JOB_A = Job("r", "a", 1, 0, {"x": Inline("json", b"1")})


class Ends:
    def __init__(self, folder):
        self.queue, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours, theirs = socket.socketpair()
        fd = new_slot()
        self.slot = Slot(fd)
        self.slot.set_scratch(str(folder))
        self.link = WorkerLink(far, theirs, fd)
        self.records = Records(self.ours)
        self.sockets = [self.queue, far, self.ours, theirs]
        os.close(fd)

    def put(self, seq, job=JOB_A, kind=JOB, stint=1):
        payload = job if isinstance(job, bytes) else msgspec.msgpack.encode(job)
        self.queue.send(message(seq, stint, kind, payload))


@pytest.fixture
def ends(tmp_path):
    made = Ends(tmp_path)
    yield made
    made.slot.close()
    for end in made.sockets:
        end.close()


def test_a_job_is_in_the_slot_from_its_receipt_to_its_answer(ends, tmp_path):
    assert ends.slot.seq == 0
    ends.put(7)
    assert ends.link.receive(5) == JOB_A
    assert (ends.slot.seq, ends.link.stint, ends.link.scratch) == (7, 1, str(tmp_path))
    assert ends.slot.started(7)[2] == 5
    assert ends.slot.started(8) is None
    ends.link.begins(9)
    assert ends.slot.started(7)[2] == 9
    ends.link.send(Attempt("a", 1))
    assert ends.slot.seq == 0
    assert ends.records.read(bytearray(1 << 16)) == [(7, Attempt("a", 1))]


def test_a_large_job_comes_through_a_file(ends, tmp_path):
    (tmp_path / "job").write_bytes(msgspec.msgpack.encode(JOB_A))
    ends.put(1, os.fsencode(tmp_path / "job"), SPILLED)
    assert ends.link.receive(0) == JOB_A


def test_the_end_is_said_or_seen(ends):
    ends.put(0, b"", EXIT)
    assert ends.link.receive(0) is None
    ends.queue.close()
    assert ends.link.receive(0) is None


def test_a_message_that_is_taken_back_tells_its_job():
    assert seq_of(message(42, 1, JOB, b"rest")) == 42


def test_records_come_whole_however_they_are_cut(ends):
    sent = [Attempt(f"a[{number}]", 1, worker="x" * number * 100) for number in range(20)]
    for seq, record in enumerate(sent, 1):
        ends.put(seq)
        ends.link.receive(0)
        ends.link.send(record)
    room, found = bytearray(100), []
    while (some := ends.records.read(room)) is not None:
        found += some
    assert found == list(enumerate(sent, 1))


def test_a_record_that_was_cut_off_is_no_record(ends):
    ends.put(1)
    ends.link.receive(0)
    ends.link.send(Attempt("a", 1))
    whole = ends.ours.recv(1 << 16)
    ends.sockets[3].sendall(whole[:-1])
    assert ends.records.read(bytearray(1 << 16)) == []
    ends.sockets[3].close()
    assert ends.records.read(bytearray(1 << 16)) is None


def test_a_folder_with_an_endless_name_is_refused(ends):
    with pytest.raises(FairleadError, match="too long"):
        ends.slot.set_scratch("x" * 10_000)
