"""The body of a dynamic run: called with its parameters, its result or failure made a record.

What the calls in it mean is the frames' business; this file begins and ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from fairlead.api.debugging import Witness
from fairlead.api.dynamic.conductor import Conductor
from fairlead.api.dynamic.failures import causes_in
from fairlead.api.dynamic.frames import BodyFrame
from fairlead.api.dynamic.patches import patched_task
from fairlead.api.dynamic.threads import inherited_context
from fairlead.api.launch import Carriage, check_against
from fairlead.author.scope import current
from fairlead.config.services import Services, bench_for
from fairlead.engine.driver import Gear
from fairlead.engine.dynamic import BodyDriver, Stopped
from fairlead.engine.writer import Ledger
from fairlead.errors import DefinitionError, UnstorableValue
from fairlead.model.calls import CallState
from fairlead.model.events import Attempt, Call, Failure, Reason
from fairlead.model.path import BODY
from fairlead.model.run import Run
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import Workflow
from fairlead.node.code import function_of
from fairlead.node.current import Running
from fairlead.node.execute import Bench
from fairlead.ports import Brief, Executor, Job, Values

__all__ = ["body_driver"]


def body_driver(
    services: Services,
    run: Run,
    gear: Gear,
    carriage: Carriage,
    *,
    brief: Brief,
    ledger: Ledger,
    epoch: int,
    recorded: int,
) -> BodyDriver:
    """Put together what carries a dynamic run. `recorded`: how many task definitions it was made with."""

    def learn(place: int, function: Any) -> None:
        new = run.workflow.tasks[len(brief.tasks) :]
        if new:
            _check(services, run, new, gear.executor, watched=bench.guard is not None)
        if carriage.witness is not None:
            new = tuple(msgspec.structs.replace(task, timeout=None) for task in new)
        brief.tasks, brief.code = (*brief.tasks, *new), run.code
        if function is not None:
            carriage.late[place] = function
        gear.reuse.grown()
        if new:
            gear.executor.extend(brief)

    state = ledger.state
    assert isinstance(state, CallState)
    environment = services.environment
    patch = partial(patched_task, environment) if environment.tasks else None
    bench = bench_for(services, brief)
    conductor = Conductor(run, bench.values, recorded=recorded, learn=learn, patch=patch)
    function = carriage.functions[0] if carriage.functions else None
    body = _Body(run, conductor, bench, function, carriage.witness)
    driver = BodyDriver(run, state, gear, epoch=epoch, ledger=ledger, body=body, accepted=carriage.accepted)
    conductor.driver = driver
    return driver


def _check(services: Services, run: Run, new: Sequence[TaskDefinition], executor: Executor, *, watched: bool) -> None:
    """Refuse tasks that came up and cannot be run here, as is done with the others before a run begins."""
    secret = [task.name for task in new if task.secrets]
    if secret and not watched:
        raise DefinitionError(
            f"{secret[0]} declares secrets, and no task that could be seen in the workflow does, so that nothing "
            "watches over them; name the task in the body or in a function that it calls"
        )
    single = Workflow(run.workflow.name, tasks=tuple(new))
    check_against(msgspec.structs.replace(run, workflow=single), services, executor)


class _Body:
    """The body, as its driver calls it."""

    def __init__(
        self,
        run: Run,
        conductor: Conductor,
        bench: Bench,
        function: Callable[..., Any] | None,
        witness: Witness | None,
    ) -> None:
        self._run = run
        self._conductor = conductor
        self._bench = bench
        self._function = function
        self._witness = witness

    def perform(self, driver: BodyDriver) -> Attempt:
        """Call the body; whatever comes of it is in the record."""
        bench = self._bench
        epoch = driver.epoch
        record = Attempt(BODY, epoch, epoch, started=driver.now(), worker=bench.worker)
        begun = time.perf_counter()
        bench.begin()
        here = bench.current = Running(bench, Job(self._run.id, BODY, epoch, 0, {}))
        args: dict[str, Any] = {}
        causes: tuple[str, ...] = ()
        try:
            function = self._found(bench.values)
            args = {name: self._conductor.decode(value) for name, value in self._run.parameters.items()}
            result = self._call(function, args)
            record.outputs = [self._kept(result)]
            record.outcome = "succeeded"
        except BaseException as error:  # noqa: BLE001 - whatever the body raises is its failure, and data
            causes = causes_in(error)
            self._tell(record, error, args)
            if self._witness is not None:
                self._witness.raised[BODY] = error
        record.call = Call("", causes=causes, accepted=driver.accepted)
        record.ended = driver.now()
        record.seconds = time.perf_counter() - begun
        record.log = bench.log.mark()
        record.metrics, record.artifacts = here.metrics, here.artifacts
        bench.current = None
        bench.close()
        return record

    def finish(self, record: Attempt) -> None:
        """Fail a body that succeeded, when something that it sent off failed and nobody asked for it."""
        if record.outcome != "succeeded":
            return
        forgotten = [future for future in self._conductor.untaken if not future.taken]
        if forgotten:
            error = forgotten[0].exception()
            paths = tuple(path for future in forgotten for path in future.paths())
            record.outcome, record.outputs = "failed", None
            record.failure = Failure("exception", f"{error}, and nobody asked for its result")
            record.call = Call("", causes=paths, accepted=record.call.accepted if record.call else False)

    def _found(self, values: Values) -> Callable[..., Any]:
        if self._function is not None:
            return self._function
        return function_of(self._run.workflow.tasks[0], self._run.code.tasks[0], values)

    def _call(self, function: Any, args: dict[str, Any]) -> Any:
        """Call the function with its parameters in the outermost frame."""
        params = self._run.workflow.tasks[0].params
        first = [args[one.name] for one in params if one.kind == "positional_only" and one.name in args]
        only = {one.name for one in params if one.kind == "positional_only"}
        rest = {name: value for name, value in args.items() if name not in only}
        awaits = bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & 0x80)
        frame = BodyFrame(self._conductor, awaits=awaits)
        with inherited_context():
            if not awaits:
                return frame.play(_Function(function), tuple(first), rest)
            return _run_async(lambda: frame.play(_Function(function), tuple(first), rest))

    def _kept(self, result: Any) -> Any:
        """Encode what the body returned."""
        conductor = self._conductor
        token = current.set(False)
        try:
            return conductor.result(result)
        except UnstorableValue as error:
            raise UnstorableValue(f"what the workflow returned: {error}") from error
        finally:
            current.reset(token)

    def _tell(self, record: Attempt, error: BaseException, args: dict[str, Any]) -> None:
        record.outcome = "cancelled" if isinstance(error, (Stopped, KeyboardInterrupt)) else "failed"
        reason: Reason = "cancelled" if record.outcome == "cancelled" else "exception"
        message = ""
        if isinstance(error, SystemExit):
            from fairlead.node.failure import user_exit_message

            reason, message = "exit", user_exit_message(error)
        elif isinstance(error, UnstorableValue):
            reason = "unstorable"
        record.failure = self._bench.teller.failure(error, reason, args, message)


class _Function:
    """The body's function as frames take it."""

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function


def _run_async(begin: Callable[[], Any]) -> Any:
    import asyncio

    async def main() -> Any:
        return await begin()

    if asyncio._get_running_loop() is None:
        return asyncio.run(main())
    # A notebook's own loop runs in this thread, and loops do not nest.
    from fairlead.tasks.python import await_elsewhere

    return await_elsewhere(main())
