import msgspec

from fairlead.cli.pages.documents import attempt_document, task_document
from fairlead.cli.pages.explained import explained_page
from fairlead.cli.pages.keeping import diagnosis_page, removal_page
from fairlead.cli.pages.target import Given, target_page
from fairlead.cli.pages.task import task_page
from fairlead.cli.pages.task_runs import task_runs_page
from fairlead.cli.text import paint
from fairlead.cli.views import TaskView
from fairlead.model.events import Attempt
from tests.cli.records import NOW, failed, json, ok, reused, summary


def text(lines):
    return paint(lines, colour=False)


def test_a_task_run_is_told_with_its_attempts():
    view = TaskView(
        "calm-otter",
        "load",
        "succeeded",
        [failed("load"), ok("load", attempt=2, worker="host:1", metrics={"rows": 12}, artifacts={"page": json(1)})],
        {"path": "'a.csv'"},
        {"result": "<list of 3>"},
        "Read it.\n\nMore.",
    )
    shown = text(task_page(view))
    assert shown.startswith("calm-otter/load  succeeded\n  Read it.\n\n")
    rows = [line.split() for line in shown.splitlines() if line.lstrip()[:1].isdigit()]
    assert rows[0][:2] == ["1", "failed"]
    assert rows[1][:2] == ["2", "succeeded"]
    assert rows[1][4:] == ["0.50", "s", "2.0", "s", "1.2", "kB", "host:1"]
    assert "inputs\n  path  'a.csv'\n" in shown
    assert "outputs\n  result  <list of 3>\n" in shown
    assert "metrics\n  rows  12\n" in shown
    assert "artifacts\n  page\n" in shown
    assert "Traceback" not in shown
    assert shown.endswith("'fairlead logs calm-otter/load' prints what it printed\n")


def test_a_failed_task_run_tells_its_last_failure():
    shown = text(task_page(TaskView("calm-otter", "train[3]", "failed", [failed(), failed(attempt=2)])))
    assert shown.count("Traceback") == 1
    assert "failed (attempt 2)" in shown


def test_a_reused_result_tells_where_it_comes_from():
    shown = text(task_page(TaskView("calm-otter", "load", "reused", [reused()])))
    assert "reused from brave-fox/load\n" in shown


def test_a_task_run_that_has_not_started_has_no_attempts():
    assert text(task_page(TaskView("calm-otter", "load", "waiting", []))) == "calm-otter/load  waiting\n"
    running = Attempt("load", 1, started=NOW)
    assert "running" in text(task_page(TaskView("calm-otter", "load", "running", [running])))
    assert "queued" in text(task_page(TaskView("calm-otter", "load", "queued", [Attempt("load", 1)])))


def test_the_task_runs_of_one_name_are_lines():
    shown = text(
        task_runs_page("calm-otter", "load", [ok(), failed(), reused(), Attempt("x", 1), Attempt("y", 1, started=NOW)])
    )
    assert shown.startswith("calm-otter/load  5 attempts\n\n")
    assert "ValueError: could not convert" in shown
    assert "from brave-fox/load" in shown
    assert "queued" in shown


def test_documents_hold_everything_about_an_attempt():
    told = attempt_document(failed(metrics={"a": 1.0}))
    assert told["failure"]["line"] == 12
    assert told["metrics"] == {"a": 1.0}
    assert attempt_document(ok())["log"] == {"file": "w1", "start": 0, "end": 1200}
    assert attempt_document(reused())["origin"] == {"run": "brave-fox", "path": "load", "attempt": 1}
    view = TaskView("calm-otter", "load", "succeeded", [ok()], {"a": "1"}, {"result": "2"})
    assert task_document(view)["attempts"][0]["path"] == "load"
    assert msgspec.json.encode(task_document(view))


def test_reasons_that_are_the_same_are_told_once_for_each_task_name():
    same = ["ran: input 'rate' changed since brave-fox"]
    reasons = {
        "load": ["reused: nothing changed"],
        "fit[0]": same,
        "fit[1]": same,
        "fit[2]": same,
        "score[0]": same,
        "score[1]": [*same, "not analysed: getattr by a computed name (jobs.py:3)"],
        "x[0]": [],
        "x[1]": [],
    }
    assert text(explained_page(reasons)) == (
        "load\n  reused: nothing changed\n"
        "fit[0] … fit[2] (3 task runs)\n  ran: input 'rate' changed since brave-fox\n"
        "score[0]\n  ran: input 'rate' changed since brave-fox\n"
        "score[1]\n  ran: input 'rate' changed since brave-fox\n"
        "  not analysed: getattr by a computed name (jobs.py:3)\n"
        "x[0], x[1]\n"
    )
    assert explained_page({}) == []


def test_a_target_tells_its_parameters():
    parameters = [Given("path", "str"), Given("rate", "float", required=False, default="0.1"), Given("n", static=True)]
    assert text(target_page("jobs.py", "training", "Trains.\n\n    Well.", parameters)) == (
        "Usage: fairlead run jobs.py -p path=… -p n=… [OPTIONS]\n"
        "\n"
        "  training\n"
        "\n"
        "  Trains.\n"
        "\n"
        "  Well.\n"
        "\n"
        "Parameters:\n"
        "  path  str    required\n"
        "  rate  float  default 0.1\n"
        "  n            required, shapes the graph\n"
        "\n"
        "  The most specific value counts: -p NAME=VALUE; FAIRLEAD_PARAM_<NAME> in the process environment;\n"
        "  --params FILE; 'parameters' in the environment file; the default.\n"
        "\n"
        "'fairlead run --help' lists the options.\n"
    )


def test_a_target_with_defaults_only_gives_an_example():
    shown = text(target_page("jobs.py", "t", "", [Given("path", "str", required=False, default="'a.csv'")]))
    assert "Example: fairlead run jobs.py -p path=a.csv\n" in shown
    shown = text(target_page("jobs.py", "t", "", [Given("x", "", required=False, default="[1, 2]")]))
    assert "-p x=…" in shown


def test_checks_and_removals_are_lines():
    assert text(diagnosis_page([("python", True, "3.12"), ("disk", False, "is full")])) == (
        "✓  python  3.12\n✗  disk    is full\n"
    )
    assert "calm-otter  training  succeeded  2026-03-02" in text(removal_page([summary()]))
