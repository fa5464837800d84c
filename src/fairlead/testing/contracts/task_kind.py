"""What every kind of task must do: the sentences of `fairlead.ports.TaskKind`, a test each.

A plugin's test file says:

    class TestMyKind(TaskKindContract):
        @pytest.fixture
        def make_kind(self):
            ...  # gives a function that makes the kind

        @pytest.fixture
        def works(self):
            ...  # gives Sample(task, inputs, expected): a task that succeeds, and what it gives

        @pytest.fixture
        def fails(self):
            ...  # gives Sample(task, inputs): a task that fails

`custom(…).definition` makes tasks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from fairlead.model.events import Attempt
from fairlead.model.run import Code, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.node.execute import Bench
from fairlead.ports import Brief, Job, TaskKind
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.values import StoredValues

__all__ = ["Sample", "TaskKindContract"]

MakeKind = Callable[[], TaskKind]


class Sample(msgspec.Struct):
    """A task with its inputs, and what it is to give."""

    task: TaskDefinition
    inputs: dict[str, Any]
    expected: Any = None
    function: Callable[..., Any] | None = None
    """Of a kind whose tasks are functions."""


class TaskKindContract:
    """Tests for any kind of task."""

    @pytest.fixture
    def make_kind(self) -> MakeKind:
        """Give a function that makes the kind; override this."""
        raise NotImplementedError("override the 'make_kind' fixture")

    @pytest.fixture
    def works(self) -> Sample:
        """Give a task that succeeds; override this."""
        raise NotImplementedError("override the 'works' fixture")

    @pytest.fixture
    def fails(self) -> Sample:
        """Give a task that fails; override this."""
        raise NotImplementedError("override the 'fails' fixture")

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.chdir(tmp_path)
        yield

    def test_it_gives_what_the_task_gives(self, make_kind: MakeKind, works: Sample) -> None:
        with _bench(make_kind, works) as bench:
            record = bench.run()
            assert record.outcome == "succeeded", record.failure
            assert bench.given(record) == works.expected

    def test_it_gives_the_same_again(self, make_kind: MakeKind, works: Sample) -> None:
        with _bench(make_kind, works) as bench:
            first, second = bench.run(), bench.run(2)
            assert bench.given(first) == bench.given(second) == works.expected

    def test_a_failure_is_told_and_the_next_task_runs(self, make_kind: MakeKind, works: Sample, fails: Sample) -> None:
        with _bench(make_kind, works, fails) as bench:
            record = bench.run(task=1)
            assert record.outcome == "failed"
            assert record.failure is not None
            assert record.failure.reason == "exception"
            assert record.failure.message, "a failure must say what is wrong"
            assert bench.run().outcome == "succeeded"

    def test_it_leaves_its_inputs_and_the_task_as_they_are(self, make_kind: MakeKind, works: Sample) -> None:
        inputs, task = deepcopy(works.inputs), msgspec.json.encode(works.task)
        with _bench(make_kind, works) as bench:
            bench.kind.run(works.task, works.function, works.inputs, _current(bench))
        assert works.inputs == inputs
        assert msgspec.json.encode(works.task) == task

    def test_it_leaves_the_process_as_it_is(self, make_kind: MakeKind, works: Sample, fails: Sample) -> None:
        before = Path.cwd(), dict(os.environ)
        with _bench(make_kind, works, fails) as bench:
            bench.kind.run(works.task, works.function, works.inputs, _current(bench))
            with pytest.raises(Exception):  # noqa: B017 - whatever it raises
                bench.kind.run(fails.task, fails.function, fails.inputs, _current(bench, 1))
        assert (Path.cwd(), dict(os.environ)) == before

    def test_it_runs_in_threads_at_once(self, make_kind: MakeKind, works: Sample) -> None:
        with _bench(make_kind, works) as bench:
            current = _current(bench)

            def run(_: int) -> Any:
                return bench.kind.run(works.task, works.function, deepcopy(works.inputs), current)

            with ThreadPoolExecutor(4) as threads:
                assert list(threads.map(run, range(8))) == [works.expected] * 8

    def test_closing_it_twice_does_no_harm(self, make_kind: MakeKind, works: Sample) -> None:
        with _bench(make_kind, works) as bench:
            bench.run()
            for _ in range(2):
                getattr(bench.kind, "close", lambda: None)()


class _Work:
    """A bench for a few tasks of one kind."""

    def __init__(self, kind: TaskKind, samples: tuple[Sample, ...]) -> None:
        self.kind = kind
        self.samples = samples
        self.values = StoredValues(MemoryArtifacts())
        code = Code(tasks=tuple(TaskCode("") for _ in samples))
        brief = Brief("calm-otter", tuple(sample.task for sample in samples), code, str(Path.cwd()))
        self.bench = Bench(
            brief,
            values=self.values,
            kinds={sample.task.kind: kind for sample in samples},
            function_of=lambda task, *_: self._function(task),
            sets_env=True,
        )

    def _function(self, task: TaskDefinition) -> Any:
        return next(sample.function for sample in self.samples if sample.task is task)

    def __enter__(self) -> Self:
        self.bench.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.bench.close()

    def job(self, attempt: int = 1, task: int = 0) -> Job:
        sample = self.samples[task]
        inputs = {name: self.values.encode(value) for name, value in sample.inputs.items()}
        return Job("calm-otter", sample.task.name, attempt, task, inputs)

    def run(self, attempt: int = 1, *, task: int = 0) -> Attempt:
        return self.bench.execute(self.job(attempt, task))

    def given(self, record: Attempt) -> Any:
        values = tuple(map(self.values.decode, record.outputs or ()))
        return values[0] if len(values) == 1 else values


def _bench(make_kind: MakeKind, *samples: Sample) -> _Work:
    return _Work(make_kind(), samples)


def _current(work: _Work, task: int = 0) -> Any:
    from fairlead.node.current import Running

    return Running(work.bench, work.job(task=task))
