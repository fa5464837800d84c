"""Carrying out `fairlead run`, once it is known what is wanted.

Imports no click: `quick.py` comes here without it.
"""

from __future__ import annotations

from fairlead.api import Target, WorkflowRun
from fairlead.api.definitions import Runnable
from fairlead.cli.outcome import watched
from fairlead.cli.output import say, write_text
from fairlead.cli.wanted import Launch
from fairlead.errors import DefinitionError
from fairlead.observers.terminal import Terminal

__all__ = ["carry_out"]


def carry_out(text: str, target: Target, launch: Launch, given: dict[str, str], level: int) -> int:
    """Run a target, which was named by this text, with these parameters; gives the exit code."""
    try:
        bound = target.bind(given, file=launch.file, env=launch.env)
        say(target.notes if level >= 0 else ())
        return _detach(bound, launch) if launch.detach else _watch(bound, launch, level)
    except DefinitionError as error:
        if any(f"{name!r}" in str(error) for name in (*given, *(one.name for one in target.inputs))):
            error.add_note(f"'fairlead run {text} --help' lists its parameters")
        raise


def _detach(bound: Runnable, launch: Launch) -> int:
    started = bound.start(launch.env, id=launch.run_id, tags=launch.tags, max_workers=launch.max_workers)
    say([f"started; 'fairlead logs {started.id} -f' follows it, 'fairlead stop {started.id}' stops it"])
    write_text(f"{started.id}\n")
    return 0


def _watch(bound: Runnable, launch: Launch, level: int) -> int:
    def carry(observer: Terminal) -> WorkflowRun:
        return bound.run(
            launch.env,
            id=launch.run_id,
            tags=launch.tags,
            check=False,
            observers=[observer],
            max_workers=launch.max_workers,
        )

    return watched(carry, level, launch.form)
