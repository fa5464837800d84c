"""`exec-node`: what executors and orchestrators call where a task is to run.

Told here for `--help` and for words that make no sense; others never come by here (`__main__`).
"""

from __future__ import annotations

import click

from fairlead.cli.options import Command, environment, loudness
from fairlead.config.exec_node import Wanted, carry_out

__all__ = ["exec_node"]


@click.command(
    "exec-node",
    cls=Command,
    help="Run one task of a run in this process, and end with it. What it takes is read from the run store, and what"
    " comes of it is recorded there; no driver is needed. Exits with 0 when the task succeeded, also before, 20 when it"
    " failed and no attempt is left, 21 when it failed and may be tried again, 75 when a store is out of reach or"
    " something before it is missing, 143 when it was stopped.\n\nWith --order, an executor has written in a folder"
    " what is to be run, and finds the records there; no run store is opened.",
    arguments={
        "RUN": "The run that the task belongs to.",
        "PATH": "The task run: load, train[3], each[3].fit. Orchestrators also say @open, @plan and the like.",
    },
    examples=(
        "fairlead exec-node calm-otter 'train[3]'                    run what is recorded as ready",
        "fairlead exec-node calm-otter 'train[2]' --chunk 50         run train[100] up to train[149]",
        "fairlead exec-node calm-otter 'train[3]' --order /orders/17  the jobs of an order",
    ),
)
@click.argument("run")
@click.argument("path")
@click.option("--order", metavar="DIR", default="", help="The folder that an executor has written (--order /o/17).")
@click.option("--log", metavar="FILE", default="", help="Write what an order's tasks print to a file (--log n1.log).")
@click.option(
    "--attempt",
    metavar="N",
    default=0,
    type=click.IntRange(min=0),
    help="The number of the attempt; otherwise the next one, or one that has begun and not ended (--attempt 2).",
)
@click.option(
    "--retry",
    metavar="N",
    default=0,
    type=click.IntRange(min=0),
    help="How often it was started before, for people reading a list of processes (--retry 1).",
)
@click.option(
    "--chunk",
    metavar="N",
    default=1,
    type=click.IntRange(min=1),
    help="Run so many items of a map, from PATH's index times that on (--chunk 50).",
)
@environment
@loudness
def exec_node(run: str, path: str, order: str, log: str, attempt: int, retry: int, chunk: int, env: str | None) -> int:
    """Run one task."""
    if log and not order:
        raise click.UsageError("--log is for an order; without one, what the task prints is kept with the run")
    return carry_out(Wanted(run, path, order, log, env or "", attempt, retry, chunk))
