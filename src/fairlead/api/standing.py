"""How runs stand, as people are told it: what a store has, and for runs that no driver carries what is counted."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from fairlead.config.services import Services
from fairlead.errors import NotFound
from fairlead.model.run import Group, RunFilter, RunStatus, RunSummary

__all__ = ["groups_of", "status_of", "summaries", "summary_of"]


def status_of(services: Services, run_id: str) -> RunStatus:
    """Give a run's status; NotFound."""
    status = services.store.summary(run_id).status
    return "running" if status == "elsewhere" else status


def summary_of(services: Services, run_id: str) -> RunSummary:
    """Give a run in one record; NotFound."""
    return _told(services, services.store.summary(run_id))


def groups_of(services: Services, run_id: str) -> Sequence[Group]:
    """Give a run's groups of task runs, counted; NotFound."""
    summary = services.store.summary(run_id)
    return _counted(services, summary)[1] if summary.status == "elsewhere" else services.store.groups(run_id)


def summaries(services: Services, wanted: RunFilter) -> list[RunSummary]:
    """List runs, newest first."""
    found = list(services.store.list(wanted))
    if wanted.status == "running":
        found += services.store.list(replace(wanted, status="elsewhere"))
        found = sorted(found, key=lambda run: run.created, reverse=True)[: wanted.limit]
    return [_told(services, run) for run in found]


def _told(services: Services, summary: RunSummary) -> RunSummary:
    if summary.status != "elsewhere":
        return summary
    try:
        counts = _counted(services, summary)[0]
    except NotFound:
        counts = {}  # somebody has just removed it
    return replace(summary, status="running", counts=counts)


def _counted(services: Services, summary: RunSummary) -> tuple[dict[str, int], list[Group]]:
    from fairlead.engine.unheld import tally  # few runs are carried so

    store = services.store
    return tally(store.get(summary.id), store.attempts(summary.id), epoch=summary.epoch)
