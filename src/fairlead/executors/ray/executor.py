"""The executor `ray`, as the driver has it: what is held, and what is said of it.

Ray itself is in the bridge's process (`sessions`), and the tasks belong to an actor on the cluster.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic, time
from typing import Any

import msgspec

from fairlead import __version__
from fairlead.errors import FairleadError
from fairlead.executors.chunks import chunked, widest
from fairlead.executors.ray.copies import Copies
from fairlead.executors.ray.dashboard import nodes_at
from fairlead.executors.ray.held import Held, about, ended, identity
from fairlead.executors.ray.messages import (
    Beat,
    Bundle,
    Cancel,
    Done,
    Extend,
    Gone,
    Node,
    Open,
    Opened,
    Refused,
    Result,
    Submit,
    Word,
)
from fairlead.executors.ray.needs import needs_of, offers_of, refusal, settled
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import IN_JOB, Session, local_nodes, park, take
from fairlead.executors.ray.sharing import large_in
from fairlead.model.events import Attempt, Failure
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Job, Offers, Report
from fairlead.wire import decoder

__all__ = ["Ray"]

WINDOW = 256
"""Jobs held beyond twice what the cluster runs at once: more than end while the driver is busy."""

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a task that took too long."""


class Ray:
    """Runs jobs in the workers of a Ray cluster."""

    def __init__(self, options: RayOptions, *, max_workers: int | None = None) -> None:
        settled(options)
        self._options = options
        self._cpus = max_workers or options.max_workers or len(os.sched_getaffinity(0))
        self._session: Session | None = None
        self._found: Offers | None = None
        self._nodes: list[Node] = []
        self._brief: Brief | None = None
        self._scratch = ""
        self._needs: list[dict[str, Any]] = []
        self._why: list[str] = []
        """Why no node can take it, by task; empty: one can."""
        self._held: dict[int, Held] = {}
        self._names: dict[tuple[str, int], Held] = {}
        self._adopted: list[tuple[str, int]] = []
        self._reports: list[Report] = []
        self._token = 0
        self._shares = False
        """Workers pass large values on through Ray's object store."""
        self._told: set[tuple[str, int]] = set()
        self._copies = Copies()
        self._woken = False
        self._encode = msgspec.msgpack.Encoder().encode
        self._results = decoder(Result)
        self._beats = decoder(Beat)

    @property
    def offers(self) -> Offers:
        """What the cluster honours; it is asked when somebody wants to know."""
        if self._found is None:
            if self._options.address is None:
                self._nodes = local_nodes(self._cpus, self._options.gpus)
            elif self._options.detach == "job" and IN_JOB not in os.environ:
                # This machine need not be one of the cluster's: who only submits jobs cannot join it.
                self._nodes = nodes_at(self._options)
            else:
                session = take(self._options, self._cpus)
                self._nodes = session.nodes
                # Whoever only wanted to know may never open it; the connection is for who does.
                park(session)
            self._found = offers_of(self._nodes, host=os.uname().nodename, shared=self._options.shared_files)
        return self._found

    def lacks(self, tasks: Sequence[TaskDefinition], *, fetch: bool) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Say which tasks no node can take, though each has what `offers` says: resources of Ray's own, labels."""
        offers = self.offers
        if self._options.node_wait:
            return []
        found = []
        for task in tasks:
            needs = needs_of(task, self._options)
            common = task.resources.cpu <= offers.cpu and task.resources.gpu <= offers.gpu
            if common and (why := refusal(needs, self._nodes)):
                found.append((task.name, why))
        return found

    def _connected(self) -> Session:
        if self._session is not None and not self._session.is_alive():
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = take(self._options, self._cpus)
            self._found = None
        return self._session

    # --- a run ------------------------------------------------------------------------------------

    def open(self, brief: Brief) -> None:
        """Get ready for jobs of this run: the cluster is joined, or started, and an owner made there."""
        Path(brief.scratch).mkdir(parents=True, exist_ok=True)
        session = self._connected()
        self._nodes = session.nodes
        self._found = offers_of(session.nodes, host=os.uname().nodename, shared=self._options.shared_files)
        self._shares = self._options.objects == "always" and not self._options.isolate
        self._understand(brief)
        site = {
            "run": brief.run,
            "fairlead": __version__,
            "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
            "here": self._found.reach == "host",
            "cwd": str(Path.cwd()),
            "isolate": self._options.isolate,
            "shares": self._shares,
            "grace": GRACE,
        }
        session.send(
            Open(
                run=brief.run,
                identity=identity(brief),
                key=os.urandom(8).hex(),
                brief=self._encode(brief),
                needs=self._needs,
                site=site,
                keep=self._options.keep,
                node_wait=self._options.node_wait,
                outlives=self._options.address is not None,
            )
        )
        opened = session.answer(Opened)
        self._adopt(opened.held)

    def _understand(self, brief: Brief) -> None:
        self._brief, self._scratch = brief, brief.scratch
        self._needs = [needs_of(task, self._options) for task in brief.tasks]
        if self._options.isolate:
            for needs in self._needs:
                needs.pop("env_vars", None)  # each process is started with those of its tasks
        wait = self._options.node_wait
        self._why = ["" if wait else refusal(needs, self._nodes) for needs in self._needs]

    def _adopt(self, left: Sequence[tuple[int, list[tuple[str, int]]]]) -> None:
        for token, names in left:
            self._token = max(self._token, token)
            held = self._held[token] = Held(token, (), [(path, attempt) for path, attempt in names])
            for name in held.left:
                self._names[name] = held
        self._adopted = list(self._names)

    def held(self) -> Sequence[tuple[str, int]]:
        """Jobs that an earlier driver of this run left on the cluster."""
        return self._adopted

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions."""
        self._understand(brief)
        self._connected().send(Extend(self._encode(brief), self._needs))

    def room(self) -> int:
        """How many more jobs it would like to hold now."""
        brief = self._brief
        chunk = widest(brief.tasks) if brief is not None else 1
        parallel = self._found.parallel if self._found is not None else 1
        return max(0, (2 * parallel + WINDOW) * chunk - len(self._names))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over; gives back a report for each one that no node of the cluster can take."""
        brief = self._brief
        assert brief is not None, "open() comes first"
        refused, taken = [], []
        new = set()
        for job in jobs:
            name = job.path, job.attempt
            if name in self._names or name in new:
                continue
            if self._why[job.task]:
                refused.append(ended(name, Failure("refused", self._why[job.task])))
            else:
                new.add(name)
                taken.append(job)
        self._send(chunked(taken, brief.tasks))
        return refused

    def _send(self, chunks: Sequence[Sequence[Job]]) -> None:
        bundles = []
        for chunk in chunks:
            self._token += 1
            names = [(job.path, job.attempt) for job in chunk]
            held = self._held[self._token] = Held(self._token, chunk, names)
            for name in names:
                self._names[name] = held
            takes = sorted({key for job in chunk for key in large_in(job.args)}) if self._shares else []
            bundles.append(Bundle(self._token, names, chunk[0].task, self._encode((self._token, chunk)), takes))
        if bundles:
            self._tell(Submit(bundles))

    def _tell(self, message: Any) -> None:
        assert self._session is not None, "open() comes first"
        try:
            self._session.send(message)
        except OSError:
            return  # the bridge has ended, which `poll` sees

    def poll(self, timeout: float) -> list[Report]:
        """Wait until something changed or `timeout` seconds are over."""
        session = self._session
        assert session is not None, "open() comes first"
        until = monotonic() + timeout
        while True:
            wait = 0.0 if self._reports else max(0.0, until - monotonic())
            words = session.hear(wait)
            if words is None:
                self._lost(f"the process that is connected to Ray has ended; {session.last_words()}")
                session = self._connected()
            for word in words or ():
                self._take(word)
            if self._reports or session.rung or monotonic() >= until:
                session.rung = False
                reports, self._reports = self._reports, []
                return reports

    def waits_on(self) -> list[int]:
        """Descriptors that can be read from as soon as `poll` has something to tell."""
        assert self._session is not None, "open() comes first"
        return self._session.waits_on()

    def wake(self) -> None:
        """Have `poll` come back at once: there is something to submit. From any thread."""
        if self._session is not None:
            self._session.bell.ring()

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """Ask jobs to end, with their child processes."""
        wanted = [name for name in jobs if name in self._names]
        for name in wanted:
            self._names[name].unwanted.add(name)
        if wanted:
            self._tell(Cancel(wanted, grace))

    def close(self) -> None:
        """End what still runs of the run; the connection is kept for the next one."""
        session, self._session = self._session, None
        self._held.clear()
        self._names.clear()
        self._adopted = []
        self._reports.clear()
        self._told.clear()
        self._copies.close()
        self._found = None
        if session is None:
            return
        if self._brief is not None:
            self._brief = None
            session.end_run()
        park(session)

    # --- what comes back --------------------------------------------------------------------------

    def _take(self, word: Any) -> None:
        if isinstance(word, Word):
            self._heard(self._beats.decode(word.beat))
        elif isinstance(word, Done):
            self._done(word)
        elif isinstance(word, Gone):
            self._lost(f"the owner of its Ray tasks is gone: {word.message}")
        elif isinstance(word, Refused):
            raise FairleadError(f"Ray refused what was asked of it: {word.message}")

    def _heard(self, beat: Beat) -> None:
        name = beat.path, beat.attempt
        if beat.output:
            self._copies.write(self._scratch, beat.log_file, beat.at, beat.output)
        for record in beat.ended:
            self._record(record)
        if name in self._names and name not in self._told:
            self._told.add(name)
            self._reports.append(about(beat, Report(beat.path, beat.attempt, "running", at=beat.started)))

    def _done(self, done: Done) -> None:
        held = self._held.pop(done.token, None)
        if done.result:
            result = self._results.decode(done.result)
            for file, at, output in result.outputs:
                self._copies.write(self._scratch, file, at, output)
            for record in result.records:
                self._record(record)
        if held is None:
            return
        left = [name for name in sorted(held.left) if name in self._names]
        for name in left:
            del self._names[name]
        self._without_records(held, left, done.failure or Failure("lost", "Ray's worker gave no record of it"))

    def _without_records(self, held: Held, left: Sequence[tuple[str, int]], failure: Failure) -> None:
        """Some jobs of a bundle have ended with their process: of several, each shall fail by itself."""
        again = []
        for name in left:
            wanted = name not in held.unwanted
            shared = len(left) > 1 and failure.reason in {"killed", "cancelled"}
            if wanted and shared and name in held.jobs:
                again.append([held.jobs[name]])
            elif wanted:
                self._reports.append(ended(name, failure))
            else:
                told = failure if failure.reason == "cancelled" else Failure("cancelled", "stopped while it ran")
                self._reports.append(ended(name, told))
        self._send(again)

    def _record(self, record: Attempt) -> None:
        name = record.path, record.attempt
        held = self._names.pop(name, None)
        if held is None:
            return  # told before, to this driver or to the one before it
        held.left.discard(name)
        report = Report(record.path, record.attempt, "ended", record)
        if record.failure is not None and record.failure.reason in {"exit", "killed"}:
            self._say_where(record, report)
        self._told.discard(name)
        self._reports.append(report)

    def _say_where(self, record: Attempt, report: Report) -> None:
        """A job that ended with its process was at least begun: it may be that nobody had told yet."""
        report.worker = record.worker
        if record.log is not None:
            report.log_file, report.log_start = record.log.file, record.log.start
        if (record.path, record.attempt) not in self._told:
            begun = Report(record.path, record.attempt, "running", at=record.started or time(), worker=record.worker)
            begun.log_file, begun.log_start = report.log_file, report.log_start
            self._reports.append(begun)

    def _lost(self, why: str) -> None:
        """Nobody answers for the jobs any more: what is not found again on the cluster is reported as lost."""
        brief, before = self._brief, dict(self._names)
        assert brief is not None
        self._names.clear()
        self._held.clear()
        self.open(brief)
        self._adopted = []
        for name, held in before.items():
            again = self._names.get(name)
            if again is None:
                self._reports.append(ended(name, Failure("lost", why)))
            else:
                again.jobs.update({name: held.jobs[name]} if name in held.jobs else {})
                again.unwanted |= held.unwanted & {name}
        for name in self._names.keys() - before.keys():
            del self._names[name]  # its end was told before
