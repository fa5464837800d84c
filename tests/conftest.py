"""What holds for all tests."""

from __future__ import annotations

import os
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# Whatever a test process starts, in however many steps, can be told from what the others beside it start.
os.environ["FAIRLEAD_TESTS_OF"] = str(os.getpid())

# How long an example takes says how busy the machine is, with a test process for each core.
settings.register_profile("side by side", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("side by side")


@pytest.fixture(autouse=True, scope="module")
def _modules_of_projects_are_forgotten():
    """What tests import from their temporary folders is not there for the next file: many call theirs `jobs`."""
    before = set(sys.modules)
    yield
    folder, ours = os.path.realpath(tempfile.gettempdir()) + os.sep, os.path.dirname(os.path.dirname(__file__)) + os.sep
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and os.path.realpath(file).startswith(folder) and not file.startswith(ours):
            del sys.modules[name]
