"""`run`, `check`, `stop` and `resume`: what changes something."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, Literal

import click
import msgspec

from fairlead.api import Target, WorkflowRun, load_target, resume_run
from fairlead.cli.launching import carry_out
from fairlead.cli.options import Command, environment, form, loudness, pairs
from fairlead.cli.outcome import watched
from fairlead.cli.output import aside, say, write_page
from fairlead.cli.wanted import Form, Launch, Loudness
from fairlead.errors import DefinitionError
from fairlead.model.words import cut, plural
from fairlead.observers.terminal import Terminal

__all__ = ["check", "resume", "run", "stop"]


class GoingOn(msgspec.Struct, frozen=True):
    """How a run is to go on: the options of `resume`."""

    from_task: str | None
    diverged: Literal["stop", "accept", "new"]
    file: Path | None
    given: tuple[str, ...]
    env: str | None
    max_workers: int | None
    form: Form


def with_parameters(function: Any) -> Any:
    """Give a command `-p` and `--params`."""
    for option in (
        click.option(
            "--params",
            "file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Parameters from a YAML, JSON or TOML file; -p wins over it (--params small.yaml).",
        ),
        click.option(
            "-p",
            "--param",
            "given",
            metavar="NAME=VALUE",
            multiple=True,
            help="A parameter of the workflow; give it as often as you like (-p path=data.csv -p rate=0.2).",
        ),
    ):
        function = option(function)
    return function


def with_workers(function: Any) -> Any:
    """Give a command `--max-workers`."""
    return click.option(
        "--max-workers",
        metavar="N",
        type=click.IntRange(min=1),
        help="So many worker processes at most (--max-workers 2). Otherwise one for each core.",
    )(function)


@click.command(
    cls=Command,
    add_help_option=False,
    arguments={
        "TARGET": "What to run: file.py, file.py:name, module:name, or notebook.ipynb. A name is that of a workflow, a"
        " pipeline, a task or a function. 'fairlead run TARGET --help' lists the parameters that it takes.",
    },
    help="Run a workflow here and now, and wait for it. Its results go to stdout, everything else to stderr. Ctrl-C"
    " stops it, and keeps what has finished; a second Ctrl-C ends it at once.",
    examples=(
        "fairlead run jobs.py                              the only workflow in a file",
        "fairlead run jobs.py:training -p path=data.csv    one of several, with a parameter",
        "fairlead run jobs.py:load -p path=data.csv        a single task, as a workflow of one",
        "fairlead run jobs.py --help                       the parameters that it takes",
        "fairlead run jobs.py --env in_process             one task after the other, for a debugger",
        "fairlead run jobs.py --detach                     in the background; prints the id",
    ),
)
@click.argument("target", required=False, metavar="TARGET")
@with_parameters
@environment
@click.option("--id", "run_id", metavar="ID", help="The id of the run, instead of a new one (--id friday).")
@click.option(
    "--tag", "tags", metavar="T", multiple=True, help="A label to find the run by (--tag nightly); repeatable."
)
@click.option("--detach", is_flag=True, help="Start it in the background, and print its id (--detach).")
@with_workers
@form
@loudness
@click.option("-h", "--help", "wants_help", is_flag=True, help="Say this; with TARGET, list its parameters.")
@click.pass_context
def run(ctx: click.Context, /, target: str | None, wants_help: bool, **chosen: Any) -> int:
    """Run a workflow."""
    if target is None:
        if not wants_help:
            raise click.UsageError("what shall run? Name a file or a workflow: fairlead run jobs.py", ctx)
        click.echo(ctx.get_help())
        return 0
    with aside():
        found = load_target(target)
    if wants_help:
        _tell_parameters(target, found)
        return 0
    launch = Launch(**chosen)
    return carry_out(target, found, launch, pairs(launch.given, "-p"), ctx.ensure_object(Loudness).level)


def _as_given(value: Any) -> str:
    """Write a default as it would be given: a date as `2026-11-21`, a path as itself."""
    if isinstance(value, PurePath):
        return str(value)
    try:
        given = msgspec.to_builtins(value)
    except (TypeError, ValueError):  # what no text can give is shown as what it is
        return repr(value)
    return given if isinstance(given, str) and type(value) is not str else repr(given)


def _tell_parameters(text: str, target: Target) -> None:
    from fairlead.api.describing import said_of
    from fairlead.api.parameters import variable
    from fairlead.author.callables import MISSING
    from fairlead.cli.pages.target import Given, target_page

    said, names = said_of(target.inputs, target.doc), {one.name for one in target.inputs}
    parameters = [
        Given(
            one.name,
            one.text,
            one.required,
            "" if one.required or one.default is MISSING else cut(_as_given(one.default), 60),
            one.static,
            said.get(one.name, ""),
            variable(one.name, names) or "",
        )
        for one in target.inputs
    ]
    if target.definition.rest is not None:
        parameters.append(Given("…", target.definition.rest.text, required=False, doc="Any other name is taken, too."))
    write_page(target_page(text, target.name, target.doc, parameters))


@click.command(
    cls=Command,
    arguments={"TARGET": "A workflow: file.py, file.py:name, or module:name."},
    help="Tell everything that is wrong with a workflow, its parameters and its environment, at once, without running"
    " anything. Exits with 2 if something is wrong.",
    examples=("fairlead check jobs.py -p path=data.csv", "fairlead check jobs.py:training --env prod"),
)
@click.argument("target")
@with_parameters
@environment
@loudness
def check(target: str, file: Path | None, given: tuple[str, ...], env: str | None) -> int:
    """Tell what is wrong before anything runs."""
    with aside():
        found = load_target(target)
        bound = found.bind(pairs(given, "-p"), file=file, env=env)
        problems = bound.check(env)
    say(found.notes)
    if problems:
        raise DefinitionError(f"{found.name}: {plural(len(problems), 'problem')}", problems)
    warnings = bound.warnings(env)
    say([*(f"warning: {text}" for text in warnings), f"{found.name}: nothing is wrong"])
    return 0


@click.command(
    cls=Command,
    arguments={"RUN": "A run: calm-otter."},
    help="Ask a run to stop: running tasks and their child processes are ended, what has finished is kept. Of a run"
    " that has ended already, nothing changes.",
    examples=(
        "fairlead stop calm-otter          ask it to stop",
        "fairlead stop calm-otter --wait   and wait until it has",
    ),
)
@click.argument("run")
@click.option("--wait", is_flag=True, help="Wait until it has stopped (fairlead stop calm-otter --wait).")
@environment
@loudness
def stop(run: str, wait: bool, env: str | None) -> int:
    """Stop a run."""
    found = WorkflowRun.by_id(run, env)
    if not found.stop():
        say([f"{run} has ended already ({found.get_status()}); nothing changes"])
        return 0
    say([f"asked {run} to stop; 'fairlead resume {run}' goes on with it later"])
    if wait:
        say([f"{run} is {found.wait()}"])
    return 0


@click.command(
    cls=Command,
    arguments={"RUN": "A run that failed, was stopped, or was interrupted: calm-otter."},
    help="Go on with a run: what succeeded and is still valid is reused, the rest runs, and the plan is told first."
    " Where code or parameters have changed since, a new run is made, and the old one stays as it was.",
    examples=(
        "fairlead resume calm-otter                go on",
        "fairlead resume calm-otter --from train   run train again, with all that depends on it",
        "fairlead resume calm-otter -p rate=0.2    with another parameter, in a new run",
    ),
)
@click.argument("run")
@click.option(
    "--from", "from_task", metavar="TASK", help="Run this task again, with all that depends on it (--from train)."
)
@click.option(
    "--diverged",
    type=click.Choice(["stop", "accept", "new"]),
    default="stop",
    show_default=True,
    help="What to do when the body of a dynamic workflow takes another way than before: say so and stop, let it go"
    " on, or make a new run that reuses what is still valid (--diverged new).",
)
@with_parameters
@environment
@with_workers
@form
@loudness
@click.pass_context
def resume(ctx: click.Context, /, run: str, **chosen: Any) -> int:
    """Go on with a run."""
    going = GoingOn(**chosen)
    parameters = pairs(going.given, "-p")

    def carry(observer: Terminal) -> WorkflowRun:
        return resume_run(
            run,
            going.env,
            from_task=going.from_task,
            parameters=parameters,
            file=going.file,
            observers=[observer],
            max_workers=going.max_workers,
            diverged=going.diverged,
        )

    return watched(carry, ctx.ensure_object(Loudness).level, going.form)
