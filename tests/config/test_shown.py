"""What `fairlead env show` shows of values that hold a secret."""

import pytest

from fairlead.config.shown import hidden


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("url", "postgresql://me:hunter2@h/d", "postgresql://me:***@h/d"),
        ("url", "postgresql://me:${PW}@h/d", "postgresql://me:${PW}@h/d"),
        (
            "url",
            "postgresql://me@h/d?password=hunter2&sslmode=require",
            "postgresql://me@h/d?password=***&sslmode=require",
        ),
        ("url", "postgresql://h/d?sslpassword=hunter2", "postgresql://h/d?sslpassword=***"),
        ("url", "host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
        ("url", "host=h password=${PW}", "host=h password=${PW}"),
        ("db_password", "hunter2", "***"),
        ("path", "compass=north", "compass=north"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand(name, value, shown):
    assert hidden(name, value) == shown
