"""Every command, end to end in this process: what it prints, where, and the code that it exits with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fairlead.cli.commands import MODULES
from fairlead.config.services import close_all


def test_a_run_prints_its_results_on_stdout_and_talks_on_stderr(fairlead):
    done = fairlead("run", "cli_jobs.py:study", "-p", "path=a.csv")
    assert done.code == 0
    assert "total = 14.0\ntext = 'so many'\n" in done.out
    assert "succeeded: 5 tasks" in done.err
    assert "load: 1 succeeded" in done.err


def test_a_single_result_is_printed_as_it_is(fairlead):
    assert fairlead("run", "cli_jobs.py:single", "-q").out == "41\n"


def test_nothing_is_printed_for_no_result(fairlead):
    assert fairlead("run", "cli_jobs.py:nothing", "-q") == (0, "", "")


def test_long_results_are_cut_at_the_end_of_a_run(fairlead):
    done = fairlead("run", "cli_jobs.py:odd", "-q")
    assert done.code == 0
    assert len(done.out.splitlines()) < 40
    assert "'fairlead results' prints" in done.out


LONG = """
from fairlead import Map, Pipeline, PythonTask
def load():
    rows = [{"row": n, "text": "x" * 60} for n in range(6)]
    return rows
def square(row): return {"squared": row["row"] ** 2, "text": "y" * 60}
def total(squared): return {"total": sum(one["squared"] for one in squared), "of": ["z" * 60] * 3}
pipe = Pipeline(steps=[
    PythonTask(function=load, returns=["rows"]),
    Map(name="each", iterate_on="rows", iterate_as="row", branch=[PythonTask(function=square, returns=["squared"])]),
    PythonTask(function=total, returns=["sum"]),
])
"""


def test_what_only_goes_on_to_further_steps_is_not_printed_whole(fairlead):
    Path("long.py").write_text(LONG)
    done = fairlead("run", "long.py", "-q", "--id", "long")
    told = done.out.splitlines()
    assert told[:3] == [
        "rows = … (list, 6 lines; 'fairlead results' prints them)",
        "squared = … (list, 6 lines; 'fairlead results' prints them)",
        "sum =",
    ]
    assert "'total': 55" in done.out
    whole = fairlead("results", "long").out
    assert whole.count("x" * 60) == whole.count("y" * 60) == 6


def test_a_run_as_json_holds_its_results(fairlead):
    done = fairlead("run", "cli_jobs.py:study", "-p", "path=a.csv", "-o", "json", "-q", "--tag", "a", "--tag", "b")
    told = json.loads(done.out)
    assert told["status"] == "succeeded"
    assert told["results"] == {"total": 14.0, "text": "so many"}
    assert told["tags"] == ["a", "b"]
    assert told["counts"] == {"succeeded": 5}


def test_a_failed_run_tells_the_users_error_and_what_to_do_next(fairlead):
    done = fairlead("run", "cli_jobs.py:study", "-p", "path=a.csv", "-p", "rate=0", "-q")
    assert done.code == 1
    assert done.out == ""
    head, *rest = done.err[done.err.index("error: ") :].strip().splitlines()
    assert head == "error: square[1](x=2, rate=0.0) failed"
    assert "ValueError: bad item 2" in done.err
    assert "cli_jobs.py" in done.err
    assert "/fairlead/" not in done.err
    assert any(line.strip().startswith("fairlead resume") for line in rest)
    assert any(line.strip().startswith("fairlead logs '") for line in rest)


def test_a_failed_run_as_json_says_so_too(fairlead):
    done = fairlead("run", "cli_jobs.py:study", "-p", "path=a.csv", "-p", "rate=0", "-q", "-o", "jsonl")
    assert done.code == 1
    assert json.loads(done.out)["status"] == "failed"


def test_a_taken_id_is_refused_by_the_store(fairlead, good):
    done = fairlead("run", "cli_jobs.py:single", "--id", good)
    assert done.code == 4
    assert done.err.startswith("error: there is a run 'good' already")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run",), 2, "what shall run?"),
        (("run", "nowhere.py"), 3, "nowhere.py"),
        (("run", "cli_jobs.py:stdy"), 3, "nearest: 'study'"),
        (("run", "cli_jobs.py"), 2, "several workflows"),
        (("run", "cli_jobs.py:study"), 2, "'fairlead run cli_jobs.py:study --help' lists its parameters"),
        (("run", "cli_jobs.py:study", "-p", "path"), 2, "write -p name=value"),
        (("run", "cli_jobs.py:study", "-p", "pth=1"), 2, "nearest: 'path'"),
        (("run", "cli_jobs.py:study", "-p", "path=1", "-p", "rate=fast"), 2, "rate"),
        (("run", "cli_jobs.py:study", "--params", "none.yaml"), 3, "none.yaml"),
        (("run", "cli_jobs.py:study", "-p", "path=1", "--env", "porcelain"), 3, "porcelain"),
        (("run", "cli_jobs.py:study", "--max-workers", "0"), 2, "max-workers"),
        (("run", "cli_jobs.py:study", "--detatch"), 2, "--detach"),
        (("show", "nobody"), 3, "no run 'nobody'"),
        (("show", "/train"), 2, "names no run"),
        (("logs", "nobody"), 3, "no run 'nobody'"),
        (("results", "nobody"), 3, "no run 'nobody'"),
        (("stop", "nobody"), 3, "no run 'nobody'"),
        (("resume", "nobody"), 3, "no run 'nobody'"),
        (("graph", "nobody"), 3, "no run 'nobody'"),
        (("runs", "--since", "yesterday"), 2, "no moment"),
        (("runs", "--status", "sad"), 2, "sad"),
        (("gc",), 2, "--older-than"),
        (("gc", "--older-than", "old"), 2, "no length of time"),
        (("artifacts", "nobody", "--save", "x"), 2, "needs the name"),
        (("rnu",), 2, "did you mean 'run'?"),
        (("jobs.py",), 2, "'fairlead run jobs.py' runs that file"),
        (("xyzzy",), 2, "'fairlead --help' lists them"),
        (("--frob",), 2, "options of a command come after it"),
    ],
)
def test_what_cannot_be_is_one_error_with_its_exit_code(fairlead, words, code, said):
    done = fairlead(*words)
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert said in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 6


def test_the_help_of_a_target_lists_its_own_parameters(fairlead):
    done = fairlead("run", "cli_jobs.py:study", "--help")
    assert done.code == 0
    assert "Square the numbers in a file and add them." in done.out
    assert "  The second paragraph." in done.out
    assert "path  str    required" in done.out
    assert "rate  float  default 1.0" in done.out
    assert "fairlead run cli_jobs.py:study -p path=…" in done.out
    assert "none" in fairlead("run", "cli_jobs.py:single", "-h").out


def test_defaults_are_shown_as_they_would_be_given(fairlead, project):
    (project / "defaults.py").write_text("""
from datetime import date, timedelta
from pathlib import Path
from fairlead import task, workflow

@task
def use(*args): ...

THING = object()

@workflow
def flow(day: date = date(2026, 11, 21), pause: timedelta = timedelta(minutes=90), out: Path = Path("a/b.csv"),
         word: str = "x", odd=THING):
    use(day, pause, out, word, odd)
""")
    said = fairlead("run", "defaults.py:flow", "--help").out
    found = dict(re.findall(r"^  (\w+) .*  default (\S+)", said, re.MULTILINE))
    assert found == {"day": "2026-11-21", "pause": "PT5400S", "out": "a/b.csv", "word": "'x'", "odd": "<object"}
    assert "-p day=2026-11-21" in said


def test_parameters_come_from_a_file_too(fairlead, project):
    (project / "small.yaml").write_text("path: b.csv\nrate: 3\n")
    done = fairlead("run", "cli_jobs.py:study", "--params", "small.yaml", "-p", "rate=2", "-q", "-o", "json")
    assert json.loads(done.out)["results"]["total"] == 28.0


def test_runs_lists_what_there_is(fairlead, good, bad):
    done = fairlead("runs")
    head, *lines = done.out.splitlines()
    assert head.split() == ["run", "workflow", "status", "started", "took", "tasks", "tags"]
    assert next(line for line in lines if line.startswith("good ")).split()[-1] == "nightly"
    assert fairlead("runs", "--tag", "nightly", "--limit", "0").out.splitlines()[1].startswith("good ")
    assert "good" not in fairlead("runs", "--status", "failed").out


def test_runs_as_json(fairlead, good, bad):
    listed = json.loads(fairlead("runs", "-o", "json").out)
    lines = [json.loads(line) for line in fairlead("runs", "-o", "jsonl").out.splitlines()]
    assert listed == lines
    told = next(run for run in listed if run["id"] == "bad")
    assert told["status"] == "failed"
    assert told["done"] == told["total"] == 5
    assert told["started"].endswith("Z")


def test_no_runs_say_how_to_make_one(fairlead):
    done = fairlead("runs", "--workflow", "no such workflow")
    assert (done.code, done.out) == (0, "")
    assert "'fairlead run FILE' makes one" in done.err
    assert json.loads(fairlead("runs", "--workflow", "no such workflow", "-o", "json").out) == []


def test_a_full_list_says_that_there_may_be_more(fairlead, good, bad):
    assert "--limit 0 lists all" in fairlead("runs", "--limit", "1", "--since", "1d").err


def test_show_tells_what_a_run_did(fairlead, good):
    out = fairlead("show", good).out
    assert out.splitlines()[0] == "good  study  succeeded"
    assert "with     path='a.csv', rate=1.0" in out
    assert [line.split()[:3] for line in out.splitlines() if "/3" in line] == [["square", "succeeded", "3/3"]]


def test_show_tells_what_failed_and_with_which_values(fairlead, bad):
    out = fairlead("show", bad).out
    assert "square(" not in out
    assert "square[1](x=2, rate=0.0)  ValueError: bad item 2" in out
    assert "fairlead resume bad" in out
    told = json.loads(fairlead("show", bad, "-o", "json").out)
    assert told["failed"][0]["failure"]["arguments"] == {"x": "2", "rate": "0.0"}
    assert {task["name"]: task["status"] for task in told["tasks"]} == {
        "load": "succeeded",
        "square": "failed",
        "total": "skipped",
    }


def test_show_tells_of_one_task_run(fairlead, good, bad):
    out = fairlead("show", "bad/square[1]").out
    assert out.startswith("bad/square[1]  failed")
    assert "ValueError: bad item 2" in out
    done = fairlead("show", "good/total").out
    assert "page" in done
    assert "total  14.0" in done
    assert "x  1" in fairlead("show", "good/square[0]").out
    told = json.loads(fairlead("show", "good/square[0]", "-o", "json").out)
    assert told["inputs"] == {"x": "1", "rate": "1.0"}
    assert told["attempts"][0]["metrics"] == {"x": 1.0}


def test_show_tells_of_all_task_runs_of_one_name(fairlead, bad):
    lines = fairlead("show", "bad/square").out.splitlines()
    assert lines[0] == "bad/square  3 attempts"
    assert "ValueError: bad item 2" in lines[4]
    assert [told["path"] for told in json.loads(fairlead("show", "bad/square", "-o", "json").out)] == [
        "square[0]",
        "square[1]",
        "square[2]",
    ]
    assert fairlead("show", "bad/sqare").code == 3


def test_what_is_skipped_can_be_shown(fairlead, bad):
    assert fairlead("show", "bad/total").out.startswith("bad/total  skipped")


def test_logs_name_their_tasks_where_there_are_several(fairlead, good):
    assert fairlead("logs", good).out.splitlines() == [
        "load | loading a.csv",
        "square[0] | squaring 1",
        "square[1] | squaring 2",
        "square[2] | squaring 3",
    ]
    assert fairlead("logs", "good/square").out.count("square[") == 3
    assert fairlead("logs", "good/load", "-f").out == "loading a.csv\n"
    assert json.loads(fairlead("logs", "good/load", "-o", "jsonl").out) == {"path": "load", "text": "loading a.csv\n"}
    assert json.loads(fairlead("logs", "good/load", "-o", "json").out) == [{"path": "load", "text": "loading a.csv\n"}]
    assert fairlead("logs", "good/lod").code == 3


def test_results_are_printed_whole(fairlead, good, run_of):
    assert fairlead("results", good).out == "total = 14.0\ntext = 'so many'\n"
    assert fairlead("results", good, "text").out == "so many\n"
    assert json.loads(fairlead("results", good, "-o", "json").out) == {"total": 14.0, "text": "so many"}
    assert fairlead("results", good, "txt").code == 3
    odd = run_of("odd", "cli_jobs.py:odd")
    assert "199" in fairlead("results", odd).out


def test_results_that_json_cannot_hold_are_text_and_that_is_said(fairlead, run_of):
    done = fairlead("results", run_of("odd", "cli_jobs.py:odd"), "-o", "json")
    told = json.loads(done.out)
    assert told["z"] == "(1+2j)"
    assert told["nan"] == "nan"
    assert "because JSON cannot hold it: result['z'] (complex), result['nan'] (float)" in done.err


def test_results_of_a_failed_run_are_its_error(fairlead, bad):
    done = fairlead("results", bad)
    assert done.code == 1
    assert done.out == ""
    assert "bad item 2" in done.err


def test_artifacts_are_listed_and_saved(fairlead, good, project):
    listed = json.loads(fairlead("artifacts", good, "-o", "json").out)
    assert [one["name"] for one in listed if one["kept"]] == ["total/page"]
    assert fairlead("artifacts", good, "--kept").out.splitlines()[1].startswith("total/page")
    done = fairlead("artifacts", good, "page", "--save", "page.html")
    assert done.code == 0
    assert "saved page as page.html" in done.err
    assert (project / "page.html").read_text() == "<h1>hello</h1>"
    assert "square[0]/result" in fairlead("artifacts", good, "square[0]/result").out
    missing = fairlead("artifacts", good, "total/pge")
    assert missing.code == 3
    assert "nearest: 'total/page'" in missing.err


def test_nothing_kept_is_said(fairlead, run_of):
    done = fairlead("artifacts", run_of("plain", "cli_jobs.py:single"), "--kept")
    assert (done.code, done.out) == (0, "")
    assert "keeps nothing" in done.err


def test_explain_says_why(fairlead, good, run_of):
    assert "ran: " in fairlead("explain", good).out
    run_of("first", "cli_jobs.py:single")
    run_of("second", "cli_jobs.py:single")
    told = json.loads(fairlead("explain", "second/steady", "-o", "json").out)
    assert told[0]["path"] == "steady"
    assert told[0]["reasons"][0].startswith("reused: nothing that it depends on changed")
    shown = fairlead("show", "second").out
    assert "1 result reused: same code, same inputs" in shown
    assert "reused from" in fairlead("show", "second/steady").out


@pytest.mark.parametrize(
    ("form", "start"), [("mermaid", "flowchart TD"), ("dot", 'digraph "study"'), ("svg", "<svg "), ("json", "{")]
)
def test_a_workflow_and_a_run_can_be_drawn(fairlead, bad, form, start):
    for what in ("cli_jobs.py:study", bad):
        done = fairlead("graph", what, "--format", form)
        assert done.code == 0, done.err
        assert done.out.startswith(start)
        assert "square" in done.out


def test_the_drawing_of_a_run_has_its_statuses(fairlead, bad):
    told = json.loads(fairlead("graph", bad, "--format", "json").out)
    assert {node["name"]: node["status"] for node in told["nodes"] if node["kind"] in ("task", "map")} == {
        "load": "succeeded",
        "square": "failed",
        "total": "skipped",
    }
    assert fairlead("graph", bad, "-p", "x=1").code == 2


def test_check_says_that_nothing_is_wrong_or_all_that_is(fairlead):
    fine = fairlead("check", "cli_jobs.py:study", "-p", "path=x")
    assert (fine.code, fine.out, fine.err) == (0, "", "study: nothing is wrong\n")
    wrong = fairlead("check", "cli_jobs.py:study", "-p", "pth=1")
    assert wrong.code == 2
    assert "'pth'" in wrong.err
    assert "'path'" in wrong.err


def test_stopping_a_finished_run_changes_nothing(fairlead, good):
    done = fairlead("stop", good)
    assert done.code == 0
    assert "has ended already (succeeded)" in done.err
    assert fairlead("results", good).code == 0


def test_resume_reuses_what_is_valid_and_tells_the_plan_first(fairlead, bad):
    done = fairlead("resume", bad, "-p", "rate=2", "-o", "json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["parent"] == "bad"
    assert told["results"]["total"] == 28.0
    assert "resumes bad: reuse 1, run" in done.err.splitlines()[1]
    assert "square (input 'rate' changed)" in done.err.splitlines()[1]
    assert "resumes  bad" in fairlead("show", told["id"]).out
    again = fairlead("resume", bad)
    assert again.code == 1
    assert "square[1](x=2, rate=0.0) failed" in again.err


def test_gc_is_a_dry_run_unless_told_otherwise(fairlead, project, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cli_few.py").write_text(
        "from fairlead import task, workflow\n@task\ndef f():\n    return 1\n@workflow\ndef w():\n    return f()\n"
    )
    assert fairlead("run", "cli_few.py", "--id", "old", "-q").code == 0
    dry = fairlead("gc", "--older-than", "0s")
    assert "old" in dry.out
    assert "would go; --yes removes them" in dry.err
    assert fairlead("show", "old").code == 0
    told = json.loads(fairlead("gc", "--older-than", "0s", "-o", "json", "--yes").out)
    assert told["removed"] is True
    assert told["runs"] == [{"id": "old", "workflow": "w", "status": "succeeded"}]
    assert fairlead("show", "old").code == 3
    assert "nothing here may go" in fairlead("gc", "--older-than", "30d").err


def test_doctor_looks_at_everything(fairlead):
    done = fairlead("doctor")
    assert done.code == 0
    assert "python" in done.out
    assert all(one["ok"] for one in json.loads(fairlead("doctor", "-o", "json").out))
    assert fairlead("doctor", "--env", "nowhere").code == 4


@pytest.mark.parametrize("name", MODULES)
def test_every_command_has_help_with_examples(fairlead, name):
    done = fairlead(name, "--help")
    assert done.code == 0
    assert "Examples:\n  fairlead " in done.out
    assert "--quiet" in done.out
    assert fairlead(name, "-h").out == fairlead("help", name).out == done.out


# --- blocks ---------------------------------------------------------------------------------------------------

BLOCKS = """
from fairlead import task, workflow, switch, Pipeline, PythonTask, Parallel

@task
def one(x):
    if x == 3:
        raise ValueError("three")
    return x

@task
def two(x):
    return x

@workflow
def both(x):
    return two(one(x))

@workflow
def blocks(side: str = "left"):
    return switch(side, {"left": both, "right": two})(1), both.map([1, 2, 3])
"""


@pytest.fixture
def blocks(fairlead, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "block_jobs.py").write_text(BLOCKS)
    assert fairlead("run", "block_jobs.py:blocks", "--id", "b", "-q").code == 1
    yield
    close_all()


@pytest.mark.parametrize(
    ("path", "kind", "inside"),
    [
        ("both", "map", 6),
        ("both[2]", "map", 2),
        ("switch", "switch", 2),
        ("switch.left", "switch", 2),
    ],
)
def test_a_block_is_shown_with_what_is_inside(fairlead, blocks, path, kind, inside):
    told = json.loads(fairlead("show", f"b/{path}", "-o", "json").out)
    assert (told["block"], len(told["tasks"])) == (kind, inside)
    page = fairlead("show", f"b/{path}").out
    assert page.startswith(f"b/{path}  {kind} of {inside} task runs: ")


def test_of_a_block_it_is_said_what_failed_inside(fairlead, blocks):
    page = fairlead("show", "b/both").out
    assert "1 failed" in page and "1 skipped" in page and "ValueError: three" in page


def test_what_is_no_block_is_still_not_found(fairlead, blocks):
    for path in ("bot", "both[7]", "both.on", "switch.right"):
        assert fairlead("show", f"b/{path}").code == 3
