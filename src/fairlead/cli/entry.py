"""Finds the command that was asked for, calls it, and turns every error into words and an exit code.

No command lives here, and no command prints an error or chooses an exit code by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module

import click

from fairlead.cli.commands import MODULES, overview
from fairlead.cli.complaints import complain, in_words
from fairlead.cli.wanted import Loudness

__all__ = ["invoke"]

_LOUDER = {"-v": 1, "--verbose": 1, "-q": -1, "--quiet": -1}


def invoke(words: Sequence[str], imported: Callable[[], None] | None = None) -> int:
    """Carry out one command line, and give its exit code.

    `imported` is called before anything of the user's is.
    """
    words = list(words)
    loudness = Loudness()

    def work() -> int:
        try:
            while words and words[0] in _LOUDER:
                loudness.level += _LOUDER[words.pop(0)]
            return _call(words, loudness, imported)
        except click.Abort:
            raise KeyboardInterrupt from None
        except click.UsageError as error:
            complain([error.format_message(), *_usage_hint(error)])
            return 2
        except click.ClickException as error:
            complain([error.format_message()])
            return 2

    return in_words(work, lambda: loudness.level)


def _call(words: list[str], loudness: Loudness, imported: Callable[[], None] | None) -> int:
    if words and words[0] == "help":
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help"):
        click.echo(overview(), nl=False)
        return 0
    name, *rest = words
    if name not in MODULES:
        raise click.UsageError(_unknown(name))
    command = getattr(import_module(f"fairlead.cli.{MODULES[name]}"), name.replace("-", "_"))
    if imported is not None:
        imported()
    # Not `command.main`: it has opinions of its own about closed pipes and Ctrl-C.
    try:
        with command.make_context(f"fairlead {name}", rest, obj=loudness) as context:
            code = command.invoke(context)
    except click.exceptions.Exit as done:  # how click leaves after --help
        return done.exit_code
    return code if isinstance(code, int) else 0


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    if name.startswith("-"):
        return f"no option {name!r} before the command; options of a command come after it"
    near = get_close_matches(name, MODULES, n=1)
    if near:
        return f"no command {name!r}; did you mean {near[0]!r}?"
    if name.endswith((".py", ".yaml", ".yml", ".ipynb")):
        return f"no command {name!r}; 'fairlead run {name}' runs that file"
    return f"no command {name!r}; 'fairlead --help' lists them"


def _usage_hint(error: click.UsageError) -> list[str]:
    if error.ctx is None:
        return []
    given = re.search(r"unexpected extra arguments? \((\S+=\S*)", error.format_message())
    if given is not None and any(one.name == "given" for one in error.ctx.command.params):
        return [f"parameters are given with -p: -p {given[1].rstrip(')')}"]
    if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name == "run":
        return ["'fairlead runs' lists the runs that there are, newest first"]
    return [f"'{error.ctx.command_path} --help' says what it takes"]
