"""How a command is declared: its help, with examples, and the options that many commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from fairlead.cli.text import terminal_width
from fairlead.cli.wanted import Form, Loudness

__all__ = ["Command", "Form", "Loudness", "environment", "form", "loudness", "split_task"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose help names its arguments and ends with examples that can be copied."""

    def __init__(
        self, *args: Any, arguments: dict[str, str] | None = None, examples: Sequence[str] = (), **options: Any
    ) -> None:
        options.setdefault("context_settings", {})
        options["context_settings"] = {
            "help_option_names": ["-h", "--help"],
            "max_content_width": min(terminal_width(sys.stdout) or 100, 110),
            **options["context_settings"],
        }
        super().__init__(*args, **options)
        self.arguments = arguments or {}
        self.examples = tuple(examples)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name the arguments first: they are what a caller must not forget."""
        options, *arguments = super().collect_usage_pieces(ctx)
        return [*arguments, options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, then the options."""
        if self.arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(list(self.arguments.items()))
        super().format_options(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in self.examples))


def loudness(function: Decorated) -> Decorated:
    """Give a command `-v` and `-q`; they set the `Loudness` that `entry` made."""
    for flags, step, says in (
        (("-q", "--quiet"), -1, "Say nothing but errors."),
        (("-v", "--verbose"), 1, "Say more, and print the traceback of an error of our own."),
    ):
        function = click.option(
            *flags, is_flag=True, expose_value=False, is_eager=True, callback=_louder(step), help=says
        )(function)
    return function


def _louder(step: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    def turn(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.ensure_object(Loudness).level += step

    return turn


def form(function: Decorated) -> Decorated:
    """Give a command `-o`."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["table", "json", "jsonl"]),
        default="table",
        metavar="FORM",
        help="How to write it: table, json (one document) or jsonl (one document to a line); -o json.",
    )(function)


def environment(function: Decorated) -> Decorated:
    """Give a command `--env`."""
    return click.option(
        "--env",
        metavar="E",
        help="The environment, by name or file (--env prod). Otherwise $FAIRLEAD_ENV, otherwise local.",
    )(function)


def split_task(text: str) -> tuple[str, str]:
    """Take `RUN/TASK` apart; the task is empty where there is none."""
    run, _, task = text.partition("/")
    if not run:
        raise click.UsageError(f"{text!r} names no run; write RUN/TASK, such as calm-otter/train[3]")
    return run, task


def pairs(texts: Iterable[str], flag: str) -> dict[str, str]:
    """Take `name=value` texts apart; one that is no pair and a name that is given twice are wrong usage."""
    found: dict[str, str] = {}
    wrong = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            wrong.append(f"{flag} {text!r} is no name and value; write {flag} name=value")
        elif name in found:
            wrong.append(f"{flag} {name} is given twice: {found[name]!r:.60} and {value!r:.60}")
        found[name] = value
    if wrong:
        raise click.UsageError("\n  ".join(wrong))
    return found
