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
