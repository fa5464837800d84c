"""An executor that runs tasks in a few processes, forked from the driver."""

import os
import select
import signal
import time
import warnings
from collections import deque
from typing import Annotated

import msgspec

from fairlead.model.events import Attempt, Failure
from fairlead.ports import Job, Offers, Plugin, Report


class Options(msgspec.Struct, kw_only=True):
    at_once: Annotated[Annotated[int, msgspec.Meta(ge=1)], msgspec.Meta(description="Tasks at once at most.")] = 2


def send(pipe, message):
    data = memoryview(len(message).to_bytes(8, "big") + message)
    while data:
        data = data[os.write(pipe, data) :]


class Worker:
    """A process that runs one job after the other."""

    def __init__(self, pid, orders, answers):
        self.pid, self.orders, self.answers = pid, orders, answers
        self.job = self.kill_at = self.why = None
        self.said = b""

    def take(self, job, timeout):
        self.job, self.said = job, b""
        self.kill_at = time.monotonic() + timeout if timeout else None
        self.why = Failure("timeout", f"took longer than its {timeout or 0:g} s")
        send(self.orders, msgspec.msgpack.encode(job))

    def hear(self):
        """Read what there is: "working", "done", or "gone"."""
        data = os.read(self.answers, 1 << 20)
        self.said += data
        whole = len(self.said) >= 8 and len(self.said) == 8 + int.from_bytes(self.said[:8], "big")
        return "done" if whole else "working" if data else "gone"

    def kill(self, how=signal.SIGKILL):
        try:
            os.killpg(self.pid, how)
        except ProcessLookupError:
            return

    def bury(self):
        self.kill()
        os.close(self.orders)
        os.close(self.answers)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Forked:
    def __init__(self, options, site):
        self.offers = Offers(reach="host", cpu=os.cpu_count() or 1, parallel=options.at_once)
        self.bench = site.bench
        self.known, self.waiting, self.workers, self.reports = set(), deque(), [], []

    def open(self, brief):
        self.brief = brief
        os.makedirs(brief.scratch, exist_ok=True)

    def room(self):
        return max(0, 2 * self.offers.parallel - len(self.waiting))

    def submit(self, jobs):
        for job in jobs:
            if job.name not in self.known:
                self.known.add(job.name)
                self.waiting.append(job)
        self.start()
        return []

    def start(self):
        """Give waiting jobs to workers; there are no more workers than tasks at once."""
        while self.waiting:
            worker = next((one for one in self.workers if one.job is None), None)
            if worker is None and len(self.workers) == self.offers.parallel:
                return
            worker = worker or self.fork()
            job = self.waiting.popleft()
            worker.take(job, self.brief.tasks[job.task].timeout)
            self.tell(job, "running", worker)

    def fork(self):
        (theirs, orders), (answers, back) = os.pipe(), os.pipe()
        with warnings.catch_warnings(action="ignore"):  # the driver has threads; its child leaves them alone
            pid = os.fork()
        if pid == 0:
            os.setsid()  # so that it can be killed with its own children
            for pipe in (orders, answers, *(end for one in self.workers for end in (one.orders, one.answers))):
                os.close(pipe)
            self.work(theirs, back)
        os.close(theirs)
        os.close(back)
        self.workers.append(Worker(pid, orders, answers))
        return self.workers[-1]

    def work(self, orders, answers):
        """Be a worker: the bench of the site knows how a job is run."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        bench = self.bench(self.brief)
        with os.fdopen(orders, "rb") as source:
            while size := source.read(8):
                job = msgspec.msgpack.decode(source.read(int.from_bytes(size, "big")), type=Job)
                bench.begin()
                send(answers, msgspec.msgpack.encode(bench.execute(job)))
        os._exit(0)

    def poll(self, timeout):
        until = time.monotonic() + (0 if self.reports else timeout)
        while True:
            now = time.monotonic()
            for worker in self.workers:
                if worker.kill_at is not None and now >= worker.kill_at:
                    worker.kill()
            due = [one.kill_at for one in self.workers if one.kill_at is not None and one.kill_at > now]
            heard = select.select([one.answers for one in self.workers], [], [], max(0, min([until, *due]) - now))[0]
            for worker in [one for one in self.workers if one.answers in heard]:
                state = worker.hear()
                if state == "done":
                    self.tell(worker.job, "ended", worker, msgspec.msgpack.decode(worker.said[8:], type=Attempt))
                    worker.job = worker.kill_at = None
                elif state == "gone":
                    self.gone(worker)
            self.start()
            if self.reports or now >= until:
                reports, self.reports = self.reports, []
                return reports

    def gone(self, worker):
        self.workers.remove(worker)
        code, was_killed = worker.bury(), worker.kill_at is not None and time.monotonic() >= worker.kill_at
        if worker.job is None:
            return
        reason = Failure("killed" if code < 0 else "exit", f"its process ended with {code}")
        told = worker.why if was_killed or worker.why.reason == "cancelled" else reason
        self.tell(worker.job, "ended", worker, failure=told)

    def tell(self, job, status, worker, record=None, failure=None):
        name = f"forked:{worker.pid}" if worker else ""
        self.reports.append(Report(job.path, job.attempt, status, record, failure, time.time(), worker=name))

    def cancel(self, jobs, grace):
        wanted, stopped = set(jobs), Failure("cancelled", "stopped")
        for job in [job for job in self.waiting if (job.path, job.attempt) in wanted]:
            self.waiting.remove(job)
            self.tell(job, "ended", None, failure=stopped)
        for worker in self.workers:
            if worker.job is not None and (worker.job.path, worker.job.attempt) in wanted:
                worker.why, worker.kill_at = stopped, time.monotonic() + grace
                worker.kill(signal.SIGTERM)

    def close(self):
        self.waiting.clear()
        self.reports.clear()
        while self.workers:
            self.workers.pop().bury()


plugin = Plugin(open=Forked, options=Options, doc="A few processes, forked from the driver.")
