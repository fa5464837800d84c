"""Running bundles of jobs below a Ray worker, each in a process of its own (`isolate: true`).

The process is `exec-node` with an order in a folder; this file starts it, watches it, and says what its end
means. A crash, a kill or a time limit ends that process with all below it, and Ray's worker goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep, time

import msgspec

from fairlead.executors.processes import adopt_orphans, children, descendants, kill, oom_kills
from fairlead.executors.ray.messages import Beat, Order, Result
from fairlead.executors.verdicts import Verdict, ended_by_us, of_death, rewrite
from fairlead.leftovers import OwnFolder
from fairlead.model.events import Attempt, Failure, LogRange
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = ["Alone"]

TELL_AFTER = 0.1
"""Seconds after which a job that still runs is told about."""

MOST = 1 << 20
"""Bytes of output that one message carries."""

_ENTRY = """\
import signal, sys
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.append({!r})
from fairlead.executors.processes import die_with_parent
die_with_parent({})
from fairlead.__main__ import main
main()
"""
"""What a process of its own runs. Ray's processes hear no Ctrl-C, and what they start hears none either."""

_encode = msgspec.msgpack.Encoder().encode
_attempt: msgspec.msgpack.Decoder[Attempt] = decoder(Attempt)


class _Process:
    """A process with an order, and how far it is."""

    def __init__(self, folder: Path, log: Path, jobs: Sequence[Job], process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.log = log
        self.jobs = jobs
        self.process = process
        self.records: list[Attempt] = []
        """Of the first jobs, in their order."""
        self.ready = False
        """The process has read its order: its first job begins."""
        self.log_start = 0
        self.verdict: Verdict = ""
        self.meant = 0
        """The job that the verdict is about."""
        self.deadline = 0.0
        self.begin_next()

    def begin_next(self) -> None:
        """The next job begins now."""
        self.began = monotonic()
        self.started = time()
        self.next = self.began + TELL_AFTER

    @property
    def is_struck(self) -> bool:
        """Whether the job that was to end has a record: those of the others are not worth anything."""
        return bool(self.verdict) and len(self.records) > self.meant

    @property
    def job(self) -> Job | None:
        """The job that runs; None: all have a record."""
        return self.jobs[len(self.records)] if len(self.records) < len(self.jobs) else None


class Alone:
    """A Ray worker that starts processes for the jobs of one run."""

    def __init__(
        self, brief: Brief, *, tell: Callable[[Beat], Order], sends_output: bool, cwd: str, grace: float = 2.0
    ) -> None:
        """`cwd`: the folder that tasks find themselves in; empty: any."""
        self.edition = 0
        self._brief = brief
        self._tell = tell
        self._sends_output = sends_output
        self._cwd = cwd or None
        self._grace = grace
        self._serial = 0
        self._own = OwnFolder("ray")
        self._folder = self._own.path
        self._unwanted: set[tuple[str, int]] = set()
        self._beaten: list[Attempt] = []
        self._sent = 0
        adopt_orphans()
        self._write_brief()

    def grow(self, brief: Brief, edition: int) -> None:
        """The run has further tasks."""
        self._brief = brief
        self.edition = edition
        self._write_brief()

    def _write_brief(self) -> None:
        (self._folder / "brief.new").write_bytes(_encode(self._brief))
        (self._folder / "brief.new").replace(self._folder / "brief")

    def run(self, token: int, jobs: Sequence[Job]) -> Result:
        """Run a bundle, in as many processes as it takes; gives what nobody was told before."""
        self._unwanted = set()
        records: list[Attempt] = []
        left = list(jobs)
        result = Result(records)
        while left:
            wanted = [job for job in left if (job.path, job.attempt) not in self._unwanted]
            records += [_stopped(job) for job in left if job not in wanted]
            if not wanted:
                break
            running = self._start(wanted)
            try:
                self._watch(running, token)
            finally:
                self._end(running)
            done = self._harvest(running)
            told = {(record.path, record.attempt) for record in self._beaten}
            records += [record for record in done if (record.path, record.attempt) not in told]
            left = wanted[len(done) :]
            if self._sends_output:
                output, at = self._new_output(running, whole=True)
                result.outputs.append((running.log.name, at, output))
            self._beaten = []
        return result

    def _start(self, jobs: Sequence[Job]) -> _Process:
        self._serial += 1
        folder = self._folder / str(self._serial)
        folder.mkdir()
        os.link(self._folder / "brief", folder / "brief")
        (folder / "jobs").write_bytes(_encode(jobs))
        log = Path(self._brief.scratch, f"ray-{os.uname().nodename}-{os.getpid()}-{self._serial}.log")
        # For people who look at processes; a word that begins with a dash would be an option.
        path = jobs[0].path if not jobs[0].path.startswith("-") else f"./{jobs[0].path}"
        package = Path(__file__).resolve().parents[3]
        command = [
            sys.executable, "-P", "-c", _ENTRY.format(str(package), os.getpid()),
            "exec-node", self._brief.run, path, "--order", str(folder), "--log", str(log),
        ]  # fmt: skip
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._cwd,
                start_new_session=True,
            )
        self._sent = 0
        return _Process(folder, log, jobs, process)

    def close(self) -> None:
        """Work for this run no more."""
        self._own.remove()

    # --- while it runs ----------------------------------------------------------------------------

    def _watch(self, running: _Process, token: int) -> None:
        """Wait until the process has ended, and see to limits and orders meanwhile."""
        wait = 0.002
        while running.process.poll() is None:
            sleep(wait)
            wait = min(wait * 1.3, 0.05)
            self._look(running)
            job = running.job
            if job is None:
                continue  # it is about to end
            now = monotonic()
            limit = self._brief.tasks[job.task].timeout
            if limit is not None and not running.verdict and now - running.began >= limit:
                self._strike(running, "timeout", self._grace)
            if now >= running.next:
                self._beat(running, job, token)
            if running.deadline and now >= running.deadline:
                self._end(running)

    def _look(self, running: _Process) -> None:
        """Take the records that are there by now; after a strike, none beyond that of the job that was meant."""
        while (job := running.job) is not None:
            if running.is_struck:
                return
            if not running.ready:
                running.ready = (running.folder / "records").is_dir()
                running.begin_next()
            try:
                data = (running.folder / "records" / str(len(running.records))).read_bytes()
            except FileNotFoundError:
                return
            record = _attempt.decode(data)
            self._understand(running, record, job)
            running.records.append(record)
            running.begin_next()
            running.log_start = record.log.end if record.log is not None else running.log_start

    def _understand(self, running: _Process, record: Attempt, job: Job) -> None:
        """Say in a record what ended the attempt, where its process could not know."""
        if record.failure is None:
            return
        if running.verdict:
            rewrite(record, running.verdict, self._brief.tasks[job.task].timeout)
        elif record.failure.message == ended_by_us("cancelled", None).message:
            record.failure = of_death(-signal.SIGTERM, out_of_memory=False)
            record.outcome = "lost"

    def _beat(self, running: _Process, job: Job, token: int) -> None:
        worker = f"{os.uname().nodename}:{running.process.pid}"
        said = Beat(token, job.path, job.attempt, running.started, worker, running.log.name, running.log_start)
        said.ended = running.records[len(self._beaten) :]
        self._beaten += said.ended
        if self._sends_output:
            said.output, said.at = self._new_output(running, whole=False)
        try:
            order = self._tell(said)
        except Exception as error:  # noqa: BLE001  # the owner is gone: Ray ends this process soon
            print(f"fairlead: the owner of this task does not answer: {error}", file=sys.stderr)
            order = Order(again=5.0)
        running.next = monotonic() + order.again
        self._unwanted |= {(path, attempt) for path, attempt in order.cancel}
        if (job.path, job.attempt) in self._unwanted and not running.verdict:
            self._strike(running, "cancelled", order.grace)

    def _strike(self, running: _Process, verdict: Verdict, grace: float) -> None:
        """Ask the process, and all below it, to end."""
        running.verdict, running.meant = verdict, len(running.records)
        running.deadline = monotonic() + grace
        if grace > 0:
            pid = running.process.pid
            kill([*descendants(pid), pid], signal.SIGTERM)

    def _end(self, running: _Process) -> None:
        """End the process with everything below it, and what of it has lost its parent."""
        pid = running.process.pid
        if running.process.poll() is None:
            kill([*descendants(pid), pid])
            running.process.wait()
        patience = monotonic() + 2.0
        while (strays := children(os.getpid())) and monotonic() < patience:
            for stray in strays:
                kill([*descendants(stray), stray])
                _reap(stray)

    # --- when it has ended ------------------------------------------------------------------------

    def _harvest(self, running: _Process) -> list[Attempt]:
        """Give the records of what has run; the last one may be of a job that has ended its process."""
        oom = oom_kills()
        self._look(running)
        job = running.job
        if job is not None and not running.is_struck:
            running.records.append(self._of_death(running, job, oom))
        shutil.rmtree(running.folder, ignore_errors=True)
        return running.records

    def _of_death(self, running: _Process, job: Job, oom: int) -> Attempt:
        code = running.process.returncode
        failure: Failure = (
            ended_by_us(running.verdict, self._brief.tasks[job.task].timeout)
            if running.verdict
            else of_death(code, out_of_memory=oom_kills() > oom)
        )
        record = Attempt(job.path, job.attempt, failure=failure, started=running.started, ended=time())
        record.seconds = monotonic() - running.began
        record.worker = f"{os.uname().nodename}:{running.process.pid}"
        record.outcome = "lost" if failure.reason == "killed" else "failed"
        if failure.reason == "cancelled":
            record.outcome = "cancelled"
        end = running.log.stat().st_size
        record.log = LogRange(running.log.name, running.log_start, end)
        return record

    def _new_output(self, running: _Process, *, whole: bool) -> tuple[bytes, int]:
        with running.log.open("rb") as file:
            file.seek(self._sent)
            data = file.read(-1 if whole else MOST)
        at, self._sent = self._sent, self._sent + len(data)
        return data, at


def _stopped(job: Job) -> Attempt:
    record = Attempt(job.path, job.attempt, outcome="cancelled", failure=ended_by_us("cancelled", None))
    record.ended = time()
    return record


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except (ChildProcessError, OSError):
        return
