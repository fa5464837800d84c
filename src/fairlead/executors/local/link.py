"""What ties a worker to its driver: a shared queue of jobs, a slot, and a stream of records.

The queue is one SEQPACKET socket that all workers of a group receive from: the kernel hands each
message to exactly one of them. A worker receives *into its slot*, which is memory that it shares
with the driver. So a job is at every instant in the queue, in a slot, or answered, however hard a
worker dies, and nobody has to send word of what runs where.

    slot     0  started: f8, seconds since the epoch    8  started: f8, monotonic
            16  log_start: u8    24  seq of these: u8   32  scratch: u4 length, then the path
          8192  the message: seq u8, stint u4, kind u4, then the job

`seq` is 0 while the worker has no job. Nothing here decides which job runs, or what a death means.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
from pathlib import Path
from time import monotonic, time

import msgspec

from fairlead.errors import FairleadError
from fairlead.model.events import Attempt
from fairlead.ports import Job
from fairlead.wire import decoder

__all__ = ["EXIT", "JOB", "LARGEST", "SPILLED", "Records", "Slot", "WorkerLink", "message", "new_slot", "seq_of"]

JOB, SPILLED, EXIT = 0, 1, 2
"""Kinds of message: a job, the path of a file with one, and `whoever gets this ends`."""

LARGEST = 100_000
"""Bytes of the largest message; larger ones go through a file."""

_STARTED = struct.Struct("=ddQQ")
_LENGTH = struct.Struct("=I")
_HEAD = struct.Struct("=QII")
_SEQ = struct.Struct("=Q")
_FRAME = struct.Struct("=QI")

_PATH_AT = 32
_MESSAGE_AT = 8192
_PAYLOAD_AT = _MESSAGE_AT + _HEAD.size
_SIZE = 128 * 1024


class Slot:
    """A worker's slot, as the driver and the fork server see it."""

    __slots__ = ("_map",)

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, _SIZE)

    @property
    def seq(self) -> int:
        """The job that the worker has; 0: none."""
        return int(_SEQ.unpack_from(self._map, _MESSAGE_AT)[0])

    def started(self, seq: int) -> tuple[float, float, int] | None:
        """When a job started, by the wall clock and by the monotonic one, and where its log begins."""
        started, ticks, log_start, of = _STARTED.unpack_from(self._map, 0)
        return (started, ticks, log_start) if of == seq else None

    def set_scratch(self, path: str) -> None:
        """Say where the next run's brief is; the worker has no job now."""
        data = os.fsencode(path)
        if len(data) > _MESSAGE_AT - _PATH_AT - _LENGTH.size:
            raise FairleadError(f"the path of the run's folder is too long for this system: {path!r}")
        _LENGTH.pack_into(self._map, _PATH_AT, len(data))
        self._map[_PATH_AT + _LENGTH.size : _PATH_AT + _LENGTH.size + len(data)] = data

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()


def new_slot() -> int:
    """Make the memory of a slot; gives its descriptor."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("fairlead-slot", os.MFD_CLOEXEC)
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.truncate(fd, _SIZE)
    return fd


def message(seq: int, stint: int, kind: int, payload: bytes) -> bytes:
    """Put a message for the queue together."""
    return _HEAD.pack(seq, stint, kind) + payload


def seq_of(received: bytes) -> int:
    """Tell which job a message that was taken back from the queue carries."""
    return int(_SEQ.unpack_from(received)[0])


class WorkerLink:
    """The worker's end."""

    def __init__(self, queue: socket.socket, records: socket.socket, slot_fd: int) -> None:
        self.stint = -1
        self.scratch = ""
        self._queue = queue
        self._records = records
        self._map = mmap.mmap(slot_fd, _SIZE)
        self._view = memoryview(self._map)
        self._room = self._view[_MESSAGE_AT : _MESSAGE_AT + LARGEST + _HEAD.size]
        self._jobs: msgspec.msgpack.Decoder[Job] = decoder(Job)
        self._encoder = msgspec.msgpack.Encoder()
        self._frame = bytearray(4096)
        self._seq = 0
        # The pages are there from now on: nothing can go wrong any more between kernel and slot.
        _HEAD.pack_into(self._map, _MESSAGE_AT, 0, 0, 0)

    def receive(self, log_end: int) -> Job | None:
        """Wait for a job; None when no more will come."""
        while True:
            size = self._queue.recv_into(self._room)
            if not size:
                return None
            self._seq, stint, kind = _HEAD.unpack_from(self._map, _MESSAGE_AT)
            _STARTED.pack_into(self._map, 0, time(), monotonic(), log_end, self._seq)
            if kind == EXIT:
                return None
            if stint != self.stint:
                self.stint = stint
                (length,) = _LENGTH.unpack_from(self._map, _PATH_AT)
                self.scratch = os.fsdecode(self._map[_PATH_AT + _LENGTH.size : _PATH_AT + _LENGTH.size + length])
            payload = self._view[_PAYLOAD_AT : _MESSAGE_AT + size]
            if kind == SPILLED:
                return self._jobs.decode(Path(os.fsdecode(bytes(payload))).read_bytes())
            return self._jobs.decode(payload)

    def begins(self, log_end: int) -> None:
        """Correct where the job's output begins."""
        started, ticks, _, seq = _STARTED.unpack_from(self._map, 0)
        _STARTED.pack_into(self._map, 0, started, ticks, log_end, seq)

    def send(self, record: Attempt) -> None:
        """Hand a record over, whole; the slot is free after that."""
        frame = self._frame
        self._encoder.encode_into(record, frame, _FRAME.size)
        _FRAME.pack_into(frame, 0, self._seq, len(frame) - _FRAME.size)
        self._records.sendall(frame)
        _SEQ.pack_into(self._map, _MESSAGE_AT, 0)


class Records:
    """The driver's end of a worker's stream of records."""

    __slots__ = ("_rest", "_wanted", "socket")

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)
        self.socket = stream
        self._rest = bytearray()
        """What has come of an unfinished record."""
        self._wanted = 0
        """Bytes that `_rest` must have before it is looked at again."""

    def read(self, room: bytearray) -> list[tuple[int, Attempt]] | None:
        """Take what has come by now; None: nothing has."""
        try:
            size = self.socket.recv_into(room)
        except (BlockingIOError, ConnectionResetError):
            return None
        if not size:
            return None
        if not self._rest:
            return self._parse(memoryview(room)[:size])
        whole = self._rest
        whole += memoryview(room)[:size]
        if len(whole) < self._wanted:
            return []
        self._rest = bytearray()
        return self._parse(memoryview(whole))

    def _parse(self, data: memoryview) -> list[tuple[int, Attempt]]:
        found = []
        decode = decoder(Attempt).decode
        at, end = 0, len(data)
        self._wanted = _FRAME.size
        while end - at >= _FRAME.size:
            seq, length = _FRAME.unpack_from(data, at)
            begin = at + _FRAME.size
            if end - begin < length:
                self._wanted = _FRAME.size + length
                break
            at = begin + length
            found.append((seq, decode(data[begin:at])))
        if at < end:
            self._rest = bytearray(data[at:])
        return found
