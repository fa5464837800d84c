"""Runs that a condition is true of: the facts about a run that `model.where` asks for.

What is not in the summary of a run is fetched when a condition asks for it, and not before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fairlead.api.standing import summaries
from fairlead.config.services import Services
from fairlead.errors import FairleadError, NotFound
from fairlead.model.run import Run, RunFilter, RunSummary
from fairlead.model.values import Value
from fairlead.model.where import parse
from fairlead.model.words import short

__all__ = ["search"]


def search(services: Services | None, wanted: RunFilter, where: str) -> list[RunSummary]:
    """List the runs that a filter and a condition are true of, newest first; ConfigurationError."""
    import msgspec

    now = time.time()
    condition = parse(where, now)
    found: list[RunSummary] = []
    if services is None:
        return found
    for summary in summaries(services, msgspec.structs.replace(wanted, limit=None)):
        if wanted.limit is not None and len(found) >= wanted.limit:
            break
        try:
            if condition(_Asked(services, summary, now)):
                found.append(summary)
        except NotFound:
            continue  # removed while we look
    return found


class _Asked:
    """One run, and what it has under the name of a field."""

    def __init__(self, services: Services, summary: RunSummary, now: float) -> None:
        self._services = services
        self._summary = summary
        self._now = now
        self._record: Run | None = None

    def __call__(self, field: str) -> Sequence[Any]:
        summary = self._summary
        head, _, rest = field.partition(".")
        if head == "param":
            value = self._run().parameters.get(rest)
            return () if value is None else (self._parameter(value),)
        if head == "metric":
            return self._metrics(rest)
        if head == "tasks":
            return (summary.counts.get(rest, 0) if rest else sum(summary.counts.values()),)
        if head == "tag":
            return summary.tags
        if head == "seconds":
            ended = summary.ended if summary.ended is not None else self._now
            return () if summary.started is None else (ended - summary.started,)
        if head == "env":
            return (str(self._run().environment.get("name", "")),)
        value = getattr(self._run() if head in ("user", "host") else summary, head)
        return () if value is None else (value,)

    def _run(self) -> Run:
        if self._record is None:
            self._record = self._services.store.get(self._summary.id)
        return self._record

    def _parameter(self, value: Value) -> Any:
        try:
            return self._services.values().decode(value)
        except FairleadError:
            return short(value)  # its bytes or its class are not here any more

    def _metrics(self, name: str) -> list[float]:
        attempts = self._services.store.attempts(self._summary.id)
        return [one.metrics[name] for one in attempts if one.metrics and name in one.metrics]
