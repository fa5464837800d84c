"""Argo Workflows as the rest of Fairlead knows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fairlead.errors import DefinitionError
from fairlead.model.outline import Outline
from fairlead.orchestration import Deployment, Rehearsed
from fairlead.orchestrators.argo.limits import lacking, notes
from fairlead.orchestrators.argo.lint import lint
from fairlead.orchestrators.argo.manifest import name_of, text_of, workflow_template
from fairlead.orchestrators.argo.options import ArgoOptions
from fairlead.ports import Offers

__all__ = ["Argo"]


class Argo:
    """Makes WorkflowTemplates."""

    offers = Offers(reach="network", cpu=1e6, gpu=1_000_000, image=True, parallel=1_000_000)

    def __init__(self, options: ArgoOptions) -> None:
        self._options = options

    def lacking(self, outline: Outline) -> list[tuple[str, str]]:
        """List what Argo cannot be given: the step, and what that needs."""
        return lacking(outline)

    def compile(self, deployment: Deployment) -> dict[str, str]:
        """Give the manifest, in a file named after the WorkflowTemplate; raises DefinitionError."""
        name = name_of(deployment, self._options)
        manifest = workflow_template(deployment, self._options)
        problems = lint(manifest)
        if problems:
            raise DefinitionError(f"{deployment.outline.name}: Argo would refuse it", problems)
        return {f"{name}.yaml": text_of(manifest)}

    def notes(self, deployment: Deployment, files: Mapping[str, str]) -> list[str]:
        """Say what is different from a run of our own, and what may become too much."""
        return notes(deployment.outline, sum(map(len, files.values())))

    def rehearse(self, files: Mapping[str, str], *, run: str, folder: Path, at_once: int) -> Rehearsed:
        """Interpret the manifest with processes of this machine for containers."""
        from fairlead.orchestrators.argo.rehearsal import rehearse

        return rehearse(files, run=run, folder=folder, at_once=at_once)
