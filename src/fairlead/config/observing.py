"""From the `observers` of an environment to who is told, and what must not be told to them.

What observers do is their own business, and when they are told that of `api.notify`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fairlead.config.environment import Environment
from fairlead.config.registry import open_plugin
from fairlead.model.notices import Notice
from fairlead.model.run import Run
from fairlead.ports import Brief, Observer, Site, Values
from fairlead.wire import converted

__all__ = ["observers_of", "screen_for"]


def observers_of(environment: Environment, folder: Path, values: Callable[[], Values]) -> list[tuple[str, Observer]]:
    """Open the observers that an environment names; nothing outside is touched before they are told something."""
    site = Site(folder=folder, durability=environment.durability, values=values)
    return [(str(settings["type"]), open_plugin("observers", settings, site)) for settings in environment.observers]


def screen_for(brief: Brief, living: Any) -> Callable[[Run, Notice | None], tuple[Run, Notice | None]] | None:
    """Give what takes the secrets of a run out of what leaves it; None where no task declares any."""
    from fairlead.config.guarding import declared, guard_of

    names = declared(brief)
    if not names:
        return None
    guard = guard_of(brief, living)
    assert guard is not None
    ready = False

    def screen(run: Run, notice: Notice | None) -> tuple[Run, Notice | None]:
        nonlocal ready
        if not ready:
            guard.learn(names)
            ready = True
        if not guard.knows_any:
            return run, notice
        if notice is None:
            return _masked(run, guard.masked), None
        return run, _masked(notice, guard.masked)

    return screen


def _masked(record: Any, mask: Callable[[str], str]) -> Any:
    """Give a record with every text in it masked, also that of small values."""

    def clean(data: Any) -> Any:
        if isinstance(data, str):
            return mask(data)
        if isinstance(data, bytes):
            return mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if isinstance(data, dict):
            return {key: clean(value) for key, value in data.items()}
        return [clean(item) for item in data] if isinstance(data, (list, tuple)) else data

    kept = (bytes,)
    return converted(clean(msgspec.to_builtins(record, builtin_types=kept)), type(record), builtin_types=kept)
