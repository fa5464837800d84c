"""Tasks in folders of their own: real files, a real folder of artifacts in memory."""

import os
from pathlib import Path

import pytest

from fairlead.model.files import catalog_value, entries
from fairlead.model.task import CATALOG, Catalog
from fairlead.model.values import Stored
from fairlead.node.capture import TeeLog
from tests.node.bench import job, make_bench


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Runs functions as tasks with a catalog, in a run whose scratch folder is here."""
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


class Place:
    def __init__(self, folder):
        self.scratch = folder / "scratch"
        self.benches = []

    def bench(self, function, *, get=(), put=(), **options):
        if get or put:
            options["catalog"] = Catalog(get, put)
        if put:
            options["outputs"] = (*options.get("outputs", ("result",)), CATALOG)
        return make_bench(function, scratch=str(self.scratch), **options)

    def run(self, function, *, files=None, get=(), put=(), bench=None, args=None, **options):
        """`files`: what there is to get, name to text."""
        bench = bench or self.bench(function, get=get, put=put, **options)
        self.values = bench.values
        hidden = {}
        if get:
            hidden = {CATALOG: self.catalog(bench, files or {})}
        bench.begin()
        record = bench.execute(job(**{**hidden, **(args or {})}))
        bench.close()
        assert not list((self.scratch / "work").glob("*"))
        assert not list((self.scratch / "files").glob("*"))
        assert bench.current is None
        return record

    def catalog(self, bench, files):
        stored = {}
        for name, text in files.items():
            path = self.scratch.parent / "making" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            stored[name] = bench.values.keep(path)
        return catalog_value(stored)

    def text(self, stored):
        return bytes(self.values.artifacts.get(stored.key)).decode()

    def put(self, record):
        assert record.outcome == "succeeded", record.failure
        return {path: self.text(stored) for path, stored in entries(record.outputs[-1])}


def test_a_private_folder_is_empty_and_removed(place):
    def look():
        Path("left").write_text("x")
        return [str(Path.cwd()), os.listdir()]

    records = [place.run(look, workdir="private") for _ in range(2)]
    first, second = (place.values.decode(record.outputs[0]) for record in records)
    assert first[0] != second[0]
    assert first[1] == second[1] == ["left"]
    assert not Path(first[0]).exists()


def test_the_folder_goes_with_read_only_parts(place):
    def lock():
        Path("a/b").mkdir(parents=True)
        Path("a/b/c").write_text("")
        Path("a/b").chmod(0o500)

    assert place.run(lock, workdir="private").outcome == "succeeded"


def test_a_path_that_is_returned_is_kept_before_its_folder_goes(place):
    def report():
        Path("report.txt").write_text("all is well")
        return Path("report.txt")

    record = place.run(report, workdir="private")
    assert place.text(record.outputs[0]) == "all is well"


def test_what_a_task_gets_is_in_its_folder(place):
    def read():
        return {str(path): path.read_text() for path in sorted(Path().rglob("*")) if path.is_file()}

    record = place.run(read, get=["raw/*", "*.txt"], files={"raw/a b.csv": "1", "notes.md": "n", "ü.txt": "2"})
    assert place.values.decode(record.outputs[0]) == {"raw/a b.csv": "1", "ü.txt": "2"}


def test_what_a_task_does_to_its_copy_reaches_nobody_else(place):
    def spoil():
        Path("a.txt").write_text("spoilt")

    bench = place.bench(spoil, get=["a.txt"])
    place.run(spoil, get=["a.txt"], files={"a.txt": "good"}, bench=bench)
    stored = bench.values.keep(place.scratch.parent / "making" / "a.txt")
    assert place.text(stored) == "good"


def test_what_a_task_puts_away_is_its_last_output(place):
    def write():
        Path("out/deep").mkdir(parents=True)
        Path("out/a.csv").write_text("1")
        Path("out/deep/b.csv").write_text("2")
        Path("rest.csv").write_text("3")
        return 7

    record = place.run(write, put=["out/**/*.csv"])
    assert place.put(record) == {"out/a.csv": "1", "out/deep/b.csv": "2"}
    assert place.values.decode(record.outputs[0]) == 7
    assert len(record.outputs) == 2


def test_programs_stay_programs(place):
    def write():
        Path("go.sh").write_text("#!/bin/sh\n")
        Path("go.sh").chmod(0o755)

    def go():
        return os.access("go.sh", os.X_OK)

    first = place.bench(write, put=["go.sh"])
    record = first.execute(job())
    second = place.bench(go, get=["go.sh"])
    second.values = first.values
    assert first.values.decode(second.execute(job(**{CATALOG: record.outputs[-1]})).outputs[0]) is True


def test_an_unchanged_file_is_not_stored_again(place, monkeypatch):
    def change():
        Path("b.txt").write_text("new")

    bench = place.bench(change, get=["*.txt"], put=["*.txt"])
    catalog = place.catalog(bench, {"a.txt": "old a", "b.txt": "old b"})
    kept = []
    keep = bench.values.keep
    monkeypatch.setattr(bench.values, "keep", lambda path: kept.append(path.name) or keep(path))
    place.values = bench.values
    record = bench.execute(job(**{CATALOG: catalog}))
    assert place.put(record) == {"a.txt": "old a", "b.txt": "new"}
    assert kept == ["b.txt"]


def test_a_pattern_without_a_file_fails_the_task_before_it_starts(place):
    def never():
        Path("/nowhere/ran").touch()

    record = place.run(never, get=["*.csv"], files={"a.txt": "", "b.txt": ""}, retries=3)
    assert record.failure.reason == "inputs"
    assert "no file matches '*.csv'" in record.failure.message
    assert "there is 'a.txt', 'b.txt'" in record.failure.message
    assert not record.retryable


def test_a_stand_in_does_without_files(place):
    assert place.run(lambda: 1, get=["*.csv"], mock="value").outcome == "succeeded"


def test_nothing_to_put_away_is_a_line_in_the_log(place, capsys):
    record = place.run(lambda: 1, put=["*.csv"])
    assert place.put(record) == {}
    assert "no file matches '*.csv', which the task puts away" in capsys.readouterr().err


def test_a_failed_task_keeps_its_files_as_artifacts(place):
    def fail():
        Path("log.txt").write_text("so far")
        raise ValueError("no")

    record = place.run(fail, put=["*.txt", "*.csv"])
    assert record.failure.message == "no"
    assert record.outputs is None
    assert {name: place.text(stored) for name, stored in record.artifacts.items()} == {"log.txt": "so far"}


def test_a_link_that_leads_outside_is_refused(place):
    def link():
        Path("secret").symlink_to("/etc/hostname")

    record = place.run(link, put=["*"])
    assert record.failure.reason == "unstorable"
    assert "'secret' is a link that leads out of" in record.failure.message


def test_a_failed_task_with_such_a_link_keeps_the_rest(place):
    def link():
        Path("secret").symlink_to("/etc/hostname")
        Path("fine").write_text("f")
        raise ValueError("no")

    record = place.run(link, put=["*"])
    assert record.failure.message == "no"
    assert list(record.artifacts) == ["fine"]


def test_links_inside_the_folder_are_followed(place):
    def link():
        Path("real").mkdir()
        Path("real/a").write_text("1")
        Path("one").symlink_to("real/a")
        Path("all").symlink_to("real")

    assert place.put(place.run(link, put=["one", "all/*"])) == {"one": "1", "all/a": "1"}


def test_what_cannot_be_kept_fails_the_task_with_its_metrics(place, monkeypatch):
    from fairlead import current_run

    def write():
        current_run().log_metric("m", 1)
        Path("a").write_text("1")

    bench = place.bench(write, put=["*"])
    monkeypatch.setattr(bench.values, "keep", _full)
    record = place.run(write, bench=bench)
    assert record.failure.reason == "exception"
    assert record.metrics == {"m": 1.0}


def test_what_a_failed_task_left_and_cannot_be_kept_is_a_line_in_the_log(place, monkeypatch, capsys):
    def fail():
        Path("a").write_text("1")
        raise ValueError("no")

    bench = place.bench(fail, put=["*"])
    monkeypatch.setattr(bench.values, "keep", _full)
    record = place.run(fail, bench=bench)
    assert record.failure.message == "no"
    assert "cannot be kept" in capsys.readouterr().err


def _full(path):
    raise OSError(28, "No space left on device", str(path))


def test_the_copies_of_input_files_go_when_the_task_ends(place):
    def read(data):
        return [str(data), data.read_text()]

    bench = place.bench(read)
    stored = bench.values.keep(_written(place.scratch.parent / "in.csv", "1"))
    assert isinstance(stored, Stored)
    path, text = bench.values.decode(place.run(read, bench=bench, args={"data": stored}).outputs[0])
    assert text == "1"
    assert not Path(path).exists()


def _written(path, text):
    path.write_text(text)
    return path


def test_a_failed_task_that_left_nothing_has_no_artifacts(place):
    def fail():
        raise ValueError("no")

    record = place.run(fail, put=["*.csv"])
    assert (record.failure.message, record.artifacts) == ("no", None)


def test_a_link_to_nothing_is_no_file(place):
    def link():
        Path("gone.csv").symlink_to("nowhere.csv")
        Path("there.csv").write_text("1")

    assert list(place.put(place.run(link, put=["*.csv"]))) == ["there.csv"]


def test_a_folder_outside_that_is_not_there_is_not_refused(place):
    def link():
        Path("up").symlink_to("/nowhere/at/all")

    assert place.put(place.run(link, put=["up/*.csv"])) == {}


def test_what_the_task_wrote_and_what_is_said_of_its_files_are_one_range(place):
    def talk():
        print("hello")

    place.scratch.mkdir()
    log = TeeLog(str(place.scratch))
    record = place.run(talk, bench=place.bench(talk, put=["*.csv"], log=log))
    text = (place.scratch / record.log.file).read_bytes()[record.log.start : record.log.end]
    assert text == b"hello\nfairlead: no file matches '*.csv', which the task puts away\n"
