"""What environments can say to the orchestrators that come with Fairlead, and how they are opened.

Imports none of them before it is opened.
"""

from __future__ import annotations

from fairlead.orchestration import Orchestrator
from fairlead.orchestrators.argo.options import ArgoOptions
from fairlead.ports import Plugin, Site

__all__ = ["argo"]


def _open_argo(options: ArgoOptions, site: Site) -> Orchestrator:  # noqa: ARG001 - as every plugin is opened
    from fairlead.orchestrators.argo.orchestrator import Argo

    return Argo(options)


argo = Plugin(open=_open_argo, options=ArgoOptions, doc="Argo Workflows: a WorkflowTemplate whose pods run the tasks.")
