"""For tests: of your own workflows, and of plugins that you write.

**You test your tasks and workflows** (`docs/testing.md`); these names are here:

- `memory_env()`: an environment for a test; its runs are kept in memory and leave nothing behind
- `running()`: what `current_run()` gives in a task function that is called by a test; asserted on afterwards
- `run_task()`, `inputs_of()`: one task again, with the inputs that it had in a recorded run
- `assert_graph()`, `graph_of()`: which tasks there are, and who waits for whom
- `virtual_clock()`: retries after hours and time limits, at once

**You write an executor or a store**; these modules are for you, and import pytest where they need it:

- `fairlead.testing.contracts.*`: what each implementation must pass, one class of tests per seam
- `fairlead.testing.faults`: stores that die or run out of disk at a chosen write
- `fairlead.testing.fakes`: an executor that answers by a function, a clock that you move

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Graph": "fairlead.testing.graphs",
    "StandIn": "fairlead.testing.standing_in",
    "VirtualClock": "fairlead.testing.fakes",
    "assert_graph": "fairlead.testing.graphs",
    "graph_of": "fairlead.testing.graphs",
    "inputs_of": "fairlead.testing.again",
    "memory_env": "fairlead.testing.places",
    "run_task": "fairlead.testing.again",
    "running": "fairlead.testing.standing_in",
    "virtual_clock": "fairlead.testing.times",
}

__all__ = [
    "Graph",
    "StandIn",
    "VirtualClock",
    "assert_graph",
    "graph_of",
    "inputs_of",
    "memory_env",
    "run_task",
    "running",
    "virtual_clock",
]

if TYPE_CHECKING:
    from fairlead.testing.again import inputs_of, run_task
    from fairlead.testing.fakes import VirtualClock
    from fairlead.testing.graphs import Graph, assert_graph, graph_of
    from fairlead.testing.places import memory_env
    from fairlead.testing.standing_in import StandIn, running
    from fairlead.testing.times import virtual_clock


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'fairlead.testing' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return __all__
