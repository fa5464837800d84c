"""What `current_run()` gives in a task function that a test calls by itself.

Records what the function says; keeps nothing anywhere and starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from fairlead.errors import NotFound
from fairlead.node.current import AT_WORK, number
from fairlead.node.execute import Bench

__all__ = ["StandIn", "running"]


class StandIn:
    """A task run that is none: what the code under test says to `current_run()` can be looked at."""

    def __init__(self, run_id: str, path: str, attempt: int, secrets: Mapping[str, str]) -> None:
        self.run_id = run_id
        self.path = path
        self.attempt = attempt
        self._secrets = dict(secrets)
        self.metrics: dict[str, float] = {}
        """What was said to `log_metric`, by name; the last one said counts."""
        self.artifacts: dict[str, Any] = {}
        """What was given to `log_artifact`, by name: the values themselves."""

    def secret(self, name: str) -> str:
        """Give a secret; NotFound for one that the test has not given."""
        if name not in self._secrets:
            raise NotFound(f"the test gives no secret {name!r}; write running(secrets={{{name!r}: '…'}})")
        return self._secrets[name]

    def log_metric(self, name: str, value: float) -> None:
        """Keep a number under a name; TypeError for what is none, as in a run."""
        measured = number(value)
        if measured is None:
            raise TypeError(f"metric {name!r} must be a number, and {type(value).__qualname__} is not")
        self.metrics[name] = measured

    def log_artifact(self, name: str, value: Any) -> None:
        """Keep a value under a name."""
        self.artifacts[name] = value

    def __repr__(self) -> str:
        return f"<StandIn {self.run_id}/{self.path}#{self.attempt}>"


class _Desk:
    """Has the place of the bench that a task run works at."""

    log = None

    def __init__(self, current: StandIn) -> None:
        self.current = current


@contextmanager
def running(
    run_id: str = "test-run", path: str = "task", *, attempt: int = 1, secrets: Mapping[str, str] | None = None
) -> Iterator[StandIn]:
    """Have `current_run()` give a stand-in inside the `with`; gives the stand-in.

    Reaches code of this thread and of coroutines that it runs, not threads that it starts.
    """
    current = StandIn(run_id, path, attempt, secrets or {})
    token = AT_WORK.set(cast(Bench, _Desk(current)))
    try:
        yield current
    finally:
        AT_WORK.reset(token)
