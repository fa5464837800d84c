"""Making a run of a workflow, and carrying it: here, or in a process of its own.

Puts the pieces together; what a piece does is its own business.
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from fairlead.api.away import folder_of, launcher_for, own_folder, refuse_living, start_away
from fairlead.api.debugging import Witness, unlimited
from fairlead.api.logs import FileTail
from fairlead.api.notify import Bulletin
from fairlead.api.runs import WorkflowRun
from fairlead.config.clocks import SystemClock, stand_in
from fairlead.config.coding import codec_problems
from fairlead.config.environment import Environment
from fairlead.config.kinds import kind_problems
from fairlead.config.services import Services, bench_for, executor_for, members_of, open_services
from fairlead.engine.adoption import adopted
from fairlead.engine.driver import Driver, Gear
from fairlead.engine.preflight import Mismatch, mismatches, table
from fairlead.engine.reuse import Finder, Found, Keys
from fairlead.engine.writer import DELAY, Ledger
from fairlead.errors import DefinitionError, NotFound, StoreError
from fairlead.model.events import Attempt
from fairlead.model.fold import complete, fold
from fairlead.model.notices import Closed, Plan
from fairlead.model.run import Group, Run, RunSummary
from fairlead.model.values import Inline
from fairlead.ports import Examines, Executor, Holds, Observer, Reach, Values

__all__ = ["Carriage", "carry", "carry_recorded", "check_against", "drive", "start_process"]


class Carriage:
    """How a run is carried by this process."""

    def __init__(
        self,
        *,
        functions: Sequence[Callable[..., Any] | None] = (),
        observers: Sequence[Observer] = (),
        max_workers: int | None = None,
        plan: Plan | None = None,
        previous: dict[str, Found] | None = None,
        fresh: Collection[str] = (),
        witness: Witness | None = None,
        accepted: bool = False,
    ) -> None:
        self.functions = functions
        """Live functions by task; empty: found through the run's record."""
        self.observers = observers
        self.max_workers = max_workers
        self.plan = plan
        self.previous = previous or {}
        """Results of the run that is resumed, by reuse key."""
        self.fresh = fresh
        """Top-level names that run again whatever is there."""
        self.late: dict[int, Callable[..., Any]] = {}
        """Functions of tasks that come up while a dynamic run is carried, by their place among its tasks."""
        self.accepted = accepted
        """A dynamic body may take another way than before."""
        self.witness = witness
        """Who sees the exceptions of tasks: for debugging, in this process and without time limits."""


def check_against(run: Run, services: Services, executor: Executor, *, fetch: bool = False) -> None:
    """Compare what a run needs with what its environment offers; raises DefinitionError with all of it.

    `fetch`: the run is to be made, and what is needed for it may be fetched.
    """
    stores = {"the artifact store": services.artifacts.reach}
    if services.store.reach == "process":
        # Of what the tasks of an executor do, the driver keeps the records: no task needs to see them.
        stores = {"the run store": services.store.reach, **stores}
    environment = services.environment
    name = str(environment.executor["type"])
    members = members_of(executor)
    rows = [
        Mismatch(
            task.name,
            f"needs the executor {task.executor!r}",
            f"environment {environment.name!r} has none of that name",
        )
        for task in run.workflow.tasks
        if task.executor and task.executor not in environment.executors
    ]
    if members is None:
        rows += mismatches(run.workflow, executor.offers, executor=name, stores=stores)
    else:
        for key, member in members.items():
            rows += mismatches(run.workflow, member.offers, executor=key or name, stores=stores, only=key)
    rows += _lacking(run, {"": executor} if members is None else members, environment, fetch=fetch)
    problems = table(rows)
    if any(task.secrets for task in run.workflow.tasks):
        from fairlead.config.guarding import secret_problems

        problems += secret_problems(run, environment, services.secret_settings(), executor.offers.reach)
    problems += codec_problems(environment.codecs, executor.offers.reach)
    problems += kind_problems(run.workflow.tasks)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise DefinitionError(f"{run.workflow.name} on {services.environment.name}: {count}", problems)


def _lacking(run: Run, members: Mapping[str, Executor], environment: Environment, *, fetch: bool) -> Iterator[Mismatch]:
    """Ask executors that look at what is there for what their tasks would not find."""
    for name, executor in members.items():
        tasks = [task for task in run.workflow.tasks if (task.executor if task.executor in members else "") == name]
        if tasks and hasattr(executor, "lacks"):  # from 3.12 on, to look for a protocol imports inspect
            spot = environment.place("executors", name) if name else environment.place("executor")
            for task, lack in cast(Examines, executor).lacks(tasks, fetch=fetch):
                yield Mismatch(task, lack if task or spot is None else f"{spot}: {lack}")


def carry(services: Services, run: Run, carriage: Carriage) -> WorkflowRun:
    """Take a recorded run up and carry it to its end, in this thread.

    Gives the run back whatever became of it; raises RunBusy when a living driver holds it.
    """
    store = services.store
    _refuse_real(run, services)
    lease = store.lease(run.id)
    bulletin = None
    try:
        before = store.summary(run.id)
        if before.status == "succeeded":
            return WorkflowRun(services, run.id, record=run)
        bulletin = _bulletin(services, run, carriage.observers)
        return _drive(services, run, carriage, bulletin, before)
    finally:
        # Observers may take their time: whoever goes on with the run need not wait for them.
        lease.release()
        if bulletin is not None:
            _say_closed(services, run.id, bulletin)


def _bulletin(services: Services, run: Run, observers: Sequence[Observer]) -> Bulletin | None:
    """Give what tells the caller's observers and the environment's; None where there is nobody to tell."""
    environment = services.environment
    if not environment.observers:
        return Bulletin(run, observers) if observers else None
    from fairlead.config.observing import observers_of, screen_for

    outside = observers_of(environment, services.folder.path.parent, services.values)
    return Bulletin(run, observers, outside, screen_for(services.brief(run), environment.secrets.get("object")))


def _refuse_real(run: Run, services: Services) -> None:
    """Stand-ins must not be recorded as the results of a run that is no rehearsal."""
    real = [task.name for task in run.workflow.tasks if not task.mock]
    if services.environment.executor["type"] == "mock" and real:
        raise DefinitionError(
            f"run {run.id!r} is a real one ({', '.join(real[:3])}{', …' if len(real) > 3 else ''}), "
            "and executor 'mock' would record stand-ins as its results; go on with it in its own environment, "
            "or start a new one"
        )


def _say_closed(services: Services, run_id: str, bulletin: Bulletin) -> None:
    try:
        bulletin.tell(Closed(services.store.summary(run_id)))
    except NotFound:
        return  # the store is gone, and the error that says so is on its way
    finally:
        bulletin.close()


def _drive(
    services: Services, run: Run, carriage: Carriage, bulletin: Bulletin | None, before: RunSummary
) -> WorkflowRun:
    store, environment = services.store, services.environment
    recorded = len(run.workflow.tasks)
    if run.workflow.dynamic and before.epoch:
        run = complete(run, store.attempts(run.id))
    brief = services.brief(run) if carriage.witness is None else unlimited(services.brief(run))
    if before.epoch:
        from fairlead.engine.requirements import unlike

        brief.notes = unlike(run.code)  # packages may have changed since
    scratch = services.scratch(run.id)
    values = services.values(scratch / "files")
    watch = None if carriage.witness is None else carriage.witness.watch
    executor = executor_for(
        environment,
        lambda brief: bench_for(services, brief, carriage.functions, late=carriage.late, watch=watch),
        max_workers=carriage.max_workers,
        folder=services.folder.path.parent,
    )
    epoch = store.open(run.id, time.time())
    if before.status == "created" and before.cancel_asked is not None:
        store.ask_cancel(run.id, before.cancel_asked)  # asked before anybody carried it: opening took that back
    known: dict[str, Group] = {}
    recorded_before: Sequence[Attempt] = ()
    if before.epoch:
        recorded_before = store.attempts(run.id)
        state = fold(run, _with_bytes(recorded_before, values), epoch=epoch)
        known = {group.name: group for group in store.groups(run.id)}
    else:
        state = fold(run, (), epoch=epoch)
    gear = _gear(services, run, carriage, bulletin, executor, values)
    try:
        executor.open(brief)
        if before.epoch and isinstance(executor, Holds) and not run.workflow.dynamic:
            gear.held = adopted(executor, recorded_before)
        ledger = Ledger(state, known)
        if run.workflow.dynamic:
            from fairlead.api.dynamic.body import body_driver

            driver: Driver = body_driver(
                services, run, gear, carriage, brief=brief, ledger=ledger, epoch=epoch, recorded=recorded
            )
        else:
            driver = Driver(run, state, gear, epoch=epoch, ledger=ledger)
        driver.carry(carriage.plan)
    except NotFound as error:
        raise StoreError(
            f"the record of run {run.id!r} is gone: {services.folder.path} was removed or replaced "
            "while it was going on"
        ) from error
    finally:
        services.forget_files(run.id)
        with suppress(StoreError):  # out of reach: the files stay on this machine, and readers here find them
            services.keep_logs(run.id)
    done = WorkflowRun(services, run.id, record=run)
    done.remember(state)
    return done


def _gear(
    services: Services, run: Run, carriage: Carriage, bulletin: Bulletin | None, executor: Executor, values: Values
) -> Gear:
    """Put together what a driver works with."""
    clock = stand_in()
    hears = bulletin is not None and bulletin.wants_output and not executor.offers.echo
    return Gear(
        store=services.store,
        values=values,
        executor=executor,
        reuse=Finder(run, Keys(run, values), services.store, values, carriage.previous, fresh=carriage.fresh),
        clock=clock or SystemClock(),
        jumps=clock is not None,
        tell=bulletin.tell if bulletin is not None else None,
        tail=FileTail(services.scratch(run.id)) if hears else None,
        delay=0.0 if services.environment.durability == "each" else DELAY,
    )


def _with_bytes(attempts: Iterable[Attempt], values: Values) -> Iterator[Attempt]:
    """Pass over successes whose artifacts are not there, whole: after a power cut they count as not done."""
    for attempt in attempts:
        if not any(type(value) is not Inline and values.missing(value) for value in attempt.outputs or ()):
            yield attempt
        elif attempt.outcome is not None:
            yield Attempt(attempt.path, attempt.attempt, attempt.epoch, outcome="lost", call=attempt.call)


def carry_recorded(
    services: Services,
    run_id: str,
    *,
    check: bool = True,
    observers: Sequence[Observer] = (),
    max_workers: int | None = None,
    accepted: bool = False,
) -> WorkflowRun:
    """Go on with a recorded run, with its recorded graph and code."""
    run = services.store.get(run_id)
    carriage = Carriage(observers=observers, max_workers=max_workers, accepted=accepted)
    if services.environment.executor["type"] == "in_process" or run.workflow.dynamic:
        from fairlead.node.code import install, uninstall

        install(run.code, services.artifacts)  # its tasks are imported here, and this may be any process
        try:
            done = carry(services, run, carriage)
        finally:
            uninstall()
    else:
        done = carry(services, run, carriage)
    if check:
        done.raise_unless_succeeded()
    return done


# --- in a process of its own -----------------------------------------------------------------------


def start_process(services: Services, run_id: str, *, max_workers: int | None = None) -> None:
    """Start a driver process that carries the run and outlives this one.

    Comes back when the driver has taken the run up; raises StoreError with its words when it could not.
    """
    import subprocess

    if services.store.reach == "process":
        raise DefinitionError(
            "a run in a memory store cannot be carried by another process; use .run(), or a store on disk"
        )
    refuse_living(services.environment)
    launcher = launcher_for(services)
    if launcher is not None:
        start_away(services, run_id, launcher, _words(services, run_id, max_workers, launcher.reach))
        return
    scratch = services.scratch(run_id)
    scratch.mkdir(parents=True, exist_ok=True)
    words = scratch / "driver.log"
    command = [sys.executable, "-m", "fairlead", *_words(services, run_id, max_workers)]
    with words.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder_of(services, run_id),
        )
    while services.store.summary(run_id).status == "created":
        if process.poll() is not None:
            said = words.read_text(encoding="utf-8", errors="replace").strip()
            raise StoreError(f"the driver of run {run_id!r} ended before it took the run up: {said or 'no word'}")
        time.sleep(0.005)
    if not _CHILDREN:
        atexit.register(_let_go)
    _CHILDREN.append(process)


_CHILDREN: list[Any] = []
"""Drivers that this process has started."""


def _let_go() -> None:
    """Drivers outlive this process: no warning shall say that they were forgotten."""
    for process in _CHILDREN:
        if process.poll() is None:
            process.returncode = 0


def _words(services: Services, run_id: str, max_workers: int | None, reach: Reach = "host") -> list[str]:
    """Give the words of the command that carries a run, for `drive`."""
    folder = str(services.folder.path.parent) if reach == "host" else ""
    environment = msgspec.json.encode(services.environment.record()).decode()
    return ["_drive", run_id, folder, environment, str(max_workers or 0)]


def drive(words: Sequence[str]) -> int:
    """Be a driver process: what `start_process` starts; gives the exit code."""
    from fairlead.node.code import install

    run_id, folder, environment, workers = words
    recorded = Environment.from_record(msgspec.json.decode(environment), patches=False)
    services = open_services(recorded, start=Path(folder) if folder else own_folder(run_id))
    run = services.store.get(run_id)
    install(run.code, services.artifacts)
    done = carry(services, run, Carriage(max_workers=int(workers) or None))
    return 0 if done.get_status() == "succeeded" else 1
