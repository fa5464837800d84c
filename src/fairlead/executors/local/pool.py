"""A fork server with its workers, as the driver holds them.

Processes, sockets and their ends only: which job goes where, and what the end of a worker means for
its job, is the executor's business. One run uses a pool at a time.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Collection, Iterator, Sequence
from time import monotonic, sleep
from typing import Any

import msgspec

from fairlead.errors import FairleadError
from fairlead.executors.local.forkserver import End, Exited, Fork, Heard, Park, Ready
from fairlead.executors.local.link import EXIT, Records, Slot, message, new_slot
from fairlead.executors.local.server import spawn
from fairlead.executors.processes import MARK, children, kill, marked
from fairlead.model.run import Code
from fairlead.wire import decoder

__all__ = ["Group", "Pool", "Worker"]

WARM = 300.0
"""Seconds that a pool which nobody uses keeps its processes."""

QUEUE = 1 << 20
"""Bytes of jobs that the kernel is asked to hold per group."""


class Worker:
    """A worker process, as the driver knows it."""

    __slots__ = ("group", "id", "pid", "records", "slot")

    def __init__(self, number: int, group: Group, slot: Slot, records: Records) -> None:
        self.id = number
        self.group = group
        self.slot = slot
        self.records = records
        self.pid = 0
        """0 until the fork server has said it."""


class Group:
    """Workers that share an environment, and so a queue."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.queue, self.far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        """Where jobs are put in; where workers, and the driver when it wants them back, take them out."""
        self.queue.setblocking(False)
        self.queue.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE)
        self.workers: set[Worker] = set()
        self.sent = 0
        """Jobs in the queue and in slots."""

    def take_back(self) -> list[bytes]:
        """Empty the queue; gives its messages in their order."""
        found = []
        while True:
            try:
                found.append(self.far_end.recv(1 << 18, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return found

    def is_empty(self) -> bool:
        """Whether no message waits in the queue."""
        return not select.select([self.far_end], [], [], 0)[0]

    def close(self) -> None:
        """Let the queue go."""
        self.queue.close()
        self.far_end.close()


class Pool:
    """A fork server and the workers that it has started."""

    def __init__(self, line: Sequence[str]) -> None:
        self.line = tuple(line)
        self.groups: dict[frozenset[tuple[str, str]], Group] = {}
        self.workers: dict[int, Worker] = {}
        """By the descriptor of their records."""
        self.stint = 0
        self._by_pid: dict[int, Worker] = {}
        self._by_id: dict[int, Worker] = {}
        self._serial = 0
        self._scratch = ""
        self._code: tuple[Any, dict[str, str]] | None = None
        self._ahead: tuple[dict[str, str], str] | None = None
        """What the worker was started in that is there before any run."""
        self._starts = 0
        """Starts of the fork server since it last started a worker."""
        self._encode = msgspec.msgpack.Encoder().encode
        self._heard: msgspec.msgpack.Decoder[Heard] = decoder(Heard)
        self.start()

    # --- the fork server --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the fork server; it is not waited for."""
        self._starts += 1
        if self._starts > 2:
            raise FairleadError(
                f"worker processes cannot be started: {' '.join(self.line)!r} ends at once; what it wrote says why"
            )
        server = spawn(self.line)
        self.mark, self.pid, self.control, self._environ = server.mark, server.pid, server.control, server.environ
        self.poll = select.poll()
        self.poll.register(self.control, select.POLLIN)
        self._control_poll = select.poll()
        self._control_poll.register(self.control, select.POLLIN)

    def hear(self) -> list[Heard] | None:
        """Take what the fork server has said; None: it has ended, or was let go."""
        if self.control.fileno() < 0:
            return None
        said: list[Heard] = []
        while True:
            try:
                data = self.control.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return said
            except ConnectionResetError:
                return None
            if not data:
                return None
            word = self._heard.decode(data)
            if isinstance(word, Ready):
                self._ready(word)
            said.append(word)

    def _order(self, order: Fork | End | Park, fds: Sequence[int] = ()) -> None:
        if self.control.fileno() < 0:
            return  # it was let go, and ends
        try:
            socket.send_fds(self.control, [self._encode(order)], fds)
        except (BrokenPipeError, ConnectionResetError):
            return  # the fork server has ended; whoever listens to it hears that

    def _ready(self, word: Ready) -> None:
        worker = self._by_id.pop(word.worker, None)
        if not word.pid:
            if worker is not None:
                self._leave_out(worker)
                self.bury(worker)
                if not worker.group.workers:
                    raise FairleadError(f"no worker process can be started: {word.problem}")
            return
        self._starts = 0
        if worker is None:
            self._order(End(word.pid, 0, 0.0))  # given up before it was there
            return
        worker.pid = word.pid
        self._by_pid[word.pid] = worker

    # --- workers ----------------------------------------------------------------------------------

    def group(self, env_vars: dict[str, str]) -> Group:
        """Give the group of workers that have these environment variables."""
        key = frozenset(env_vars.items())
        found = self.groups.get(key)
        if found is None:
            found = self.groups[key] = Group(dict(env_vars))
        return found

    def grow(self, group: Group) -> None:
        """Have one more worker started; it takes jobs as soon as it is there."""
        self._serial += 1
        ours, theirs = socket.socketpair()
        slot_fd = new_slot()
        try:
            worker = Worker(self._serial, group, Slot(slot_fd), Records(ours))
            worker.slot.set_scratch(self._scratch)
            now = {**os.environ, MARK: self.mark, **group.environ}
            changes: dict[str, str | None] = dict.fromkeys(self._environ.keys() - now.keys())
            changes.update((name, value) for name, value in now.items() if self._environ.get(name) != value)
            self._order(
                Fork(worker.id, changes, os.getcwd()),  # noqa: PTH109 - pathlib is a slow import
                [group.far_end.fileno(), theirs.fileno(), slot_fd],
            )
        finally:
            theirs.close()
            os.close(slot_fd)
        self._by_id[worker.id] = worker
        self.workers[ours.fileno()] = worker
        group.workers.add(worker)
        self.poll.register(ours, select.POLLIN)

    def grow_ahead(self) -> None:
        """Have the first worker started before there is a run."""
        self._ahead = dict(os.environ), os.getcwd()  # noqa: PTH109 - pathlib is a slow import
        self.grow(self.group({}))

    def end(self, worker: Worker, seq: int, grace: float) -> None:
        """Have a worker ended with everything below it, if it is still at that job (0: at any)."""
        if worker.pid:
            self._order(End(worker.pid, seq, grace))

    def dismiss(self, group: Group) -> None:
        """Have the workers of a group that has nothing to do end by themselves."""
        for _ in group.workers:
            group.queue.send(message(0, self.stint, EXIT, b""))

    def gone(self, pid: int) -> Worker | None:
        """Take a worker that has ended out of the books; its slot and records can still be read."""
        worker = self._by_pid.get(pid)
        if worker is not None:
            self._leave_out(worker)
        return worker

    def silence(self, worker: Worker) -> None:
        """Listen no more to a worker that has closed its end."""
        self.poll.unregister(worker.records.socket)

    def _leave_out(self, worker: Worker) -> None:
        self._by_pid.pop(worker.pid, None)
        self._by_id.pop(worker.id, None)
        self.workers.pop(worker.records.socket.fileno(), None)
        worker.group.workers.discard(worker)
        try:
            self.poll.unregister(worker.records.socket)
        except KeyError:
            return  # silenced before

    def bury(self, worker: Worker) -> None:
        """Let go what tied a worker that is out of the books to the driver."""
        worker.slot.close()
        worker.records.socket.close()

    # --- runs -------------------------------------------------------------------------------------

    def begin(self, scratch: str, code: Code) -> None:
        """Get ready for another run; workers that know other code or another environment are let go."""
        outside = (dict(os.environ), os.getcwd(), code.root, code.python, code.paths)  # noqa: PTH109
        modules = {name: file.digest for name, file in code.modules.items()}
        if self._code is not None:
            before, known = self._code
            if before != outside or any(known.get(name, digest) != digest for name, digest in modules.items()):
                self._replace_workers()
            else:
                modules = {**known, **modules}
        elif self._ahead is not None and self._ahead != outside[:2]:
            self._replace_workers()
        self._code = outside, modules
        self._scratch = scratch
        self.stint += 1
        for worker in self.workers.values():
            worker.slot.set_scratch(scratch)

    def _replace_workers(self) -> None:
        for worker in list(self.workers.values()):
            self.end(worker, 0, 0.0)
            self._leave_out(worker)
            self.bury(worker)
        for group in self.groups.values():
            group.close()
        self.groups.clear()

    def finish(self, unfinished: Collection[int]) -> bool:
        """End what still runs of these jobs; gives whether the pool can be used again."""
        for group in self.groups.values():
            group.take_back()
            group.sent = 0
        # Processes that a task left behind end with the run, and their worker with them.
        ending = {
            worker for worker in self.workers.values() if worker.slot.seq in unfinished or children(worker.pid or -1)
        }
        told: set[Worker] = set()
        patience = monotonic() + 5
        # Without a fork server there is nobody to end them: whoever closes the pool then sweeps.
        while (ending := ending & set(self.workers.values())) and self.control.fileno() >= 0 and monotonic() < patience:
            for worker in ending - told:
                if worker.pid:  # otherwise the fork server has not said it yet
                    self.end(worker, 0, 0.0)
                    told.add(worker)
            self._control_poll.poll(20)
            for _ in self._listen():
                pass
        return self.control.fileno() >= 0 and not ending

    def _listen(self) -> Iterator[Heard]:
        """Hear what the fork server says, and forget workers that have ended."""
        said = self.hear()
        if said is None:
            self.control.close()
            return
        for word in said:
            if isinstance(word, Exited) and (worker := self.gone(word.pid)) is not None:
                self.bury(worker)
            yield word

    def sweep(self) -> None:
        """See to it that nothing of what this pool has ever started still runs.

        The fork server has ended, or is about to: it comes first, and ends what is below it.
        """
        patience = monotonic() + 6
        while not self._has_ended() and monotonic() < patience:
            sleep(0.001)
        while (left := marked(self.mark)) and monotonic() < patience:
            kill(left)
            self._has_ended()
            sleep(0.002)

    def _has_ended(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True  # seen before, or somebody else has waited for it

    def close(self) -> None:
        """End every process of the pool."""
        self.let_go()
        self.sweep()

    def let_go(self) -> None:
        """Close the driver's ends: the fork server ends everything when it sees that."""
        self.control.close()
        for worker in list(self.workers.values()):
            worker.slot.close()
            worker.records.socket.close()
        for group in self.groups.values():
            group.close()
        self.workers.clear()
        self.groups.clear()
        self._by_pid.clear()
        self._by_id.clear()

    def leave_warm(self) -> None:
        """Nobody uses the pool for now."""
        self._order(Park(WARM))

    def is_alive(self) -> bool:
        """Whether the fork server still runs; hears what it has to say."""
        for _ in self._listen():
            pass
        return self.control.fileno() >= 0
