"""The process that workers are forked from, and that sees to it that none outlives the driver.

Single-threaded, and with no code of the user's, so that a fork is cheap and safe. It starts workers,
reports their ends, ends them with everything below them, and ends everything when the driver is
gone, however the driver went. Which job runs where is none of its business.

Linux. Elsewhere there is no adoption of orphans: children that left their worker's process group
outlive it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, NoReturn

import msgspec

from fairlead.executors.local.link import Slot
from fairlead.executors.processes import adopt_orphans, children, descendants, die_with_parent, kill
from fairlead.wire import decoder

__all__ = ["End", "Exited", "Fork", "ForkServer", "Heard", "Order", "Park", "Ready", "watch"]

WorkerMain = Callable[[socket.socket, socket.socket, int], None]
"""What a worker does: (queue, records, slot)."""

LARGEST_ORDER = 1 << 20


class Fork(msgspec.Struct, array_like=True, tag="fork"):
    """Start a worker; its queue, records and slot descriptors come along."""

    worker: int
    environ: dict[str, str | None]
    """What differs from the fork server's own; None: not there."""
    cwd: str


class End(msgspec.Struct, array_like=True, tag="end"):
    """End a worker with everything below it, if it is still at that job."""

    pid: int
    seq: int
    """The job that is to end; 0: end it whatever it does."""
    grace: float
    """Seconds between SIGTERM and SIGKILL."""


class Park(msgspec.Struct, array_like=True, tag="park"):
    """Nobody uses the pool; end everything after so many seconds without another order."""

    seconds: float


Order = Fork | End | Park


class Ready(msgspec.Struct, array_like=True, tag="ready"):
    """A worker was started."""

    worker: int
    pid: int
    """0: it could not be."""
    problem: str = ""


class Exited(msgspec.Struct, array_like=True, tag="exited"):
    """A worker has ended, with everything below it."""

    pid: int
    code: int
    """As `os.waitstatus_to_exitcode` has it: below zero for a signal."""


Heard = Ready | Exited


class _Child:
    """A worker, as the fork server knows it."""

    __slots__ = ("deadline", "doomed", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.doomed = 0
        self.deadline = 0.0
        """When SIGKILL follows, by the monotonic clock; 0: it is not to end."""


class ForkServer:
    """The loop of the fork server."""

    def __init__(self, control: socket.socket, watched: Sequence[int], worker_main: WorkerMain) -> None:
        """`watched`: descriptors of processes (`watch`) without which this one is to end."""
        self._control = control
        self._worker_main = worker_main
        self._pid = os.getpid()
        self._workers: dict[int, _Child] = {}
        self._ended: list[Exited] = []
        """Not reported yet: something of theirs still runs."""
        self._strays_until = 0.0
        self._parked_until = 0.0
        self._orders: msgspec.msgpack.Decoder[Order] = decoder(Order)
        self._encode = msgspec.msgpack.Encoder().encode
        self._poll = select.poll()
        self._wake_read, self._wake_write = os.pipe()
        self._watched = [fd for fd in watched if fd >= 0]

    def serve(self) -> NoReturn:
        """Carry out orders until the driver is gone; then end everything, and this process."""
        adopt_orphans()
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        for fd in (self._control.fileno(), self._wake_read, *self._watched):
            self._poll.register(fd, select.POLLIN)
        try:
            while self._turn():
                pass
        finally:
            self._end_all()
            os._exit(0)

    def _turn(self) -> bool:
        ready = {fd for fd, _ in self._poll.poll(self._patience())}
        if not ready.isdisjoint(self._watched):
            return False
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self._control.fileno() in ready:
            data, fds, _, _ = socket.recv_fds(self._control, LARGEST_ORDER, 8)
            if not data:
                return False
            self._parked_until = 0.0
            self._carry_out(self._orders.decode(data), fds)
        self._reap()
        return self._keep_deadlines()

    def _patience(self) -> int | None:
        """Milliseconds until something is due; None: nothing is."""
        dues = [child.deadline for child in self._workers.values() if child.deadline]
        if self._ended:
            dues.append(monotonic() + 0.001)  # something of theirs is about to end
        if self._parked_until:
            dues.append(self._parked_until)
        return max(0, int((min(dues) - monotonic()) * 1000) + 1) if dues else None

    def _carry_out(self, order: Order, fds: list[int]) -> None:
        if isinstance(order, Fork):
            self._fork(order, fds)
        elif isinstance(order, End):
            self._end(order)
        else:
            self._parked_until = monotonic() + order.seconds

    def _tell(self, word: Heard) -> None:
        try:
            self._control.send(self._encode(word))
        except OSError:
            return  # the driver is gone, which the next turn sees

    # --- starting ---------------------------------------------------------------------------------

    def _fork(self, order: Fork, fds: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(Ready(order.worker, 0, str(error)))
        else:
            if not pid:
                self._become_worker(order, fds)
            self._workers[pid] = _Child(Slot(fds[2]))
            self._tell(Ready(order.worker, pid))
        for fd in fds:
            os.close(fd)

    def _become_worker(self, order: Fork, fds: list[int]) -> NoReturn:
        code = 70
        try:
            os.setsid()
            die_with_parent(self._pid)
            # So that whatever a task leaves behind stays below its worker, and can be found.
            adopt_orphans()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for fd in (self._wake_read, self._wake_write, *self._watched):
                os.close(fd)
            for child in self._workers.values():
                child.slot.close()
            _set_environ(order.environ)
            os.chdir(order.cwd)
            queue, records = socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1])
            self._worker_main(queue, records, fds[2])
            code = 0
        except BaseException:  # noqa: BLE001  # ours: told where the job's output goes, and by the exit code
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)

    # --- ending -----------------------------------------------------------------------------------

    def _end(self, order: End) -> None:
        child = self._workers.get(order.pid)
        if child is None:
            return
        if order.grace <= 0:
            self._strike(order.pid, child, order.seq, signal.SIGKILL)
        elif self._strike(order.pid, child, order.seq, signal.SIGTERM):
            child.doomed = order.seq
            child.deadline = monotonic() + order.grace

    def _strike(self, pid: int, child: _Child, seq: int, number: int) -> bool:
        """Send a signal to a worker and all below it, unless it has gone on to another job.

        The worker is held still meanwhile: nothing can start or end between looking and striking.
        """
        os.kill(pid, signal.SIGSTOP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self._exited(pid, status)
            return False
        meant = not seq or child.slot.seq == seq
        if meant:
            kill([*descendants(pid), pid], number)
        os.kill(pid, signal.SIGCONT)
        return meant

    def _keep_deadlines(self) -> bool:
        now = monotonic()
        for pid, child in list(self._workers.items()):
            if child.deadline and now >= child.deadline:
                child.deadline = 0.0
                self._strike(pid, child, child.doomed, signal.SIGKILL)
        if self._ended:
            self._sweep(now)
        return not (self._parked_until and now >= self._parked_until)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._exited(pid, status)

    def _exited(self, pid: int, status: int) -> None:
        child = self._workers.pop(pid, None)
        if child is None:
            return  # a stray
        child.slot.close()
        self._ended.append(Exited(pid, os.waitstatus_to_exitcode(status)))
        # Who was asked politely had his children asked, too: they have the same time.
        self._strays_until = max(self._strays_until, child.deadline)

    def _sweep(self, now: float) -> None:
        """Report ended workers once nothing of theirs is left: it became ours when they ended."""
        strays = [pid for pid in children(self._pid) if pid not in self._workers]
        if strays and now >= self._strays_until:
            for pid in strays:
                kill([*descendants(pid), pid])
        if not strays:
            self._strays_until = 0.0
            for word in self._ended:
                self._tell(word)
            self._ended.clear()

    def _end_all(self) -> None:
        signal.set_wakeup_fd(-1)
        kill(self._workers)
        patience = monotonic() + 5
        while (below := children(self._pid)) and monotonic() < patience:
            for pid in below:
                kill([*descendants(pid), pid])
            sleep(0.001)
            self._reap()


def watch(pid: int) -> int:
    """Open a descriptor that becomes readable when this process's parent ends; -1 where there is no such thing."""
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        fd: int = os.pidfd_open(pid)
    except OSError:
        fd = -1
    if os.getppid() != pid:
        os._exit(0)  # it has ended already
    return fd


def _set_environ(changes: dict[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _nothing(*_: Any) -> None:
    """SIGCHLD must have a handler to wake the loop up."""
