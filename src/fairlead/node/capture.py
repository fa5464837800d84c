"""What tasks write, kept as bytes and attributed to attempts by range.

A worker process has its descriptors 1 and 2 on the log file, so that C code and child processes are
in it (`FileLog`). In a process that is not ours, what Python code prints goes both to where it went
before and to the log (`TeeLog`); a debugger finds the terminal that it needs.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from fairlead.model.events import LogRange
from fairlead.node.current import AT_WORK

if TYPE_CHECKING:
    from fairlead.model.masks import Mask
    from fairlead.node.execute import Bench
    from fairlead.node.pump import Pump
    from fairlead.node.secrecy import Guard

__all__ = ["FileLog", "TeeLog", "alone", "bench_of_thread", "c_streams", "text_on"]


class FileLog:
    """The log file of a worker process, on its descriptors 1 and 2."""

    def __init__(self, path: str, name: str) -> None:
        """`name`: the path as records have it, relative to the run's scratch folder."""
        self.name = name
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._libc = c_streams()
        sys.stdout, sys.stderr = text_on(1), text_on(2)
        self._out, self._err = sys.stdout, sys.stderr
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)
        self._target = self._fd
        """What the descriptors 1 and 2 are on."""
        self._pump: Pump | None = None
        self._guarded = False
        self.end = os.lseek(self._fd, 0, os.SEEK_END)

    def begin(self, bench: Bench) -> None:
        """Everything that this process writes is its tasks', in whatever thread."""
        alone(bench)

    def mark(self) -> LogRange | None:
        """Give the range that was written since the last mark; None when there is nothing."""
        try:
            self._out.flush()
            self._err.flush()
        except ValueError:  # a task has closed them
            self.restore()
        if self._libc is not None:
            self._libc.fflush(None)
        if self._pump is not None:
            self._pump.drain()
        start = self.end
        end = self.end = os.lseek(self._fd, 0, os.SEEK_END)
        return None if end == start else LogRange(self.name, start, end)

    def keep_from(self, guard: Guard) -> None:
        """Write no secret that the guard knows, from now on: everything goes through a pump."""
        if self._guarded:
            return
        self._guarded = True
        guard.listen(self._pumped(None).learn)

    def _pumped(self, also: int | None) -> Pump:
        """Have everything go through a pump, which may show it elsewhere as well."""
        if self._pump is not None:
            return self._pump
        import faulthandler

        from fairlead.node.pump import Pump

        self._out.flush()
        self._err.flush()
        pump = self._pump = Pump(self._fd, also)
        self._target = pump.write_end
        for fd in (1, 2):
            os.dup2(self._target, fd)
        if faulthandler.is_enabled():
            faulthandler.enable(file=self._fd)  # it says where a crash was, and no thread is left to pump it
        return pump

    def restore(self) -> None:
        """Put back what a task may have replaced or closed."""
        if self._out.closed or self._err.closed:
            for fd in (1, 2):
                os.dup2(self._target, fd)
            self._out, self._err = text_on(1), text_on(2)
        sys.stdout, sys.stderr = self._out, self._err

    def replaced(self) -> bool:
        """Whether a task has put something else in place of sys.stdout or sys.stderr."""
        return sys.stdout is not self._out or sys.stderr is not self._err

    def close(self) -> None:
        """Let go the file; descriptors 1 and 2 stay on it."""
        alone(None)
        if self._pump is not None:
            import faulthandler

            for fd in (1, 2):
                os.dup2(self._fd, fd)
            self._pump.close()
            if faulthandler.is_enabled():
                faulthandler.enable(file=2)
        os.close(self._fd)


def text_on(fd: int) -> io.TextIOWrapper:
    """Open a descriptor for print(): every line is there at once, and no character is refused."""
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)


def c_streams() -> Any:
    """The C library, whose own buffers hold back what C code prints; None where it cannot be had."""
    try:
        import ctypes

        return ctypes.PyDLL(None)
    except (ImportError, OSError):
        return None


# --- in a process that is not ours ------------------------------------------------------------------

_SERIAL = count(1)
_LOCK = threading.Lock()
_OPEN: list[Bench] = []
"""The benches of this process."""
_TEES: dict[str, _Tee] = {}
"""What stands in place of sys.stdout and sys.stderr while there are benches."""
_HERE = threading.local()


def alone(bench: Bench | None) -> None:
    """All threads of this process are those of one bench's tasks; None: nobody's."""
    _OPEN[:] = [] if bench is None else [bench]


class TeeLog:
    """Keeps what tasks print in this process, and lets it through."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.name = f"p{os.getpid()}-{next(_SERIAL)}.log"
        self.end = 0
        """Bytes that were written so far."""
        self._fd = -1
        self._marked = 0
        self._lock = threading.Lock()
        self._bench: Bench | None = None
        self._threads = 0
        self.others: frozenset[int | None] = frozenset()
        """Threads that were there before the tasks, and so are not theirs."""
        self._mask: Mask | None = None
        self.guard: Guard | None = None

    def begin(self, bench: Bench) -> None:
        """Jobs of this bench are about to run."""
        if self._bench is None:
            self._bench = bench
            with _LOCK:
                _OPEN.append(bench)
        threads = threading.active_count()
        if threads != self._threads:
            self._threads = threads
            self.others = frozenset([thread.ident for thread in threading.enumerate()])
        if sys.stdout is not _TEES.get("stdout") or sys.stderr is not _TEES.get("stderr"):
            with _LOCK:
                _install()

    def keep_from(self, guard: Guard) -> None:
        """Write no secret that the guard knows, from now on."""
        if self.guard is None:
            from fairlead.model.masks import Mask

            self.guard, self._mask = guard, Mask(())
            guard.listen(self._mask.also)

    def mark(self) -> LogRange | None:
        """Give the range that was written since the last mark; None when there is nothing."""
        if self._mask is not None:
            with self._lock:
                self._append(self._mask.end())
        if self.end == self._marked:
            return None
        start, self._marked = self._marked, self.end
        return LogRange(self.name, start, self._marked)

    def write(self, data: bytes) -> None:
        """Add to the log, at once."""
        with self._lock:
            self._append(data if self._mask is None else self._mask.feed(data))

    def _append(self, data: bytes) -> None:
        if self._fd < 0 and data:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(f"{self._folder}/{self.name}", flags, 0o666)
        left = memoryview(data)
        while left:
            done = os.write(self._fd, left)
            self.end += done
            left = left[done:]

    def close(self) -> None:
        """Close the file, if anything was written, and put the streams back."""
        with _LOCK:
            if self._bench in _OPEN:
                _OPEN.remove(self._bench)
            if not _OPEN:
                _uninstall()
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def bench_of_thread() -> Bench | None:
    """The bench whose task must have started this thread: the only one that is there for it."""
    benches = _OPEN.copy()
    if len(benches) != 1:
        return None
    log = benches[0].log
    if isinstance(log, TeeLog) and threading.get_ident() in log.others:
        return None
    return benches[0]


def _log_here() -> TeeLog | None:
    """The log of the task that runs in this context or has started this thread."""
    bench = AT_WORK.get() or bench_of_thread()
    if bench is None or bench.current is None or not isinstance(bench.log, TeeLog):
        return None
    return bench.log


def _install() -> None:
    """Stand in place of the streams; somebody else may have put others there since the last time."""
    for name in ("stdout", "stderr"):
        real = getattr(sys, name)
        if real is not None and real is not _TEES.get(name):
            _TEES[name] = _Tee(real)
            setattr(sys, name, _TEES[name])


def _uninstall() -> None:
    for name, tee in _TEES.items():
        # Whoever has put another stream there meanwhile is to take it away himself.
        if getattr(sys, name) is tee:
            setattr(sys, name, tee.real)
    _TEES.clear()


class _Tee:
    """Stands in place of a text stream: everything is the stream's own, but writing is heard."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def write(self, text: str) -> int:
        return _hear(text.encode("utf-8", "backslashreplace"), self.real.write, text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> _BytesTee:
        return _BytesTee(self.real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __iter__(self) -> Any:
        return iter(self.real)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.real.flush()


class _BytesTee:
    """The same for the bytes under a text stream."""

    def __init__(self, text: Any) -> None:
        self._text = text
        self._real = text.buffer

    def write(self, data: Any) -> int:
        self._text.flush()
        return _hear(bytes(data), self._real.write, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _hear(data: bytes, let_through: Callable[[Any], int], what: Any) -> int:
    """Keep what is written, and let it through; what comes by a second time on its way is kept once."""
    log = _log_here()
    if log is None or getattr(_HERE, "inside", False):
        return let_through(what)
    log.write(data)
    if log.guard is not None:
        masked = log.guard.masked(data.decode("utf-8", "surrogateescape"))
        what = masked if isinstance(what, str) else masked.encode("utf-8", "surrogateescape")
    _HERE.inside = True
    try:
        return let_through(what)
    finally:
        _HERE.inside = False
