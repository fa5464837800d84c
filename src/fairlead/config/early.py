"""What of an environment can be started before anything else is known: it imports little, and waits for nothing."""

from __future__ import annotations

from fairlead.config.environment import Environment

__all__ = ["start_early"]


def start_early(environment: Environment, *, max_workers: int | None = None) -> None:
    """Start the process that workers are forked from, where this environment's runs need one."""
    if environment.executor.get("type", "local") != "local":
        return
    from fairlead.executors.local.executor import Local

    Local(max_workers=max_workers or environment.executor.get("max_workers")).warm_up()
