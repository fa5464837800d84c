"""Every command, argument and option is documented, in one place and in the same words."""

from __future__ import annotations

from importlib import import_module

import click
import pytest

from fairlead import __version__
from fairlead.cli.commands import GROUPS, MODULES, overview
from fairlead.cli.options import Command


def command(name: str) -> Command:
    found = getattr(import_module(f"fairlead.cli.{MODULES[name]}"), name.replace("-", "_"))
    assert isinstance(found, Command)
    return found


def test_the_overview_lists_every_command_with_a_line():
    text = overview()
    for _, commands in GROUPS:
        for name, _, does in commands:
            assert f"  {name:<11}{does}\n" in text
            assert does.endswith(".")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_said_in_words(name):
    for option in command(name).params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help.endswith((".", ").")) or option.help.endswith(")"), option.name


@pytest.mark.parametrize("name", MODULES)
def test_every_option_of_its_own_comes_with_an_example(name):
    shared = {"form", "env", "wants_help", "quiet", "verbose"}
    found = command(name)
    text = " ".join([*found.examples, *(o.help or "" for o in found.params if isinstance(o, click.Option))])
    for option in found.params:
        if isinstance(option, click.Option) and option.name not in shared:
            assert any(f"{flag} " in f"{text} " or f"{flag})" in text for flag in option.opts), option.name


@pytest.mark.parametrize("name", MODULES)
def test_every_argument_is_named_and_explained(name):
    found = command(name)
    arguments = [
        one.make_metavar(click.Context(found)).strip("[]") for one in found.params if isinstance(one, click.Argument)
    ]
    assert [one.strip("[]") for one in found.arguments] == arguments or set(found.arguments) == {
        "RUN[/TASK]" if "TASK" in one else one for one in arguments
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_a_call_of_that_command(name):
    assert all(example.startswith(f"fairlead {name}") for example in command(name).examples)


def test_the_cheap_answers(fairlead):
    assert fairlead() == fairlead("--help") == fairlead("-h") == fairlead("help") == fairlead("-v", "--help")
    assert fairlead("--help").out == overview()
    assert fairlead("-V").out == fairlead("--version").out == f"fairlead {__version__}\n"
