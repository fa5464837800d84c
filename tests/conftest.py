"""What holds for all tests."""

from __future__ import annotations

import os

# Whatever a test process starts, in however many steps, can be told from what the others beside it start.
os.environ["FAIRLEAD_TESTS_OF"] = str(os.getpid())
