"""The executor `mock`: graphs are walked, and no task's code is run or imported."""

import sys

import pytest

from fairlead import (
    Conditional,
    DefinitionError,
    Loop,
    Map,
    Parallel,
    Pipeline,
    PythonTask,
    Stub,
    WorkflowRun,
    current_run,
    repeat,
    shell,
    switch,
    task,
    workflow,
)
from fairlead.config.benches import open_bench
from fairlead.executors.mock import Mock
from fairlead.model.task import Resources
from fairlead.model.values import Inline
from fairlead.node.capture import TeeLog
from fairlead.testing import memory_env
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import Harness, record_of, result

NONE = Inline("json", b"null")

NOT_OF_MOCKS = [
    # Their point is what the task's code does, and it is not run.
    "a_coroutine_function_is_awaited",
    "a_function_that_is_not_there_fails_the_task",
    "a_job_that_is_submitted_twice_is_run_once",
    "a_job_with_a_large_message_travels",
    "a_result_comes_back_in_a_record",
    "a_secret_that_is_not_declared_is_not_given",
    "a_task_knows_its_run_and_records_metrics_and_artifacts",
    "a_task_that_fails_does_not_harm_the_next",
    "a_task_that_takes_long_is_reported_as_running",
    "a_task_that_takes_too_long_is_ended",
    "a_task_within_its_time_limit_is_left_alone",
    "many_jobs_are_each_run_once",
    "a_thread_of_a_task_knows_its_run",
    "a_value_that_cannot_be_stored_fails_the_task",
    "an_exception_is_told_as_data",
    "an_input_that_is_not_there_fails_the_task",
    "any_name_will_do",
    "attempts_of_one_path_are_told_apart",
    "child_processes_end_with_a_task_that_takes_too_long",
    "environment_variables_are_those_of_the_task",
    "every_kind_of_parameter_gets_its_arguments",
    "jobs_that_wait_can_be_cancelled",
    "large_values_travel",
    "one_executor_serves_one_run_after_the_other",
    "output_is_kept_with_its_attempt",
    "output_of_a_failed_attempt_is_kept",
    "output_of_threads_is_kept",
    "outputs_that_do_not_match_fail_the_task",
    "several_outputs_become_several_values",
    "sys_exit_is_a_failure",
    "tracked_outputs_are_metrics",
]


def bench(brief):
    return open_bench(brief, TeeLog(brief.scratch), sets_env=True)


@pytest.fixture
def make_executor():
    made = []

    def make():
        made.append(Mock(bench))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def on(make_executor, tmp_path):
    return Harness(make_executor(), tmp_path)


class TestContract(ExecutorContract):
    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor


for name in NOT_OF_MOCKS:
    assert hasattr(ExecutorContract, f"test_{name}")
    setattr(TestContract, f"test_{name}", None)


# --- by itself ---


def test_a_task_of_any_sort_gives_none(on):
    on.task("exit_hard")
    on.task("no_such_function")
    on.task("pair", outputs=("a", "b"))
    on.open()
    assert [result(on.go(number)) for number in (0, 1)] == [None, None]
    assert record_of(on.go(2)).outputs == [NONE, NONE]


def test_jobs_are_each_run_once_and_told_apart(on):
    on.task("add_one", "x")
    on.open()
    on.submit(on.job("a", x=1), on.job("a", x=1), on.job("a", 0, 2, x=1), on.job("b", x=1))
    on.finish("a", "b")
    assert sorted(on.ended) == [("a", 1), ("a", 2), ("b", 1)]


def test_jobs_that_wait_can_be_cancelled(on):
    on.task("quiet")
    on.open()
    on.submit(on.job("a"), on.job("b"))
    on.executor.cancel([("b", 1)], 1.0)
    first, second = on.finish("a", "b")
    assert record_of(first).outcome == "succeeded"
    assert second.failure.reason == "cancelled"


def test_inputs_are_not_loaded(on):
    assert result(on.run("length", data=Inline("pickle", b"no pickle"))) is None


def test_whatever_a_task_needs_there_is(on):
    offers = on.executor.offers
    assert (offers.gpu > 1000, offers.cpu > 1000, offers.image, offers.memory) == (True, True, True, None)


# --- whole runs ---


@pytest.fixture
def mock_env():
    with memory_env("mock") as env:
        yield env


def never(*args, **kwargs):
    pytest.fail("a task's code was run")


@task(resources=Resources(gpu=8), image="team/train:1", secrets=["KEY"], outputs=("chunks", "labels"), tracked=[])
def load(path):
    never()


@task(retries=2, timeout=1.0)
def train(chunk, label=None, rate=0.1):
    never()


@task(cache=True, tracked=["result"])
def total(scores):
    never()


@workflow
def training(path):
    chunks, labels = load(path)
    return total(train.map(chunks, labels))


def statuses(run, wanted=None):
    return {one.id: one.status for one in run.get_tasks() if wanted in {None, one.status}}


def test_every_task_of_a_graph_succeeds_and_nothing_is_run(mock_env):
    run = training("x").run()
    assert statuses(run) == {"load": "succeeded", "train[0]": "succeeded", "total": "succeeded"}
    assert run.get_results() is None


def test_a_list_that_feeds_a_map_has_as_many_items_as_the_lists_beside_it(mock_env):
    @workflow
    def beside(numbers):
        chunks, labels = load("x")
        return total(train.map(numbers, chunks)), total(train.map(train.map(chunks), labels))

    run = beside([1, 2, 3]).run()
    assert run.get_task("load").outputs == ([None] * 3, [None] * 3)
    assert statuses(run)["train[2]"] == "succeeded"


def test_maps_in_maps_get_lists_of_lists(mock_env):
    @task
    def rows():
        never()

    @workflow
    def inner(row):
        return total(train.map(row))

    @workflow
    def outer():
        return total(inner.map(rows()))

    run = outer().run()
    assert run.get_task("rows").outputs == [[None]]
    assert "inner[0].train[0]" in statuses(run)


def test_what_is_selected_from_a_result_is_there(mock_env):
    @task
    def config():
        never()

    @workflow
    def selecting():
        found = config()
        return train(found["rate"]), train.map(found["files"]), train(found["deep"][2])

    run = selecting().run()
    assert run.get_task("config").outputs == {"rate": None, "files": [None], "deep": [None] * 3}


def test_real_parameters_and_constants_stay_what_they_are(mock_env):
    @workflow
    def real(items):
        return total(train.map(items)), train.map([1, 2])

    run = real(["a", "b"]).run()
    assert len([path for path in statuses(run) if path.startswith("train")]) == 4
    assert run.get_task("train[1]").inputs == {"chunk": "b"}


def test_pipelines_are_walked_too(mock_env):
    run = Pipeline(
        name="p",
        steps=[PythonTask(function=never, name="one", returns=["x"]), PythonTask(function=never, name="two")],
    ).run()
    assert set(statuses(run).values()) == {"succeeded"}


def test_no_module_of_a_task_is_imported(project, monkeypatch):
    (project / "far_away.py").write_text("def work(x):\n    raise SystemExit\n")
    (project / "flow_of_it.py").write_text(
        "from fairlead import task, workflow\n"
        "@task\n"
        "def work(x):\n"
        "    import far_away\n"
        "    return far_away.work(x)\n"
        "@workflow\n"
        "def flow(x):\n"
        "    return work(x)\n"
    )
    monkeypatch.syspath_prepend(str(project))
    import flow_of_it

    assert flow_of_it.flow(1).run("mock").get_status() == "succeeded"
    assert "far_away" not in sys.modules


def test_mocked_results_are_marked_and_have_no_reuse_key(mock_env):
    run = training("x").run()
    (attempt,) = run.get_task("total").attempts
    assert attempt.key == ""
    assert run.get_task("total").mocked == "stub"
    assert run.explain("total")["total"][0] == "mocked: nothing was run, and what it gave is made up"


@task(cache=True)
def cached(x):
    current_run().log_metric("ran", 1)
    return x + 1


@workflow
def caching(x):
    return cached(x)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    return tmp_path


def test_mocked_results_are_never_taken_for_real_ones(project):
    mocked = caching(1).run("mock")
    assert mocked.get_results() is None
    real = caching(1).run("in_process")
    assert (real.get_results(), statuses(real)) == (2, {"cached": "succeeded"})
    resumed = caching(1).run("in_process", resume=mocked)
    assert (resumed.get_results(), resumed.id != mocked.id) == (2, True)


def test_real_results_are_never_taken_for_mocked_ones(project):
    real = caching(1).run("in_process")
    assert statuses(caching(1).run("mock", resume=real)) == {"cached": "succeeded"}


def test_a_real_run_cannot_be_gone_on_with_by_stand_ins(project):
    prepared = caching(1).prepare("in_process")
    with pytest.raises(DefinitionError, match=r"is a real one .*would record stand-ins as its results"):
        WorkflowRun.by_id(prepared.id, "mock").resume()
    assert prepared.get_status() == "created"


def test_a_mocked_run_stays_mocked_wherever_it_is_gone_on_with(project):
    prepared = caching(1).prepare("mock")
    assert WorkflowRun.by_id(prepared.id, "in_process").resume().get_results() is None


# --- blocks ---


@task
def side():
    never()


@task
def heads(x=None):
    never()


@task
def tails(x=None):
    never()


@task(outputs=("model", "done"))
def improve(model, turn=0):
    never()


def test_a_switch_takes_its_first_case(mock_env):
    @workflow
    def toss():
        return total(switch(side(), {"heads": heads, "tails": tails})(1))

    assert list(statuses(toss().run(), "succeeded")) == ["side", "switch.heads.heads", "total"]


def test_a_switch_over_a_parameter_takes_what_the_parameter_says(mock_env):
    @workflow
    def toss(coin):
        return switch(coin, {"heads": heads, "tails": tails})()

    assert list(statuses(toss("tails").run(), "succeeded")) == ["switch.tails.tails"]


def test_a_loop_ends_after_the_first_time(mock_env):
    @workflow
    def tune():
        return repeat(improve, until="done", max_iterations=10, index_as="turn", model=heads())

    run = tune().run()
    assert list(statuses(run, "succeeded")) == ["heads", "improve[0]"]
    assert run.get_task("improve[0]").outputs == (None, True)


def test_a_loop_without_an_end_is_gone_through_as_often_as_it_may_be(mock_env):
    @workflow
    def again():
        return repeat(improve, max_iterations=3, model=1)

    assert len(statuses(again().run(), "succeeded")) == 3


def test_handlers_of_failures_are_not_called(mock_env):
    @workflow
    def guarded():
        return total(heads.on_failure(tails)(1))

    assert list(statuses(guarded().run(), "succeeded")) == ["heads", "total"]


def test_a_list_that_a_branch_gives_feeds_a_map(mock_env):
    @workflow
    def branching():
        return total(train.map(switch(side(), {1: heads, 2: tails})()))

    run = branching().run()
    assert run.get_task("side").outputs == 1
    assert run.get_task("switch.1.heads").outputs == [None]


def test_a_list_that_is_carried_round_feeds_a_map(mock_env):
    @workflow
    def body(items):
        return {"items": heads(train.map(items))}

    @workflow
    def carrying():
        return repeat(body, max_iterations=2, items=heads())

    run = carrying().run()
    assert run.get_task("heads").outputs == [None]
    assert "body[1].train[0]" in statuses(run, "succeeded")


def test_steps_of_every_kind_are_walked(mock_env):
    def make():
        never()

    def use(chunk):
        never()

    pipeline = Pipeline(
        name="p",
        steps=[
            PythonTask(function=make, returns=["chunks", "coin"]),
            Map("each", "chunks", "chunk", Pipeline([PythonTask(function=use, name="use", returns=["part"])])),
            Conditional("toss", "coin", {"a": PythonTask(function=make, name="a"), "b": Stub("b")}),
            Parallel("both", {"left": Stub("l"), "right": Stub("r")}),
            Loop("tune", Pipeline([PythonTask(function=make, name="step", returns=["done"])]), 5, break_on="done"),
        ],
    )
    assert list(statuses(pipeline.run(), "succeeded")) == [
        "make",
        "each[0].use",
        "toss.a.a",
        "both.left.l",
        "both.right.r",
        "tune[0].step",
    ]


def test_commands_are_not_run_either(mock_env, tmp_path):
    touched = tmp_path / "touched"

    @workflow
    def commanding():
        count = shell(f"touch {touched}; n=3", outputs=["n"], name="count")()
        return train.map(count)

    assert list(statuses(commanding().run(), "succeeded")) == ["count", "train[0]"]
    assert not touched.exists()
