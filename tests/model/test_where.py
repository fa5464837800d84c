"""The language in which runs are looked for."""

from __future__ import annotations

import pytest

from fairlead.errors import ConfigurationError
from fairlead.model.where import parse

NOW = 1_000_000.0

RUN = {
    "id": ["calm-otter"],
    "status": ["failed"],
    "tag": ["nightly", "team=ml"],
    "seconds": [90.0],
    "created": [NOW - 3600],
    "param.rate": [0.5],
    "param.path": ["data/big.csv"],
    "param.on": [True],
    "metric.loss": [0.1, 0.9],
    "tasks.failed": [2],
}


def ask(field):
    return RUN.get(field, ())


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("status=failed", True),
        ("status = 'failed'", True),
        ("status!=failed", False),
        ("status=succeeded or tag=nightly", True),
        ("status=failed and tag=weekly", False),
        ("not tag=weekly", True),
        ("tag!=nightly", False),
        ("tag!=weekly", True),
        ('tag="team=ml"', True),
        ("id=calm-*", True),
        ("id=Calm-*", False),
        ("param.rate>0.1", True),
        ("param.rate>=0.50", True),
        ("param.rate=5e-1", True),
        ("param.rate<0.5", False),
        ("param.rate<=.5", True),
        ("param.rate>text", False),
        ("param.rate<=text", False),
        ("param.path~BIG", True),
        ("param.path=*.csv", True),
        ("param.path>aaa", True),
        ("param.on=true", True),
        ("param.on=1", False),
        ("param.nothing=1", False),
        ("param.nothing!=1", True),
        ("param.nothing>0", False),
        ("metric.loss>0.8", True),
        ("metric.loss=0.1 and metric.loss=0.9", True),
        ("seconds>1m", True),
        ("seconds>2min", False),
        ("created>2h", True),
        ("created<2h", False),
        ("created<2030-01-01", True),
        ("tasks.failed>1", True),
        ("status=failed or status=succeeded and tag=weekly", True),
        ("(status=failed or status=succeeded) and tag=weekly", False),
        ("NOT (status=succeeded OR tag=weekly)", True),
    ],
)
def test_a_condition_is_true_of_a_run_or_not(text, holds):
    assert parse(text, NOW)(ask) is holds


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("stauts=failed", "there is no field 'stauts' (nearest: 'status')", 0),
        ("xyz=1", "there is no field 'xyz'", 0),
        ("param.=1", "there is no field 'param.'", 0),
        ("status", "one of = != < <= > >= ~ must follow 'status'", 6),
        ("status failed", "one of = != < <= > >= ~ must follow 'status', not 'failed'", 7),
        ("status=", "a value must follow status=", 7),
        ("status==failed", "a value must follow status=, not '='", 7),
        ("status=failed tag=x", "'and' or 'or' is missing before 'tag'", 14),
        ("(status=failed", "')' is missing", 14),
        ("(status=failed tag=x", "')' is missing before 'tag'", 15),
        ("status=failed and", "a field is missing", 17),
        ("", "a field is missing", 0),
        ("created>soon", "this is no moment: 'soon' (write 2h (ago)", 8),
        ("seconds>long", "seconds is a number, and this is none: 'long'", 8),
        ("status='failed", 'this cannot be read: "\'failed"', 7),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, said, at):
    with pytest.raises(ConfigurationError) as error:
        parse(text, NOW)
    first, shown, mark = str(error.value).splitlines()
    assert said in first and shown == f"  {text}" and mark.index("^") - 2 == at
