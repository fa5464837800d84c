from fairlead.cli.pages.documents import run_document
from fairlead.cli.pages.run import run_page
from fairlead.cli.text import paint
from fairlead.cli.views import RunView
from tests.cli.records import NOW, failed, record, reused, study_groups, summary


def view(status="failed", **fields):
    return RunView(summary(status, **fields), study_groups(), record())


def page(shown, **options):
    return paint(run_page(shown, now=NOW, **options), colour=False)


def test_a_failed_run_is_told_from_head_to_what_to_do_next(monkeypatch):
    counts = {"succeeded": 16, "reused": 1, "failed": 2, "skipped": 1}
    shown = view(counts=counts, epoch=2, parent="brave-fox", tags=("nightly",), error="train[3]")
    shown.failed = [failed(), failed("train[7]")]
    shown.reused = [reused("split")]
    lines = page(shown, width=100).splitlines()
    assert lines[1].startswith("  started  2026-03-02 ")
    lines[1] = "  started"
    assert "\n".join(lines) == (
        "calm-otter  training  failed\n"
        "  started\n"
        "  target   /home/u/jobs.py:training\n"
        "  with     path='data.csv', rate=0.1\n"
        "  tags     nightly\n"
        "  resumes  brave-fox\n"
        "  taken up 2 times\n"
        "\n"
        "  task         status       done    time    mean\n"
        "  load         succeeded     1/1  0.40 s\n"
        "  split        reused        1/1\n"
        "  train.fit    failed      15/20  12.0 s  0.80 s  1 failed, 2 running, 14 succeeded, 3 ready\n"
        "  train.score  unfinished  15/20  0.80 s   57 ms  14 succeeded, 1 skipped, 5 waiting\n"
        "  picture      waiting       0/?\n"
        "  choose       waiting       0/1\n"
        "\n"
        "1 result reused: same code, same inputs\n"
        "  from brave-fox: split\n"
        "  'fairlead explain calm-otter/split' says why\n"
        "\n"
        "2 tasks failed\n"
        "  train[3](chunk='abc', rate=0.1)  ValueError: could not convert string to float: 'abc'  jobs.py:12\n"
        "  train[7](chunk='abc', rate=0.1)  ValueError: could not convert string to float: 'abc'  jobs.py:12\n"
        "\n"
        "  fairlead logs 'calm-otter/train[3]'  prints what the task printed\n"
        "  fairlead show 'calm-otter/train[3]'  its attempts, inputs and outputs\n"
        "  fairlead resume calm-otter           goes on; what succeeded is not run again"
    )


def test_a_run_that_goes_on_says_for_how_long():
    shown = page(view("running", cancel_asked=NOW))
    assert shown.startswith("calm-otter  training  running, asked to stop\n")
    assert "(3 min ago), for 3 min 00 s now" in shown
    assert "train.score  running" in shown
    assert "resume" not in shown


def test_a_run_that_has_not_started_says_so():
    shown = page(RunView(summary("created", started=None, counts={}), [], record(parameters={})))
    assert "started  not yet; recorded 2026-03-02" in shown
    assert "with" not in shown


def test_an_interrupted_run_tells_how_to_go_on():
    shown = page(view("interrupted", error="a driver of ours\nsecond line"))
    assert "(3 min ago)\n" in shown
    assert "  error    a driver of ours\n           second line\n" in shown
    assert "fairlead resume calm-otter" in shown


def test_many_failures_and_reused_results_are_listed_in_part():
    shown = view(counts={"failed": 500, "reused": 300})
    shown.failed = [failed(f"train[{place}]") for place in range(30)]
    shown.reused = [reused(f"load[{place}]") for place in range(30)]
    text = page(shown)
    assert "500 tasks failed" in text
    assert "  and 490 more\n" in text
    assert "load[9], …\n" in text


def test_the_same_for_programs():
    shown = view(counts={"succeeded": 1, "failed": 1, "waiting": 0})
    shown.failed = [failed()]
    told = run_document(shown, NOW)
    assert told["status"] == "failed"
    assert told["seconds"] == 20.0
    assert told["counts"] == {"succeeded": 1, "failed": 1}
    assert told["parameters"] == {"path": "'data.csv'", "rate": "0.1"}
    assert told["failed"][0]["failure"]["file"] == "/home/u/jobs.py"
    assert told["tasks"][4] == {
        "name": "picture",
        "status": "waiting",
        "done": 0,
        "total": None,
        "counts": {},
        "seconds": 0.0,
        "started": None,
        "ended": None,
    }
