"""`exec-node` without an order: what to run is read from the run store, and what came of it is written there.

For processes that an orchestrator starts, or people. Only the facts that a task run needs are read, and
the workflow's own file is not looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairlead.config.environment import Environment, load
from fairlead.config.exec_process import Alone, complain
from fairlead.config.services import Services, look_services, open_alone
from fairlead.engine.inputs import Standpoint, look
from fairlead.engine.opening import answers
from fairlead.errors import DefinitionError, NotFound, RunBusy, StaleEpoch, StoreError
from fairlead.model.events import Attempt, Failure
from fairlead.model.run import FINAL, Run
from fairlead.model.scope import Live
from fairlead.model.task import TaskDefinition
from fairlead.node.order import FAILED, LOST, SUCCEEDED, exit_code, worst
from fairlead.ports import Commit, Job, RunStore

__all__ = ["RecordedFacts", "run_recorded"]

_AGAIN = (0.5, 2.0, 5.0)
"""Seconds between tries to record what a task gave, while the store is out of reach."""

_BUSY = 50
"""How often another process that takes the run up at the same moment is waited for, 20 ms each."""


def run_recorded(run_id: str, path: str, *, env: str = "", attempt: int = 0, chunk: int = 1) -> int:
    """Run a task run, or `chunk` items of a map from one on, and record what became of each; gives the exit code."""
    services = _services(env, run_id)
    run = services.store.get(run_id)
    if run.workflow.dynamic:
        raise DefinitionError(
            f"run {run_id!r} is one of a dynamic workflow: its body decides what runs, and a driver runs that; "
            f"use 'fairlead resume {run_id}'"
        )
    desk = _Desk(services, run, _enter(services.store, run_id))
    codes = []
    for place, one in enumerate(_items(path, chunk)):
        if not place or not desk.is_beyond(one):
            codes.append(desk.run(one, attempt))
    desk.close()
    return worst(codes)


def _items(path: str, chunk: int) -> list[str]:
    """List the task runs of a chunk: `train[2]` by 50 is `train[100]` up to `train[149]`."""
    if chunk == 1:
        return [path]
    head, _, index = path.rpartition("[")
    if not head or not index[:-1].isdecimal():
        raise NotFound(f"{path!r} is no item of a map, and only these are run in chunks: train[2]")
    first = int(index[:-1]) * chunk
    return [f"{head}[{item}]" for item in range(first, first + chunk)]


def _services(env: str, run_id: str) -> Services:
    """Open what the run is kept in; where nobody says in which environment, it is the one that it was made in."""
    environment = load(env or None)
    services = look_services(environment)
    if services is None and environment.store["type"] == "sqlite" and "url" not in environment.store:
        raise NotFound(
            f"no run {run_id!r}: there is no '.fairlead' folder in {Path.cwd()} or above it; name the environment "
            "whose store has the run: --env"
        )
    if services is None:
        services = open_alone(environment)
    if env or os.environ.get("FAIRLEAD_ENV"):
        return services
    own = Environment.from_record(services.store.get(run_id).environment, patches=False)
    return Services(own, services.folder, services.store, services.artifacts)


def _enter(store: RunStore, run_id: str) -> int:
    """Take the run up, unless that was done before, and give the epoch to write under; RunBusy under a driver."""
    for _ in range(_BUSY):
        summary = store.summary(run_id)
        if summary.status == "elsewhere" or summary.status in FINAL:
            return summary.epoch
        if summary.status == "running":
            raise RunBusy(f"run {run_id!r} is carried by a driver, and it alone decides what runs; wait, or stop it")
        try:
            lease = store.lease(run_id)
        except RunBusy:
            time.sleep(0.02)  # another process of this kind is at it, or a driver has just begun
            continue
        try:
            summary = store.summary(run_id)
            if summary.status in ("created", "interrupted", "running"):  # ours is the lease
                now = time.time()
                epoch = summary.epoch or store.open(run_id, now)
                store.append(run_id, epoch, Commit([], status="elsewhere", at=now))
                if not summary.epoch and summary.cancel_asked is not None:
                    store.ask_cancel(run_id, summary.cancel_asked)  # opening took that back
        finally:
            lease.release()
    raise RunBusy(f"run {run_id!r} is held by another process; wait for it")


class RecordedFacts:
    """What the store has of a run, piece by piece."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def of(self, path: str) -> Sequence[Attempt]:
        """The attempts of one task run, or the answers to what a block asked."""
        return self._store.attempts(self._run_id, path=path)

    def under(self, path: str) -> Sequence[Attempt]:
        """The attempts of all task runs inside a block."""
        return self._store.attempts(self._run_id, under=path)


class _Desk:
    """Runs task runs of one recorded run, one after the other, and records them."""

    def __init__(self, services: Services, run: Run, epoch: int) -> None:
        self._services = services
        self._store = services.store
        self._run = run
        self._epoch = epoch
        self._facts = RecordedFacts(self._store, run.id)
        self._alone: Alone | None = None
        self._found: Standpoint | None = None
        self._over = self._store.summary(run.id).status in FINAL

    def run(self, path: str, wanted: int) -> int:
        """Run one task run, unless what became of it is recorded; gives the exit code."""
        found = self._found = look(self._run, path, self._facts, epoch=self._epoch)
        if not found.steps[-1].is_task:
            raise NotFound(f"{path!r} is a block, and only tasks run; name one of the task runs in it")
        task = self._run.workflow.tasks[found.task]
        known = self._facts.of(path)
        number = wanted or _next(known)
        code = self._recorded(path, task, known, number, chosen=bool(wanted))
        if code is not None:
            return code
        if self._over:
            _say(f"{path} does not run: run {self._run.id!r} has ended; resume it")
            return FAILED
        if self._store.cancel_asked(self._run.id):
            return self._record(_cancelled(path, number), task)
        alone = self._opened(task)
        while found.questions and not found.never:
            for question in found.questions:
                self._answer(alone, found, question)
            found = self._found = look(self._run, path, self._facts, epoch=self._epoch)
        if found.never or found.missing:
            _say(f"{path} cannot run: {found.never or '; '.join(found.missing)}")
            return FAILED if found.never else LOST
        return self._start(alone, found, task, number)

    def is_beyond(self, path: str) -> bool:
        """Whether the map that was just looked at has no such item."""
        size = self._found.size if self._found is not None else None
        return size is not None and int(path.rpartition("[")[2][:-1]) >= size

    def close(self) -> None:
        """Nothing more is run."""
        if self._alone is not None:
            self._alone.close()

    def _recorded(
        self, path: str, task: TaskDefinition, known: Sequence[Attempt], number: int, *, chosen: bool
    ) -> int | None:
        """Give the exit code of a task run that is over, as far as this attempt is concerned; None: it is to run."""
        if any(one.outcome in {"succeeded", "reused"} for one in known):
            _say(f"{path} has succeeded already")
            return SUCCEEDED
        own = next((one for one in known if one.attempt == number and one.outcome is not None), None)
        if own is not None:
            _say(f"attempt {number} of {path} has ended already: {own.outcome}")
            return self._code(own, task)
        failed = [one for one in known if one.epoch == self._epoch and one.outcome == "failed"]
        if failed and (not failed[-1].retryable or (not chosen and len(failed) > task.retries)):
            _say(f"{path} has failed already, and no attempt is left; --attempt {number} makes one all the same")
            return FAILED
        return None

    def _code(self, record: Attempt, task: TaskDefinition) -> int:
        """Say by a number what became of an attempt: whether it may be tried again, the task's retries decide."""
        code = exit_code([record])
        if record.outcome != "failed" or not record.retryable:
            return code
        known = self._facts.of(record.path)
        failed = sum(one.outcome == "failed" and one.epoch == self._epoch for one in known)
        return code if failed <= task.retries else FAILED

    def _opened(self, task: TaskDefinition) -> Alone:
        if self._alone is None:
            if os.path.isdir(self._run.cwd):  # noqa: PTH112 - elsewhere, what the tasks find is what was put there
                os.chdir(self._run.cwd)
            brief = self._services.brief(self._run)
            asked = partial(self._store.cancel_asked, self._run.id)
            self._alone = Alone(brief, self._services.artifacts, task.env_vars, asked)
        return self._alone

    def _answer(self, alone: Alone, found: Standpoint, question: Live) -> None:
        """Read what decides how a block goes on, and record it, as a driver does."""
        answer = Attempt(question.path, question.attempt, self._epoch, started=time.time())
        answer.outputs = answers(found.state, question, alone.values, f"runs/{self._run.id}")
        answer.outcome, answer.ended = "succeeded", time.time()
        self._store.append(self._run.id, self._epoch, Commit([answer]))

    def _start(self, alone: Alone, found: Standpoint, task: TaskDefinition, number: int) -> int:
        live = found.live
        assert live is not None
        live.attempt = number
        reused, key = self._reused(alone, found, live)
        if reused is not None:
            _say(f"{found.path}: a recorded result is valid, and stands for it")
            return self._record(reused, task)
        args, rows = found.inputs()
        job = Job(self._run.id, found.path, number, found.task, args, rows)
        begun = Attempt(job.path, number, self._epoch, started=time.time(), log=alone.log_begins, worker=alone.worker)
        self._append([begun])
        record = alone.carry(job, task, partial(self._give_up, task))
        record.key = key
        return self._record(record, task)

    def _reused(self, alone: Alone, found: Standpoint, live: Live) -> tuple[Attempt | None, str]:
        """Look for a valid result where the task wants that, and nothing but its inputs decides; also gives the key."""
        if not self._run.workflow.tasks[found.task].cache:
            return None, ""
        from fairlead.engine.reuse import Finder, Keys, ordered_after

        if ordered_after(live.scope, live.node):
            return None, ""
        finder = Finder(self._run, Keys(self._run, alone.values), self._store, alone.values, {})
        (hit,) = finder.find(found.state, [live])
        return hit, finder.key(live)

    def _give_up(self, task: TaskDefinition, record: Attempt) -> int:
        """Record an attempt whose task does not end, from another thread."""
        return self._record(record, task)

    def _record(self, record: Attempt, task: TaskDefinition) -> int:
        """Write down what became of an attempt; gives the exit code for what is recorded then."""
        record.epoch = self._epoch
        record.ended = record.ended or time.time()
        self._append([record])
        if self._alone is not None:
            self._alone.keep_log(self._services)
        # Another process may have had the same attempt, and ended it first.
        kept = next(one for one in self._facts.of(record.path) if one.attempt == record.attempt)
        if kept.worker != record.worker:
            _say(f"attempt {record.attempt} of {record.path} was ended by {kept.worker} before: {kept.outcome}")
        if record.failure is not None:
            _say(f"{record.path} {record.outcome}: {record.failure.message}")
        return self._code(kept, task)

    def _append(self, attempts: list[Attempt]) -> None:
        """Write facts down, and try again for a while where the store is out of reach."""
        for pause in (*_AGAIN, None):
            try:
                self._store.append(self._run.id, self._epoch, Commit(attempts))
                return
            except StaleEpoch as error:
                raise StoreError(f"{error}; what came of {attempts[0].path!r} is not recorded") from error
            except StoreError:
                if pause is None:
                    raise
                time.sleep(pause)


def _next(known: Sequence[Attempt]) -> int:
    """Give the number of the next attempt: one that has begun and not ended is taken over."""
    if not known:
        return 1
    last = known[-1]
    return last.attempt if last.outcome is None else last.attempt + 1


def _cancelled(path: str, number: int) -> Attempt:
    failure = Failure("cancelled", "the run was asked to stop before it started")
    return Attempt(path, number, outcome="cancelled", failure=failure, worker=f"{os.uname().nodename}:{os.getpid()}")


def _say(text: str) -> None:
    complain(f"fairlead: {text}")
