from fairlead.cli.pages.runs import runs_page
from fairlead.cli.text import paint
from tests.cli.records import NOW, summary


def page(*summaries, **options):
    return paint(runs_page(summaries, now=NOW, **options), colour=False)


def test_each_run_is_a_line():
    shown = page(
        summary(tags=("nightly", "eu")),
        summary("failed", id="brave-fox", counts={"succeeded": 1, "failed": 1, "skipped": 2}, error="train[3]"),
        summary("running", id="deft-crow", counts={"succeeded": 1, "waiting": 9}),
        summary("created", id="even-newt", started=None, counts={}),
        summary("interrupted", id="fond-wren"),
        relative=True,
    )
    assert shown == (
        "run         workflow  status       started          took  tasks  tags\n"
        "calm-otter  training  succeeded    3 min ago      20.0 s    3/3  nightly eu\n"
        "brave-fox   training  failed       3 min ago      20.0 s    4/4              train[3]\n"
        "deft-crow   training  running      3 min ago  3 min 00 s   1/10\n"
        "even-newt   training  created      3 min ago\n"
        "fond-wren   training  interrupted  3 min ago                3/3\n"
    )


def test_ids_are_whole_however_narrow_the_terminal_is():
    assert "a-run-with-a-rather-long-id" in page(summary(id="a-run-with-a-rather-long-id", tags=("t",) * 50), width=40)


def test_off_a_terminal_times_are_those_of_the_clock():
    assert "ago" not in page(summary())
    assert "2026-03-02" in page(summary())


def test_no_runs_are_no_lines():
    assert page() == ""
