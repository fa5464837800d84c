"""What tasks write: the log of a worker process, and the log beside a terminal."""

import io
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from fairlead.model.events import LogRange
from fairlead.node.capture import FileLog, TeeLog, bench_of_thread
from tests.node.bench import job, make_bench


@contextmanager
def own_output():
    """This process's own output, put back afterwards; pytest changes it between a fixture and its test."""
    kept = sys.stdout, sys.stderr, os.dup(1), os.dup(2)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept[:2]
        for target, fd in ((1, kept[2]), (2, kept[3])):
            os.dup2(fd, target)
            os.close(fd)


class TestFileLog:
    """Descriptors 1 and 2 are on the file."""

    @pytest.fixture
    def log_of(self, tmp_path):
        @contextmanager
        def make():
            with own_output():
                log = FileLog(str(tmp_path / "w1.log"), "w1.log")
                yield log
                log.close()

        return make

    def read(self, tmp_path, mark):
        return (tmp_path / mark.file).read_bytes()[mark.start : mark.end]

    def test_everything_is_in_it_in_its_order(self, log_of, tmp_path):
        with log_of() as log:
            print("one")
            os.write(2, b"two\n")
            subprocess.run(["echo", "three"], check=True)
            print("four \udcff", file=sys.stderr)
            sys.stdout.buffer.write(b"five")
            mark = log.mark()
        assert self.read(tmp_path, mark) == b"one\ntwo\nthree\nfour \\udcff\nfive"

    def test_each_mark_begins_where_the_last_one_ended(self, log_of):
        marks = []
        with log_of() as log:
            marks.append(log.mark())
            print("x")
            marks += [log.mark(), log.mark()]
            print("yz", end="")
            marks.append(log.mark())
        assert marks == [None, LogRange("w1.log", 0, 2), None, LogRange("w1.log", 2, 4)]

    def test_lines_are_there_at_once(self, log_of, tmp_path):
        with log_of():
            print("now")
            seen = (tmp_path / "w1.log").read_bytes()
        assert seen == b"now\n"

    def test_a_second_log_goes_on_where_the_file_ends(self, log_of, tmp_path):
        with log_of() as log:
            print("first")
            log.mark()
        with log_of() as log:
            print("second")
            mark = log.mark()
        assert mark == LogRange("w1.log", 6, 13)

    def test_what_a_task_puts_in_place_of_the_streams_is_noticed_and_put_back(self, log_of):
        with log_of() as log:
            before, kept = log.replaced(), sys.stdout
            sys.stdout = io.StringIO()
            after = log.replaced()
            log.restore()
            restored = sys.stdout is kept
        assert (before, after, restored) == (False, True, True)

    def test_streams_that_a_task_closes_are_opened_again(self, log_of, tmp_path):
        with log_of() as log:
            print("before")
            sys.stdout.close()
            sys.stderr.close()
            log.mark()
            print("after")
            mark, replaced = log.mark(), log.replaced()
        assert self.read(tmp_path, mark) == b"after\n"
        assert not replaced

    def test_without_a_c_library_python_output_is_kept_all_the_same(self, log_of, monkeypatch):
        monkeypatch.setitem(sys.modules, "ctypes", None)
        with log_of() as log:
            print("x")
            mark = log.mark()
        assert mark == LogRange("w1.log", 0, 2)


GUARDED = """
import faulthandler, os, subprocess, sys
from fairlead.node.capture import FileLog
from fairlead.node.secrecy import Guard

class Vault:
    def get(self, name):
        return f"hunter2-{name}"

faulthandler.enable()
log = FileLog(sys.argv[1], "w1.log")
guard = Guard(Vault)
guard.get("one")
log.keep_from(guard)
"""


class TestFileLogWithSecrets:
    """Nothing that a worker's tasks write reaches the file unmasked; in processes of their own, as workers are."""

    @pytest.fixture
    def wrote(self, tmp_path):
        def run(program):
            path = tmp_path / "w1.log"
            done = subprocess.run([sys.executable, "-c", GUARDED + program, str(path)], timeout=60, check=False)
            return done.returncode, path.read_text()

        return run

    def test_a_secret_is_masked_whoever_writes_it(self, wrote):
        program = """
print("one: hunter2-one")
os.write(2, b"hunter2-"), os.write(2, b"one\\n")
subprocess.run(["echo", "a child: hunter2-one"], check=True)
mark = log.mark()
assert (mark.start, mark.end) == (0, 26)
log.close()
"""
        assert wrote(program) == (0, "one: ***\n***\na child: ***\n")

    def test_a_secret_that_is_fetched_later_is_masked_from_then_on(self, wrote):
        program = """
print("hunter2-two")
log.mark()
guard.get("two")
print("hunter2-two, hunter2-one")
log.mark()
log.close()
"""
        assert wrote(program) == (0, "hunter2-two\n***, ***\n")

    def test_a_second_run_of_the_process_is_masked_by_the_same_pump(self, wrote):
        program = """
log.keep_from(guard)
print("hunter2-one")
log.mark()
log.close()
"""
        assert wrote(program) == (0, "***\n")

    def test_streams_that_a_task_closed_are_masked_when_they_are_open_again(self, wrote):
        program = """
sys.stdout.close()
log.mark()
print("hunter2-one")
log.mark()
log.close()
"""
        assert wrote(program) == (0, "***\n")

    def test_where_a_crash_was_is_told_though_no_thread_is_left_to_mask(self, wrote):
        code, told = wrote("os.abort()")
        assert code != 0
        assert "Fatal Python error: Aborted" in told
        assert 'File "<string>"' in told


class TestTeeLog:
    """Output goes to the terminal and to the file."""

    @pytest.fixture
    def bench(self, tmp_path):
        made = []

        def make(*functions):
            made.append(make_bench(*functions, log=TeeLog(str(tmp_path))))
            made[-1].begin()
            return made[-1]

        yield make
        for bench in reversed(made):
            bench.close()

    def wrote(self, tmp_path, record):
        log = record.log
        return (tmp_path / log.file).read_bytes()[log.start : log.end]

    def test_what_a_task_prints_is_kept_and_shown(self, bench, tmp_path, capsys):
        def task():
            print("out \udcff" if False else "out")
            print("err", file=sys.stderr)
            sys.stdout.writelines(["a", "b\n"])
            sys.stdout.buffer.write(b"bytes\n")
            sys.stdout.buffer.flush()
            with sys.stderr as stream:
                stream.write("inside\n")

        record = bench(task).execute(job())
        assert record.outcome == "succeeded", record.failure
        assert self.wrote(tmp_path, record) == b"out\nerr\nab\nbytes\ninside\n"
        shown = capsys.readouterr()
        assert (shown.out, shown.err) == ("out\nab\nbytes\n", "err\ninside\n")

    def test_nothing_written_means_no_range_and_no_file(self, bench, tmp_path):
        assert bench(lambda: 1).execute(job()).log is None
        assert not list(tmp_path.iterdir())

    def test_a_task_that_fails_has_its_range(self, bench, tmp_path):
        def task():
            print("before")
            raise ValueError

        assert self.wrote(tmp_path, bench(task).execute(job())) == b"before\n"

    def test_the_stream_is_still_what_it_was(self, bench, capsys):
        bench(lambda: 1)
        assert sys.stdout.isatty() is False
        assert sys.stdout.encoding == sys.stdout.real.encoding
        assert sys.stdout.fileno
        assert iter(sys.stdout) is not None

    def test_threads_of_a_task_write_to_its_log(self, bench, tmp_path):
        def task():
            thread = threading.Thread(target=print, args=("from a thread",))
            thread.start()
            thread.join()

        assert self.wrote(tmp_path, bench(task).execute(job())) == b"from a thread\n"

    def test_threads_that_were_there_before_do_not(self, bench):
        go, gone = threading.Event(), threading.Event()

        def other():
            go.wait(10)
            print("not the task's")
            assert bench_of_thread() is None
            gone.set()

        def task():
            go.set()
            assert gone.wait(10)

        thread = threading.Thread(target=other)
        thread.start()
        record = bench(task).execute(job())
        thread.join()
        assert record.outcome == "succeeded", record.failure
        assert record.log is None

    def test_a_thread_belongs_to_nobody_when_there_are_several_runs(self, bench):
        def task():
            thread = threading.Thread(target=print, args=("whose?",))
            thread.start()
            thread.join()

        bench(lambda: 1)
        assert bench(task).execute(job()).log is None

    def test_between_tasks_output_is_nobodys(self, bench, tmp_path):
        made = bench(lambda: print("mine"))
        print("the driver's")
        record = made.execute(job())
        print("the driver's")
        assert self.wrote(tmp_path, record) == b"mine\n"

    def test_another_stream_that_was_put_there_meanwhile_is_heard_as_well(self, bench, tmp_path):
        made = bench(lambda: print("mine"))
        before, other = sys.stdout, io.StringIO()
        sys.stdout = other
        made.begin()
        record = made.execute(job())
        assert self.wrote(tmp_path, record) == b"mine\n"
        assert other.getvalue() == "mine\n"
        made.close()
        assert sys.stdout is other
        sys.stdout = before.real

    def test_a_stream_that_writes_to_ours_is_heard_once(self, bench, tmp_path):
        made = bench(lambda: print("mine"))
        inner = sys.stdout

        class Decorated(io.StringIO):
            def write(self, text):
                return inner.write(text.upper())

        sys.stdout = Decorated()
        made.begin()
        assert self.wrote(tmp_path, made.execute(job())) == b"mine\n"
        made.close()
        sys.stdout = inner.real

    def test_a_process_without_streams_is_left_alone(self, bench, monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        made = bench(lambda: 1)
        assert sys.stdout is None
        assert made.execute(job()).outcome == "succeeded"
        made.close()

    def test_closing_puts_the_streams_back(self, bench):
        before = sys.stdout, sys.stderr
        made = bench(lambda: print("x"))
        made.execute(job())
        made.close()
        assert (sys.stdout, sys.stderr) == before
