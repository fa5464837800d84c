"""`exec-node`: what executors and orchestrators call where a task is to run.

Told here for `--help` and for words that make no sense; others never come by here (`__main__`).
"""

from __future__ import annotations

import click

from fairlead.cli.options import Command, loudness
from fairlead.config.exec_node import Wanted, carry_out

__all__ = ["exec_node"]


@click.command(
    "exec-node",
    cls=Command,
    help="Run one task of a run in this process, and end with it. Exits with 0 when the task succeeded, 20 when it"
    " failed and would again, 21 when it failed and may be tried again, 75 when a store is out of reach, 143 when it"
    " was asked to end (SIGTERM).\n\nWith --order, an executor has written in a folder what is to be run, and finds the"
    " records there; no run store is opened.",
    arguments={"RUN": "The run that the task belongs to.", "PATH": "The task run: train[3]; with --order, for people."},
    examples=("fairlead exec-node calm-otter 'train[3]' --order /orders/17    the jobs of an order",),
)
@click.argument("run")
@click.argument("path")
@click.option("--order", metavar="DIR", required=True, help="The folder that an executor has written (--order /o/17).")
@click.option("--log", metavar="FILE", default="", help="Write what the task prints to a file (--log /runs/n1.log).")
@loudness
def exec_node(run: str, path: str, order: str, log: str) -> int:
    """Run one task."""
    return carry_out(Wanted(run, path, order, log))
