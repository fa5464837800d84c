from datetime import datetime

import click
import pytest

from fairlead.cli.spans import moment, seconds


@pytest.mark.parametrize(
    ("text", "amount"),
    [("90s", 90), ("45m", 2700), ("45 min", 2700), ("1.5h", 5400), ("30d", 2_592_000), ("2W", 1_209_600)],
)
def test_lengths_of_time_have_a_unit(text, amount):
    assert seconds(text) == amount


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "30 days", "1h30m"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(click.UsageError, match="write 30d"):
        seconds(text)


def test_a_moment_is_a_date_or_how_long_ago():
    assert moment("2h", 10_000.0) == 2800.0
    assert moment("2026-03-01", 0) == datetime(2026, 3, 1).timestamp()
    assert moment("2026-03-01T14:30+00:00", 0) == 1_772_375_400.0
    with pytest.raises(click.UsageError, match="no moment"):
        moment("tomorrow", 0)
