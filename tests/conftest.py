"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Whatever a test process starts, in however many steps, can be told from what the others beside it start.
os.environ["FAIRLEAD_TESTS_OF"] = str(os.getpid())

# How long an example takes says how busy the machine is, with a test process for each core.
settings.register_profile("side by side", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("side by side")
