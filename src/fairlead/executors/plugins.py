"""What environments can say to the executors that come with Fairlead, and how they are opened.

Imports no executor before one is opened: every start of a program that names one reads this file.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fairlead.ports import Executor, Plugin, Site

__all__ = ["LocalOptions", "in_process", "local", "mock"]


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `local`."""

    max_workers: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(description="Worker processes at most; otherwise as many as there are processors."),
    ] = None


def _open_local(options: LocalOptions, site: Site) -> Executor:
    from fairlead.executors.local.executor import Local

    return Local(max_workers=site.max_workers or options.max_workers)


def _open_in_process(_: None, site: Site) -> Executor:
    from fairlead.executors.in_process import InProcess

    assert site.bench is not None, "executors are opened where jobs can be run"
    return InProcess(site.bench, clock=site.clock)


def _open_mock(_: None, site: Site) -> Executor:
    from fairlead.executors.mock import Mock

    assert site.bench is not None, "executors are opened where jobs can be run"
    return Mock(site.bench, clock=site.clock)


local = Plugin(open=_open_local, options=LocalOptions, doc="All cores of this machine, in warm worker processes.")

in_process = Plugin(
    open=_open_in_process, doc="One task after the other in this process; a debugger works in the task."
)

mock = Plugin(open=_open_mock, doc="Walks the graph in this process without running any task.")
