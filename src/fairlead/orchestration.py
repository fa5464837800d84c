"""The seam of orchestrators: what a workflow is to those who take it whole and run it themselves.

Beside `ports.py`, which has the seams of runs that a driver of ours carries. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fairlead.model.outline import Outline
from fairlead.ports import Offers

__all__ = ["Deployment", "Orchestrator", "Rehearsed"]


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow as an orchestrator is given it: an immutable definition in the artifact store, and an outline."""

    outline: Outline
    definition: str
    """Key of the definition in the artifact store: what every run of it is opened from."""
    parameters: dict[str, str] = {}
    """Parameters that can be given anew when a run is started, with their values as text."""
    environment: dict[str, Any]
    """The environment of its tasks, with every `${…}` unexpanded."""


class Rehearsed(msgspec.Struct, frozen=True):
    """What came of what an orchestrator was given, when it was interpreted on this machine."""

    run: str
    """The run's id in the store."""
    phase: str
    """How it ended, in the orchestrator's words."""
    succeeded: bool
    started: int
    """Processes that were started."""
    said: dict[str, str] = {}
    """What did not succeed, by the orchestrator's name for it: what it wrote, or why it could not run."""


class Orchestrator(Protocol):
    """Takes a whole graph and runs it itself; its containers run `exec-node`."""

    offers: Offers

    def lacking(self, outline: Outline) -> list[tuple[str, str]]:
        """List what it cannot be given: the step, and what that needs."""

    def compile(self, deployment: Deployment) -> dict[str, str]:
        """Give the files that it takes, by name: the same deployment gives the same text.

        Raises DefinitionError with all that it would refuse.
        """

    def notes(self, deployment: Deployment, files: Mapping[str, str]) -> list[str]:
        """Say what people should know before they use what `compile` gave."""

    def rehearse(self, files: Mapping[str, str], *, run: str, folder: Path, at_once: int) -> Rehearsed:
        """Interpret what `compile` gave, and nothing else, with processes of this machine for containers."""
