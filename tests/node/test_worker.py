"""The worker's loop, in this process: a link that holds its jobs in a list, everything else real."""

import io
import os
import signal
import sys

import msgspec
import pytest

from fairlead.model.run import Code, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.node.execute import Bench, Ended
from fairlead.node.worker import ASKED, Worker
from fairlead.ports import Brief
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.values import StoredValues
from fairlead.tasks.python import PythonKind
from tests.node.bench import job
from tests.node.test_capture import own_output


class Left(BaseException):
    """The worker would have ended its process here."""


def leave(code):
    raise Left(code)


class Link:
    """Jobs from a list; a string in it is the scratch folder of the next run."""

    def __init__(self, *things):
        self.stint = 0
        self.scratch = ""
        self.things = list(things)
        self.begun = []
        self.sent = []

    def receive(self, log_end):
        self.begun.append(log_end)
        while self.things:
            thing = self.things.pop(0)
            if isinstance(thing, str):
                self.stint += 1
                self.scratch = thing
            elif callable(thing):
                thing()
            else:
                return thing
        return None

    def begins(self, log_end):
        self.begun[-1] = log_end

    def send(self, record):
        self.sent.append(record)


@pytest.fixture
def work(tmp_path):
    """Has a worker run functions as tasks; gives what it has sent."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    cwd, environ = os.getcwd(), dict(os.environ)

    def go(*functions, things=None, setup=None, notes=()):
        task = TaskDefinition(name="t", target="here:it")
        code = Code(tasks=(TaskCode(""),) * len(functions))
        brief = Brief("r", (task,) * len(functions), code, str(tmp_path), notes=notes)
        (tmp_path / "brief").write_bytes(msgspec.msgpack.encode(brief))

        def open_bench(brief, log):
            left = list(functions)
            return Bench(
                brief,
                values=StoredValues(MemoryArtifacts()),
                kinds={"python": PythonKind()},
                function_of=lambda *_: left.pop(0),
                log=log,
            )

        link = Link(*(things or [str(tmp_path), *(job(f"t[{place}]", place) for place in range(len(functions)))]))
        worker = Worker(link, open_bench, leave=leave)
        link.worker = worker
        if setup:
            setup(link)
        with own_output():
            try:
                worker.work()
            except Left as left:
                link.code = left.args[0]
            finally:
                if worker._bench is not None:
                    worker._bench.close()
        return link

    yield go
    for number, handler in handlers.items():
        signal.signal(number, handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)


def outputs(link):
    return [record.outputs[0].data.decode() for record in link.sent]


def test_jobs_are_run_one_after_the_other(work):
    assert outputs(work(lambda: 1, lambda: 2)) == ["1", "2"]


def test_a_record_is_sent_before_what_the_task_returned_is_freed(work):
    records_at_its_end = []

    class Large:
        def __init__(self, link):
            self.link = link

        def __reduce__(self):
            return (int, ())

        def __del__(self):
            records_at_its_end.append(len(self.link.sent))

    links = []
    work(lambda: Large(links[0]), lambda: 2, setup=links.append)
    assert records_at_its_end == [1]


def test_where_a_jobs_output_begins_is_said_beforehand(work, tmp_path):
    link = work(lambda: print("one"), lambda: print("two"))
    assert link.begun == [0, 4, 8]
    assert [(record.log.start, record.log.end) for record in link.sent] == [(0, 4), (4, 8)]
    assert (tmp_path / link.sent[0].log.file).read_bytes() == b"one\ntwo\n"


def test_another_run_has_its_own_brief_and_log(work, tmp_path):
    other = tmp_path / "other"
    other.mkdir()

    def copy():
        (other / "brief").write_bytes((tmp_path / "brief").read_bytes())

    things = [str(tmp_path), job("a"), copy, str(other), job("b")]
    link = work(lambda: print("one"), things=things)
    assert [record.outcome for record in link.sent] == ["succeeded"] * 2
    assert [(r.log.start, r.log.end) for r in link.sent] == [(0, 4), (0, 4)]
    assert (other / link.sent[1].log.file).read_bytes() == b"one\n"


def test_what_is_other_than_the_run_was_made_with_is_in_each_record_and_log(work, tmp_path):
    link = work(lambda: 1, lambda: 2, notes=("Python 3.12.0, and the run was made with 3.9.1",))
    assert [record.notes for record in link.sent] == [("Python 3.12.0, and the run was made with 3.9.1",)] * 2
    (written,) = tmp_path.glob("w*.log")
    assert written.read_text() == "fairlead: Python 3.12.0, and the run was made with 3.9.1\n" * 2


def test_a_run_that_cannot_be_opened_fails_its_jobs_and_not_the_worker(work, tmp_path):
    things = [str(tmp_path / "nowhere"), job("a"), str(tmp_path), job("b")]
    link = work(lambda: 1, things=things)
    first, second = link.sent
    assert first.failure.message.startswith("the run's code and data cannot be opened here")
    assert not first.retryable
    assert second.outcome == "succeeded"


def test_the_folder_is_put_back(work, tmp_path):
    before = os.getcwd()

    def move():
        os.chdir(tmp_path)

    def vanish():
        folder = tmp_path / "gone"
        folder.mkdir()
        os.chdir(folder)
        folder.rmdir()

    assert outputs(work(move, os.getcwd, vanish, os.getcwd))[1::2] == [f'"{before}"'] * 2


def test_the_environment_is_put_back(work, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_A", "1")
    monkeypatch.setenv("FAIRLEAD_B", "1")

    def change():
        os.environ["FAIRLEAD_A"] = "2"
        del os.environ["FAIRLEAD_B"]
        os.environ["FAIRLEAD_C"] = "3"

    def look():
        return [os.environ.get(f"FAIRLEAD_{name}") for name in "ABC"]

    assert outputs(work(change, look))[1] == '["1","1",null]'


def test_the_environment_is_put_back_where_os_environ_is_built_otherwise(work, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_A", "1")
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def change():
        os.environ["FAIRLEAD_A"] = "2"

    assert outputs(work(change, lambda: os.environ["FAIRLEAD_A"]))[1] == '"1"'


def test_signal_handlers_and_alarms_are_put_back(work):
    def change():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 1000)

    def look():
        return [signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, signal.getitimer(signal.ITIMER_REAL)[0]]

    assert outputs(work(change, look))[1] == "[false,0.0]"


def test_the_streams_are_put_back(work):
    def change():
        sys.stdout = io.StringIO()

    def say():
        print("heard")

    link = work(change, say)
    assert link.sent[1].log.end - link.sent[1].log.start == 6


def test_a_task_that_is_asked_to_end_is_told_and_its_record_sent(work):
    def asked():
        os.kill(os.getpid(), signal.SIGTERM)

    link = work(asked, lambda: 1)
    assert link.code == ASKED
    (record,) = link.sent
    assert record.failure.reason == "killed"
    assert "in asked" in record.failure.traceback


def test_a_worker_that_is_asked_while_it_waits_ends(work):
    link = work(things=[lambda: os.kill(os.getpid(), signal.SIGTERM)])
    assert link.code == ASKED
    assert link.sent == []


def test_a_worker_that_is_asked_while_it_sends_sends_to_the_end(work):
    def setup(link):
        send = link.send

        def slowly(record):
            os.kill(os.getpid(), signal.SIGTERM)
            send(record)

        link.send = slowly

    link = work(lambda: 1, lambda: 2, setup=setup)
    assert (link.code, outputs(link)) == (ASKED, ["1"])


@pytest.mark.parametrize("error", [Ended, KeyboardInterrupt])
def test_an_end_that_comes_between_two_tasks_ends_the_worker(work, error):
    def strike():
        raise error

    assert work(things=[strike]).code == ASKED


def test_a_copy_that_a_task_has_forked_of_the_worker_goes_no_further(work, tmp_path):
    def fork():
        pid = os.fork()
        if not pid:
            return 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def count():
        with (tmp_path / "count").open("a") as file:
            file.write("x")
        return 1

    link = work(fork, count)
    assert outputs(link) == ["0", "1"]
    assert (tmp_path / "count").read_text() == "x"
