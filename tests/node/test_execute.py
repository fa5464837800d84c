"""Running one job: records of success, and failures as data."""

import asyncio
import os
import sys

import msgspec
import pytest

from fairlead.errors import DefinitionError, NotFound, UnstorableValue
from fairlead.model.events import LogRange
from fairlead.model.task import Param
from fairlead.model.values import NONE, Inline, Rows, Stored
from fairlead.node.execute import Ended
from tests.node.bench import job, make_bench, run


def test_a_result_is_encoded_and_the_attempt_timed():
    record = run(lambda x: x + 1, x=1)
    assert (record.path, record.attempt, record.outcome, record.worker) == ("t", 1, "succeeded", "here:1")
    assert record.outputs == [Inline("json", b"2")]
    assert record.started <= record.ended
    assert record.seconds >= 0
    assert (record.failure, record.log, record.metrics, record.artifacts) == (None, None, None, None)


def test_a_function_is_looked_up_once_per_run():
    looked = []
    bench = make_bench(lambda: 1)
    find, bench.function_of = bench.function_of, lambda *a: looked.append(1) or find(*a)
    bench.execute(job())
    bench.execute(job())
    assert looked == [1]


def test_no_declared_output_means_that_the_result_is_not_kept():
    assert run(lambda: 5, options={"outputs": ()}).outputs == []


def test_outputs_are_matched_by_position():
    record = run(lambda: [1, 2], options={"outputs": ("a", "b")})
    assert record.outputs == [Inline("json", b"1"), Inline("json", b"2")]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ((1, 2, 3), "returned 3 values where it declares 2 outputs (a, b)"),
        ((1,), "returned 1 value where it declares 2 outputs (a, b)"),
        ({"a": 1, "b": 2}, "returned one dict where it declares 2 outputs (a, b); return a tuple of that length"),
        (None, "returned one NoneType where it declares 2 outputs (a, b); return a tuple of that length"),
    ],
)
def test_outputs_that_do_not_match_fail_the_task(result, told):
    record = run(lambda: result, options={"outputs": ("a", "b")})
    assert (record.outcome, record.failure.reason, record.failure.message) == ("failed", "unstorable", told)
    assert not record.retryable


def test_an_output_that_cannot_be_stored_is_named():
    record = run(lambda: (1, sys._getframe()), options={"outputs": ("fine", "frame")})
    assert record.failure.reason == "unstorable"
    assert record.failure.message.startswith("output 'frame': ")


def test_rows_are_stored_item_by_item():
    record = run(lambda: ["x" * 5000, "y" * 5000], rows=(0,))
    (rows,) = record.outputs
    assert isinstance(rows, Rows)
    assert len(rows.items) == 2


def test_tracked_outputs_become_metrics():
    record = run(lambda: (1, 0.5, "x"), options={"outputs": ("a", "b", "c"), "tracked": ("a", "b")})
    assert record.metrics == {"a": 1.0, "b": 0.5}


def test_a_tracked_output_that_is_no_number_fails_the_task():
    record = run(lambda: "much", options={"outputs": ("score",), "tracked": ("score",)})
    assert record.failure.reason == "unstorable"
    assert record.failure.message == "output 'score' is declared as a metric, and metrics are numbers; got str"


def test_a_stub_gives_none_for_each_output():
    assert run(None, options={"kind": "stub", "target": ""}).outputs == [NONE]
    assert run(None, options={"kind": "stub", "target": "", "outputs": ("a", "b")}).outputs == [NONE, NONE]


def test_an_unknown_kind_of_task_is_a_definition_that_cannot_be_right():
    record = run(None, options={"kind": "notebook"})
    assert record.failure.reason == "definition"
    assert "tasks of kind 'notebook'; known: python, stub" in record.failure.message
    assert not record.retryable


def test_a_function_that_cannot_be_found_is_a_definition_that_cannot_be_right():
    bench = make_bench(lambda: 1)

    def find(*_):
        raise DefinitionError("no such function")

    bench.function_of = find
    record = bench.execute(job())
    assert (record.failure.reason, record.failure.message, record.retryable) == (
        "definition",
        "no such function",
        False,
    )


@pytest.mark.parametrize(("error", "retryable"), [(ImportError("no"), False), (OSError("busy"), True)])
def test_an_error_of_the_users_module_is_the_users(error, retryable):
    bench = make_bench(lambda: 1)

    def find(*_):
        raise error

    bench.function_of = find
    record = bench.execute(job())
    assert (record.failure.reason, record.retryable) == ("exception", retryable)


def test_an_input_that_is_missing_fails_the_task_for_good():
    record = run(lambda x: x, x=Stored("sha256/00/none", "json", 5))
    assert (record.failure.reason, record.retryable) == ("inputs", False)


def test_an_exception_fails_the_task_and_may_be_tried_again():
    record = run(lambda x: 1 // x, x=0)
    assert (record.outcome, record.failure.reason, record.failure.type) == ("failed", "exception", "ZeroDivisionError")
    assert record.failure.arguments == {"x": "0"}
    assert record.retryable
    assert record.ended >= record.started


@pytest.mark.parametrize(
    ("code", "told"), [(None, "sys.exit()"), (0, "sys.exit(0)"), (3, "sys.exit(3)"), ("bye", "sys.exit('bye')")]
)
def test_sys_exit_says_what_was_asked_for(code, told):
    record = run(lambda: sys.exit(code))
    assert record.failure.reason == "exit"
    assert told in record.failure.message


def test_an_interrupt_cancels_the_attempt():
    def interrupted():
        raise KeyboardInterrupt

    record = run(interrupted)
    assert (record.outcome, record.failure.reason) == ("cancelled", "cancelled")


def test_a_task_that_was_asked_to_end_says_so_and_where_it_was():
    def asked():
        raise Ended

    record = run(asked)
    assert (record.outcome, record.failure.reason) == ("failed", "killed")
    assert "in asked" in record.failure.traceback


def test_any_other_exit_is_a_failure_too():
    def strange():
        raise GeneratorExit("odd")

    assert run(strange).failure.type == "GeneratorExit"


def test_metrics_of_a_failed_attempt_are_kept():
    from fairlead.node.current import current_run

    def fit():
        current_run().log_metric("loss", 2)
        raise ValueError

    bench = make_bench(fit)
    bench.begin()
    assert run(fit, bench=bench).metrics == {"loss": 2.0}


def test_a_log_that_cannot_be_written_fails_the_task_and_does_not_hide_its_failure():
    class FullDisk:
        def begin(self, bench): ...

        def mark(self):
            raise OSError(28, "No space left on device")

    record = run(lambda: 1, options={"log": FullDisk()})
    assert record.failure.message == "[Errno 28] No space left on device"
    record = run(lambda x: 1 // x, x=0, options={"log": FullDisk()})
    assert record.failure.type == "ZeroDivisionError"
    assert record.log is None


def test_where_the_output_went_is_in_the_record():
    class Log:
        def begin(self, bench): ...

        def mark(self):
            return LogRange("w1.log", 3, 7)

    assert run(lambda: 1, options={"log": Log()}).log == LogRange("w1.log", 3, 7)
    assert run(lambda x: 1 // x, x=0, options={"log": Log()}).log == LogRange("w1.log", 3, 7)


def test_environment_variables_are_set_around_the_task_and_put_back(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_A", "before")
    monkeypatch.delenv("FAIRLEAD_B", raising=False)

    def look():
        return os.environ["FAIRLEAD_A"] + os.environ["FAIRLEAD_B"]

    options = {"env_vars": {"FAIRLEAD_A": "1", "FAIRLEAD_B": "2"}, "sets_env": True}
    assert run(look, options=options).outputs == [Inline("json", b'"12"')]
    assert os.environ["FAIRLEAD_A"] == "before"
    assert "FAIRLEAD_B" not in os.environ
    assert run(lambda: os.environ.pop("FAIRLEAD_B") and 1 // 0, options=options).outcome == "failed"
    assert os.environ["FAIRLEAD_A"] == "before"


def test_a_process_of_the_tasks_own_keeps_its_environment(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_A", "the worker's")
    record = run(lambda: os.environ["FAIRLEAD_A"], options={"env_vars": {"FAIRLEAD_A": "1"}})
    assert record.outputs == [Inline("json", b'"the worker\'s"')]


# --- how inputs become arguments --------------------------------------------------------------------


def spread(first, /, second, *rest, flag=False, **more):
    return [first, second, list(rest), flag, more]


SPREAD = (
    Param("first", "positional_only"),
    Param("second"),
    Param("rest", "varargs", required=False),
    Param("flag", "keyword_only", required=False),
    Param("more", "varkw", required=False),
)


@pytest.mark.parametrize(
    ("args", "seen"),
    [
        ({"first": 1, "second": 2}, "[1,2,[],false,{}]"),
        ({"first": 1, "second": 2, "rest": [3, 4]}, "[1,2,[3,4],false,{}]"),
        ({"first": 1, "second": 2, "flag": True, "other": 5}, '[1,2,[],true,{"other":5}]'),
        ({"first": 1, "second": 2, "rest": [3], "other": 5}, '[1,2,[3],false,{"other":5}]'),
    ],
)
def test_arguments_go_where_the_parameters_want_them(args, seen):
    record = run(spread, options={"params": SPREAD}, **args)
    assert record.outputs == [Inline("json", seen.encode())]


def test_an_argument_that_is_missing_is_the_tasks_failure():
    record = run(lambda x: x)
    assert record.failure.type == "TypeError"
    assert record.failure.traceback.startswith("TypeError: ")


# --- coroutines -------------------------------------------------------------------------------------


async def loop_of():
    await asyncio.sleep(0)
    return id(asyncio.get_running_loop())


def test_coroutines_of_one_thread_share_an_event_loop():
    bench = make_bench(loop_of)
    assert bench.execute(job()).outputs == bench.execute(job()).outputs
    bench.close()


def test_the_traceback_of_a_coroutine_begins_with_the_users_own_frame():
    async def fails():
        await asyncio.sleep(0)
        raise ValueError("no")

    lines = run(fails).failure.traceback.splitlines()
    assert "in fails" in lines[1]
    assert "asyncio" not in lines[1]


def test_a_coroutine_runs_where_a_loop_runs_already():
    async def outer():
        return run(loop_of)

    assert asyncio.run(outer()).outcome == "succeeded"


def test_an_interrupted_coroutine_leaves_a_fresh_loop_to_the_next():
    async def interrupted():
        raise Ended

    bench = make_bench(interrupted, loop_of)
    assert bench.execute(job()).failure.reason == "killed"
    assert bench.execute(job("u", 1)).outcome == "succeeded"
    bench.close()


# --- what a task may ask ----------------------------------------------------------------------------


class Vault:
    def get(self, name):
        if name == "KEY":
            return "hush"
        raise NotFound(f"no secret {name!r}")


def with_current(action, **options):
    from fairlead.node.current import current_run

    def task():
        return action(current_run())

    bench = make_bench(task, **options)
    bench.begin()
    return run(task, bench=bench)


def test_a_task_knows_its_run():
    record = with_current(lambda run: [run.run_id, run.path, run.attempt, repr(run)])
    assert record.outputs == [Inline("json", b'["calm-otter","t",1,"<Running calm-otter/t#1>"]')]


def test_a_declared_secret_is_given():
    record = with_current(lambda run: run.secret("KEY"), vault=Vault())
    assert "does not declare the secret 'KEY'; add secrets=['KEY'] to it" in record.failure.message


@pytest.mark.parametrize(
    ("name", "vault", "told"),
    [("KEY", Vault(), None), ("OTHER", Vault(), "no secret 'OTHER'"), ("KEY", None, "has no source of secrets")],
)
def test_secrets_come_from_where_the_run_says(name, vault, told):
    from fairlead.node.current import current_run

    def task():
        return len(current_run().secret(name))

    bench = make_bench(task, vault=vault, secrets=(name,))
    bench.begin()
    record = run(task, bench=bench)
    if told is None:
        assert record.outputs == [Inline("json", b"4")]
    else:
        assert told in record.failure.message


@pytest.mark.parametrize("value", ["1", b"1", None, [1], object()])
def test_a_metric_must_be_a_number(value):
    record = with_current(lambda run: run.log_metric("m", value))
    assert record.failure.type == "TypeError"
    assert f"metric 'm' must be a number, and {type(value).__qualname__} is not" in record.failure.message


def test_metrics_take_any_kind_of_number():
    numpy = pytest.importorskip("numpy")

    def log(run):
        for place, value in enumerate([1, 2.5, True, numpy.float32(0.5), numpy.int64(7), numpy.array(3.0)]):
            run.log_metric(f"m{place}", value)

    assert with_current(log).metrics == {"m0": 1.0, "m1": 2.5, "m2": 1.0, "m3": 0.5, "m4": 7.0, "m5": 3.0}
    record = with_current(lambda run: run.log_metric("m", numpy.array([1.0, 2.0])))
    assert record.failure.type == "TypeError"


def test_artifacts_are_kept_by_name():
    def log(run):
        run.log_artifact("a", 1)
        run.log_artifact("b", "two")

    assert with_current(log).artifacts == {"a": Inline("json", b"1"), "b": Inline("json", b'"two"')}


def test_an_artifact_that_cannot_be_stored_is_told_to_the_task():
    record = with_current(lambda run: run.log_artifact("frame", sys._getframe()))
    assert record.failure.type == f"fairlead.errors.{UnstorableValue.__name__}"


def test_outside_of_a_task_there_is_no_current_run():
    from fairlead.errors import FairleadError
    from fairlead.node.current import current_run

    with pytest.raises(FairleadError, match="outside of a task"):
        current_run()
    bench = make_bench(lambda: 1)
    bench.begin()
    with pytest.raises(FairleadError, match="outside of a task"):
        current_run()
    bench.close()


def test_a_run_inside_a_task_of_another_gives_the_outer_one_back():
    from fairlead.node.current import current_run

    def inner():
        return current_run().path

    def outer():
        bench = make_bench(inner)
        bench.begin()
        inside = bench.execute(job("inner"))
        bench.close()
        return [current_run().path, inside.outputs[0].data.decode()]

    bench = make_bench(outer)
    bench.begin()
    assert run(outer, bench=bench).outputs == [Inline("json", b'["t","\\"inner\\""]')]


class TestTasksThatCameUpDuringTheRun:
    """A dynamic run's body may call what nobody knew when the run began: the brief is read again."""

    @pytest.fixture
    def bench(self, tmp_path):
        def make(first, second, **options):
            bench = make_bench(first, second, scratch=str(tmp_path))
            known, later = bench.brief.tasks
            later = msgspec.structs.replace(later, **options)
            find = bench.function_of
            bench.function_of = lambda task, *rest: second if task == later else find(task, *rest)
            whole = msgspec.structs.replace(bench.brief, tasks=(known, later))
            (tmp_path / "brief").write_bytes(msgspec.msgpack.encode(whole))
            bench.brief = msgspec.structs.replace(bench.brief, tasks=(known,))
            bench.grown()
            return bench

        return make

    def test_such_a_task_runs_like_any_other(self, bench):
        record = run(None, bench=bench(lambda: 1, lambda: 2), task=1)
        assert record.outputs == [Inline("json", b"2")]

    def test_one_with_a_folder_of_its_own_gets_it(self, bench, tmp_path):
        record = run(None, bench=bench(lambda: "first", os.getcwd, workdir="private"), task=1)
        assert record.outcome == "succeeded", record.failure
        assert msgspec.json.decode(record.outputs[0].data).startswith(f"{tmp_path}/work/")
