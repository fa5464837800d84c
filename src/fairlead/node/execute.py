"""Running one job: load its inputs, call, check and encode what came, and make the record.

The one way in which a task is run, wherever it runs. A failure is data in the record; nothing is
raised. Every microsecond here is paid once per task: the slow paths are functions of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import current_thread, get_ident, main_thread
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Protocol

from fairlead.errors import ArtifactMissing, FairleadError, StoreError, UnstorableValue
from fairlead.model.events import Attempt, Failure, LogRange, Reason
from fairlead.model.run import TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Value
from fairlead.node.current import AT_WORK, Running, number
from fairlead.node.surroundings import OTHERS, Surroundings
from fairlead.ports import Brief, Job, TaskKind, Values
from fairlead.wire import decoder

if TYPE_CHECKING:
    from fairlead.node.secrecy import Guard

__all__ = ["Bench", "Ended", "FunctionOf", "Log", "execute", "failed"]


FRESH = 0.001
"""Seconds for which what was seen of the process counts: others in it have hardly had a turn since."""


class Ended(BaseException):
    """Raised inside a task that is to end now: its worker was asked to (SIGTERM)."""


class FunctionOf(Protocol):
    """Finds the function of a task; `node.code.function_of`."""

    def __call__(self, task: TaskDefinition, code: TaskCode, values: Values, /) -> Callable[..., Any]: ...


class Log(Protocol):
    """Where tasks of this process write."""

    def mark(self) -> LogRange | None:
        """Give the range that was written since the last mark; None when there is nothing."""

    def begin(self, bench: Bench) -> None:
        """Jobs of this bench are about to run."""

    def keep_from(self, guard: Guard) -> None:
        """Write no secret that the guard knows, from now on."""


class _NoLog:
    """For processes whose output somebody else keeps."""

    def mark(self) -> LogRange | None:
        return None

    def begin(self, bench: Bench) -> None: ...

    def keep_from(self, guard: Guard) -> None: ...


class _Step:
    """A task definition, made ready to be called."""

    __slots__ = ("env", "function", "outputs", "run", "task")

    def __init__(self, task: TaskDefinition, kind: TaskKind, function: Callable[..., Any] | None) -> None:
        self.task = task
        self.run = kind.run
        self.function = function
        self.outputs = len(task.outputs)
        self.env = task.env_vars


class _Placed(BaseException):
    """A task that came up while the run was going on wants a working directory of its own."""


def _placed(brief: Brief) -> frozenset[int]:
    tasks = enumerate(brief.tasks)
    return frozenset(place for place, task in tasks if task.workdir == "private" or task.catalog is not None)


class Bench:
    """What a process needs to run jobs of one run."""

    __slots__ = (
        "_before",
        "_in_main",
        "_seen",
        "_thread",
        "brief",
        "current",
        "function_of",
        "guard",
        "hint",
        "kinds",
        "log",
        "outer",
        "placed",
        "sets_env",
        "steps",
        "teller",
        "values",
        "vanished",
        "worker",
    )

    def __init__(
        self,
        brief: Brief,
        *,
        values: Values,
        kinds: Mapping[str, TaskKind],
        function_of: FunctionOf,
        guard: Guard | None = None,
        log: Log | None = None,
        worker: str = "",
        sets_env: bool = False,
    ) -> None:
        """`sets_env`: the process is not a task's own, so env_vars are set around each task."""
        from fairlead.node.failure import Teller

        self.brief = brief
        self.hint = f"runs/{brief.run}/"
        """Where in the artifact store large values go."""
        self.values = values
        self.kinds = kinds
        self.function_of = function_of
        self.guard = guard
        """What is known of the run's secrets; None where no task declares any."""
        self.log: Log = log or _NoLog()
        self.worker = worker or f"{os.uname().nodename}:{os.getpid()}"
        self.sets_env = sets_env
        self.current: Running | None = None
        """The task run that is at it now."""
        self.outer: Bench | None = None
        self.steps: dict[int, _Step] = {}
        self.placed = _placed(brief)
        """Tasks that run in a working directory of their own."""
        self.vanished = False
        """What ended the last task that failed was the artifact store, not the task."""
        self._before: Surroundings | None = None
        self._in_main = False
        self._thread = 0
        """In which jobs were run last."""
        self._seen = 0.0
        """When the process was last seen to be as it was."""
        self.teller = Teller(brief.code.root)
        if guard is not None:
            self.teller.masked = guard.masked

    def execute(self, job: Job) -> Attempt:
        """Run a job of this run."""
        return execute(job, self)

    def grown(self) -> None:
        """The brief has further tasks."""
        self.placed = _placed(self.brief)

    def put_back(self) -> None:
        """Undo what the last task has changed in this process."""
        if self._before is not None:
            self._before.put_back()
            self._seen = perf_counter()

    def step(self, index: int) -> _Step:
        """Make a task ready to be called, once; imports the user's code."""
        if index >= len(self.brief.tasks):
            # It came up while the run was going on, and whoever gave us the job has written it down.
            with open(f"{self.brief.scratch}/brief", "rb") as file:  # noqa: PTH123 - pathlib costs 10 ms
                self.brief = decoder(Brief).decode(file.read())
            self.grown()
            if index in self.placed:
                raise _Placed
        task = self.brief.tasks[index]
        codes = self.brief.code.tasks
        code = codes[index] if index < len(codes) else TaskCode("")
        try:
            kind = self.kinds[task.kind]
        except KeyError:
            raise FairleadError(
                f"nothing here can run tasks of kind {task.kind!r}; known: {', '.join(self.kinds)}"
            ) from None
        if task.secrets and self.guard is not None:
            from fairlead.node.secrecy import Guarded

            kind = Guarded(kind, self.guard)
            self.guard.learn(task.secrets)
            self.log.keep_from(self.guard)
        function = self.function_of(task, code, self.values) if task.target or code.payload is not None else None
        if index in self.placed:
            from fairlead.node.workplace import without_catalog

            task = without_catalog(task)
        step = self.steps[index] = _Step(task, kind, function)
        return step

    def secret(self, name: str) -> str:
        """Give a secret's value."""
        if self.guard is None:
            raise FairleadError(f"no secret {name!r}: this run has no source of secrets")
        return self.guard.get(name)

    def begin(self) -> None:
        """Jobs are about to run in this context; said before each batch, until `close`."""
        if AT_WORK.get() is not self:
            self.outer = AT_WORK.get()
            AT_WORK.set(self)
        thread = get_ident()
        if thread != self._thread:
            self._thread = thread
            self._in_main = current_thread() is main_thread()
        if self._in_main:
            if self._before is None or perf_counter() - self._seen > FRESH:
                self._before = Surroundings()
        else:
            OTHERS.add(id(self))
        self.log.begin(self)

    def close(self) -> None:
        """Let go what kinds of task and the log hold open."""
        if AT_WORK.get() is self:
            AT_WORK.set(self.outer)
        OTHERS.discard(id(self))
        for opened in (*self.kinds.values(), self.log):
            close = getattr(opened, "close", None)
            if close is not None:
                close()


def execute(job: Job, bench: Bench, held: list[Any] | None = None, *, here: bool = False) -> Attempt:
    """Run a job, and give its record.

    `held` takes what was loaded and returned: to free it may take longer than to send the record.
    `here`: in the working directory as it is.
    """
    if job.task in bench.placed and not here:
        from fairlead.node.workplace import execute_placed

        return execute_placed(job, bench, held)
    started = time()
    begun = perf_counter()
    current = bench.current = Running(bench, job)
    stage = "code"
    inputs = None
    try:
        step = bench.steps.get(job.task) or bench.step(job.task)
        stage = "inputs"
        decode = bench.values.decode
        inputs = {}
        for name, value in job.args.items():  # a comprehension is a call, before 3.12
            inputs[name] = decode(value)
        stage = "call"
        if bench.sets_env and step.env:
            result = _with_env(step, inputs, current)
        else:
            result = step.run(step.task, step.function, inputs, current)
        stage = "outputs"
        if step.outputs == 1 and not job.rows and not step.task.tracked:
            outputs = [bench.values.encode(result, hint=bench.hint + job.path)]
        else:
            outputs = _encode(result, job, bench, step.task)
        if held is not None:
            held += (inputs, result)
        seconds = perf_counter() - begun
        record = Attempt(
            job.path,
            job.attempt,
            0,
            None,
            started,
            time(),
            seconds,
            "succeeded",
            outputs,
            log=bench.log.mark(),
            metrics=current.metrics,
            artifacts=current.artifacts,
            worker=bench.worker,
        )
    except BaseException as error:  # noqa: BLE001  # whatever a task raises is its failure, and data
        if type(error) is _Placed:
            return execute(job, bench, held)
        record = failed(job, bench, error, stage, inputs)
        record.started = started
        record.seconds = perf_counter() - begun
        record.ended = time()
    bench.current = None
    if bench.values.loans:
        bench.values.release()
    return record


def _with_env(step: _Step, inputs: dict[str, Any], current: Running) -> Any:
    """Call with the task's environment variables, in a process that is not the task's own."""
    before = {name: os.environ.get(name) for name in step.env}
    os.environ.update(step.env)
    try:
        return step.run(step.task, step.function, inputs, current)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _encode(result: Any, job: Job, bench: Bench, task: TaskDefinition) -> list[Value]:
    """Match what came with the declared outputs, and encode each."""
    names = task.outputs
    if len(names) == 1:
        results: tuple[Any, ...] = (result,)
    elif isinstance(result, (tuple, list)) and len(result) == len(names):
        results = tuple(result)
    elif not names:
        results = ()
    else:
        raise UnstorableValue(_mismatch(result, names))
    encoded = []
    for place, (name, value) in enumerate(zip(names, results, strict=True)):
        try:
            encoded.append(bench.values.encode(value, rows=place in job.rows, hint=bench.hint + job.path))
        except UnstorableValue as error:
            raise UnstorableValue(f"output {name!r}: {error}") from error
        if name in task.tracked:
            _track(name, value, bench)
    return encoded


def _mismatch(result: Any, names: tuple[str, ...]) -> str:
    wanted = f"declares {len(names)} outputs ({', '.join(names)})"
    if isinstance(result, (tuple, list)):
        return f"returned {len(result)} value{'' if len(result) == 1 else 's'} where it {wanted}"
    return f"returned one {type(result).__qualname__} where it {wanted}; return a tuple of that length"


def _track(name: str, value: Any, bench: Bench) -> None:
    if number(value) is None:
        raise UnstorableValue(
            f"output {name!r} is declared as a metric, and metrics are numbers; got {type(value).__qualname__}"
        )
    assert bench.current is not None
    bench.current.log_metric(name, value)


def failed(job: Job, bench: Bench, error: BaseException, stage: str, inputs: dict[str, Any] | None) -> Attempt:
    """Give the record of an attempt that an error ended, at a stage: `code`, `inputs`, `call` or `outputs`."""
    current = bench.current
    record = Attempt(job.path, job.attempt, outcome="failed", worker=bench.worker)
    reason, message = _reason(error, stage)
    bench.vanished = stage != "call" and isinstance(error, StoreError)
    if reason == "cancelled":
        record.outcome = "cancelled"
    record.retryable = not (
        reason == "unstorable"
        or isinstance(error, ArtifactMissing)
        or (stage == "code" and isinstance(error, (ImportError, AttributeError, SyntaxError, FairleadError)))
    )
    try:
        record.failure = bench.teller.failure(error, reason, inputs, message)
        record.log = bench.log.mark()
    except BaseException as worse:  # noqa: BLE001  # asked to end, or the disk is full, while the failure was told
        record.failure = record.failure or Failure(reason, message or repr(type(error)), type=repr(type(worse)))
    if current is not None:
        record.metrics = current.metrics
        record.artifacts = current.artifacts
    return record


def _reason(error: BaseException, stage: str) -> tuple[Reason, str]:
    """Why an exception ends the attempt, and what to say in place of its own message."""
    if isinstance(error, SystemExit):
        from fairlead.node.failure import user_exit_message

        return "exit", user_exit_message(error)
    if isinstance(error, KeyboardInterrupt):
        return "cancelled", "interrupted from the keyboard"
    if isinstance(error, Ended):
        return "killed", "its process was asked to end (SIGTERM)"
    if stage == "inputs":
        return "inputs", ""
    if stage == "code" and isinstance(error, FairleadError):
        return "definition", ""
    if stage == "outputs":
        return ("unstorable", str(error)) if isinstance(error, UnstorableValue) else ("exception", "")
    return "exception", ""
