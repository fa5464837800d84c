"""The executor `container`: what waits, what is started, and how it is asked by a driver.

How a container is made is `specs.py`'s business, watching those that run `fleet.py`'s, images are
`images.py`'s.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from time import monotonic, time
from typing import Any

from fairlead.errors import ConfigurationError, FairleadError
from fairlead.executors.chunks import chunked, widest
from fairlead.executors.container.cells import Cell, stopped
from fairlead.executors.container.engine import Engine, EngineGone
from fairlead.executors.container.fleet import Fleet
from fairlead.executors.container.images import Images, Pull
from fairlead.executors.container.orders import Order, orders_in, orders_name, write_brief
from fairlead.executors.container.orphans import driver_label, is_orphan
from fairlead.executors.container.secrecy import Handed, not_handed, with_handed
from fairlead.executors.container.sockets import Answer, find_engine
from fairlead.executors.container.specs import (
    DRIVER,
    FOLDER,
    OURS,
    RUN,
    Mount,
    Settings,
    container_config,
    container_name,
)
from fairlead.model.events import Failure
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Job, Offers, Report

__all__ = ["Container"]

_NO_IMAGE = (
    "no image says what it runs in; name one as 'image' of the executor, or of the task; 'fairlead package' builds one"
)

_NO_FILE = (
    "its secret {!r} cannot come into a container, where secrets are files: give it a name without '/' that begins"
    " with no '.'"
)


class Container:
    """Runs jobs in containers of an engine of this machine."""

    def __init__(
        self,
        url: str | None,
        settings: Callable[[Answer], Settings],
        *,
        image: str | None = None,
        pull: Pull = "missing",
        max_workers: int | None = None,
        bench: Callable[[Brief], Any] | None = None,
        name: str = "",
    ) -> None:
        """`settings` says how containers are made by who answers. `bench` knows the run's secrets.

        `name` tells it from other executors of the same run.
        """
        self._url = url
        self._settings_for = settings
        self._image = image
        self._pull = pull
        self._workers = max_workers
        self._bench = bench
        self._name = name
        self._brief: Brief | None = None
        self._fleet: Fleet | None = None
        self._handed: Handed | None = None
        self._waiting: deque[Job] = deque()
        self._names: set[tuple[str, int]] = set()
        """Jobs that were taken over and have not been told about as ended."""
        self._ids: dict[str, str] = {}
        """Images by name: what a name means is settled when a run begins."""
        self._orphans: list[Order] | None = None
        """What an earlier driver has left; None: that was seen to."""
        self.offers = self._offered()

    # --- what there is ----------------------------------------------------------------------------

    @cached_property
    def _engine(self) -> Engine:
        return Engine(find_engine(self._url))

    @cached_property
    def _settings(self) -> Settings:
        return self._settings_for(self._engine.answer)

    @cached_property
    def _images(self) -> Images:
        return Images(self._engine, self._settings, self._pull)

    def _offered(self) -> Offers:
        """What the engine has; where none answers, `lacks` and `open` say so."""
        try:
            facts = self._engine.facts
        except FairleadError:
            facts = None
        cpus = facts.cpus if facts is not None else os.cpu_count() or 1
        capacity = self._workers or cpus
        return Offers(
            reach="host",
            cpu=min(capacity, cpus),
            memory=facts.memory if facts is not None else None,
            image=True,
            parallel=capacity,
            dynamic=True,
        )

    def lacks(self, tasks: Sequence[TaskDefinition], *, fetch: bool) -> list[tuple[str, str]]:
        """Say what is missing: the engine, images, and what these need to have."""
        problems: list[tuple[str, str]] = []
        told: dict[str, str] = {}
        try:
            for task in tasks:
                problems += [(task.name, _NO_FILE.format(name)) for name in not_handed(task.secrets)]
                image = task.image or self._image
                if image is None:
                    problems.append((task.name, _NO_IMAGE))
                elif image not in told:
                    known = self._images.look(image, fetch=fetch)
                    told[image] = known.problem if known is not None else ""
                    if known is not None and known.id:
                        self._ids[image] = known.id
        except (ConfigurationError, EngineGone) as error:
            return [("", str(error)), *problems]
        return [*(("", problem) for problem in told.values() if problem), *problems]

    # --- a run ------------------------------------------------------------------------------------

    def open(self, brief: Brief) -> None:
        """Get ready for jobs of this run; raises ConfigurationError where they could not run."""
        problems = self.lacks(brief.tasks, fetch=True)
        if problems:
            raise ConfigurationError("executor container", [": ".join(filter(None, one)) for one in problems])
        Path(brief.scratch).mkdir(parents=True, exist_ok=True)
        self._brief = brief
        if any(task.secrets for task in brief.tasks):
            assert self._bench is not None, "executors are opened where jobs can be run"
            self._handed = Handed(self._orders, self._bench(brief).secret)
        self._tell(brief)
        labels = {RUN: brief.run, FOLDER: str(self._orders)}
        self._fleet = Fleet(self._engine, labels, self._config, self.offers.parallel)
        self._orphans = orders_in(self._orders)

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions: containers that are made from now on know them."""
        self._tell(brief)

    def _tell(self, brief: Brief) -> None:
        self._brief = brief
        write_brief(with_handed(brief) if self._handed is not None else brief, self._brief_file)

    @property
    def _orders(self) -> Path:
        """The folder with the orders of this executor, which is the only one that looks into it."""
        assert self._brief is not None, "open() comes first"
        return Path(self._brief.scratch) / orders_name(self._name)

    @property
    def _brief_file(self) -> Path:
        return self._orders.with_name(f"{self._orders.name}.brief")

    def room(self) -> int:
        """How many more jobs it would like to hold now."""
        assert self._brief is not None, "open() comes first"
        return max(0, (2 * self.offers.parallel + 2) * widest(self._brief.tasks) - len(self._names))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over; gives back a report for each one that needs more than there is."""
        assert self._brief is not None, "open() comes first"
        if self._orphans is not None:
            self._sweep()
        refused = []
        for job in jobs:
            if (job.path, job.attempt) in self._names:
                continue
            needs = self._brief.tasks[job.task].resources.cpu
            if needs > self.offers.cpu:
                text = (
                    f"it wants {needs:g} processors, and there are {self.offers.cpu:g}; ask for less in its resources"
                )
                refused.append(Report(job.path, job.attempt, "ended", failure=Failure("refused", text), at=time()))
                continue
            self._names.add((job.path, job.attempt))
            self._waiting.append(job)
        self._pump()
        return refused

    def poll(self, timeout: float) -> list[Report]:
        """Wait until something changed or `timeout` seconds are over."""
        fleet = self._fleet
        assert fleet is not None, "open() comes first"
        until = monotonic() + timeout
        while True:
            again = fleet.look(monotonic())
            self._pump()
            now = monotonic()
            if fleet.reports or fleet.rung or now >= until:
                return self._told(fleet)
            select.select([fleet.bell], [], [], max(0.0, min(until, again) - now))

    def _told(self, fleet: Fleet) -> list[Report]:
        fleet.rung = False
        reports, fleet.reports = fleet.reports, []
        for report in reports:
            if report.status != "running":
                self._names.discard((report.path, report.attempt))
        return reports

    def wake(self) -> None:
        """Have `poll` come back at once: there is something to submit. From any thread."""
        if self._fleet is not None:
            self._fleet.wake()

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """Take back jobs that have not started, and have the others ended with their containers."""
        fleet, wanted = self._fleet, set(jobs) & self._names
        if fleet is None or not wanted:
            return
        kept: deque[Job] = deque()
        for job in self._waiting:
            if (job.path, job.attempt) in wanted:
                fleet.reports.append(stopped(job))
            else:
                kept.append(job)
        self._waiting = kept
        for cell in list(fleet.cells.values()):
            fleet.cancel(cell, wanted, grace)

    def held(self) -> list[tuple[str, int]]:
        """Jobs of this run that an earlier driver has started, and whose end nobody has heard."""
        assert self._fleet is not None, "open() comes first"
        orders, self._orphans = self._orphans or [], None
        found = {one.name: one for one in self._engine.listed({FOLDER: str(self._orders)})}
        for order in orders:
            container = found.pop(order.name, None)
            cell = self._cell(order)
            if container is None and order.record(0) is None:
                order.remove()  # it was about to be made
                continue
            self._hand_over(cell)  # it may be about to start
            self._fleet.adopt(cell, container)
            self._names.update((job.path, job.attempt) for job in order.jobs)
        for rest in found.values():
            self._fleet.dismiss(rest)
        return sorted(self._names)

    def close(self) -> None:
        """Let everything go; containers that still run are ended."""
        fleet, self._fleet = self._fleet, None
        self._waiting.clear()
        self._names.clear()
        self._orphans = None
        if fleet is not None:
            fleet.close()
        if self._handed is not None:
            self._handed.remove()
            self._handed = None
        self._brief = None
        if "_engine" in vars(self):
            self._engine.close()

    # --- starting ---------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Start what there are processors for, the longest waiting first."""
        fleet = self._fleet
        assert fleet is not None
        assert self._brief is not None
        while self._waiting:
            cost = self._brief.tasks[self._waiting[0].task].resources.cpu
            if not fleet.takes(cost):
                return
            jobs = chunked(self._waiting, self._brief.tasks)[0]
            taken = {(job.path, job.attempt) for job in jobs}
            self._waiting = deque(job for job in self._waiting if (job.path, job.attempt) not in taken)
            folder = self._orders / container_name(jobs[0], self._brief.scratch)
            cell = self._cell(Order.write(folder, self._brief_file, jobs, foreign=self._settings.foreign))
            if self._settings.foreign:
                cell.share_log()
            fleet.launch(cell)

    def _cell(self, order: Order) -> Cell:
        assert self._brief is not None
        task = self._brief.tasks[order.jobs[0].task]
        image = task.image or self._image
        assert image is not None, "refused when it was opened"
        return Cell(order, task, scratch=self._brief.scratch, image=image)

    def _hand_over(self, cell: Cell) -> list[Mount]:
        """Put a cell's secrets where its container finds them."""
        if self._handed is None or not cell.task.secrets:
            return []
        return [self._handed.mount(cell.jobs[0].task, cell.task.secrets)]

    def _config(self, cell: Cell) -> dict[str, Any]:
        """Say what the engine is to make for a cell."""
        brief = self._brief
        assert brief is not None
        binds = [Mount(brief.scratch, brief.scratch)]
        url = str(brief.artifacts.get("url", "")).removeprefix("file://")
        if url and "://" not in url:
            Path(url).mkdir(parents=True, exist_ok=True)
            binds.append(Mount(url, url))
        binds += self._hand_over(cell)
        return container_config(
            self._settings,
            cell.task,
            cell.job,
            image=self._ids.get(cell.image, cell.image),
            order=str(cell.order.folder),
            log=f"{brief.scratch}/{cell.log}",
            binds=binds,
            labels={OURS: "1", RUN: brief.run, FOLDER: str(self._orders), DRIVER: driver_label()},
        )

    def _sweep(self) -> None:
        """Remove what earlier drivers have left, of this run and of those that nobody takes up again."""
        assert self._fleet is not None
        orders, self._orphans = self._orphans or [], None
        own = driver_label()
        for found in self._engine.listed({OURS: "1"}):
            if found.labels.get(DRIVER) == own:
                continue  # of another executor of this run, or of another run here
            mine = found.labels.get(FOLDER) == str(self._orders)
            # One that runs may still be taken up again, with its run.
            if mine or (is_orphan(found.labels) and found.status not in ("running", "paused", "stopping")):
                self._fleet.dismiss(found)
        for order in orders:
            order.remove()
