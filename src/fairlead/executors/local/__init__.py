"""All cores of this machine: jobs in warm worker processes, with nothing left behind.

`Local` is looked up when it is asked for: workers import this package, too, and have no use for it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Local"]  # given by __getattr__


def __getattr__(name: str) -> Any:
    if name == "Local":
        from fairlead.executors.local.executor import Local

        return Local
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
