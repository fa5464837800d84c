"""Fixtures for tests of workflows, known to pytest wherever Fairlead is installed.

Outside of the package, so that a test session that uses none of them imports nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fairlead import Environment
    from fairlead.testing import StandIn, VirtualClock

__all__ = ["fairlead_clock", "fairlead_env", "fairlead_run"]

pytest.register_assert_rewrite("fairlead.testing.contracts")  # so that a plugin's author sees what differs


@pytest.fixture
def fairlead_env() -> Iterator[Environment]:
    """An environment whose runs are kept in memory and leave nothing behind; the default one in the test."""
    from fairlead.testing import memory_env

    with memory_env() as environment:
        yield environment


@pytest.fixture
def fairlead_run() -> Iterator[StandIn]:
    """What `current_run()` gives in task functions that the test calls; has `metrics` and `artifacts`."""
    from fairlead.testing import running

    with running() as current:
        yield current


@pytest.fixture
def fairlead_clock() -> Iterator[VirtualClock]:
    """A clock that stands still until something waits: delays and time limits pass at once."""
    from fairlead.testing import virtual_clock

    with virtual_clock() as clock:
        yield clock
