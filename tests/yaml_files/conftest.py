"""The project folder of `tests/api`, for tests of workflows written as text."""

from __future__ import annotations

from tests.api.conftest import _in_place, env, place

__all__ = ["_in_place", "env", "place"]
