"""`fairlead run` understood without click: the same as with it, or not at all."""

import subprocess
import sys

import click
import pytest
from msgspec.structs import astuple

from fairlead.cli.options import pairs
from fairlead.cli.quick import understood
from fairlead.cli.running import run
from fairlead.cli.wanted import Launch, Loudness

PLAIN = [
    "jobs.py",
    "jobs.py:training -p path=data.csv -p rate=0.2",
    "-q jobs.py --param a=b=c --params small.yaml",
    "--env prod jobs.py --id friday --tag nightly --tag x",
    "--env=prod jobs.py --max-workers=2 --tag=a=b -o json",
    "jobs.py --detach -v -v --output jsonl -p x=",
    "jobs.py -p =x",
    "jobs.py -p x",
    "jobs.py -p a=1 -p a=2",
    "jobs.py -ojson",
    "jobs.py --max-workers 0",
    "jobs.py --max-workers two",
    "jobs.py --id a --id b",
    "jobs.py -o yaml",
    "jobs.py --help",
    "jobs.py -h",
    "jobs.py other.py",
    "jobs.py --env",
    "jobs.py --env --id",
    "jobs.py --unknown",
    "jobs.py --par a=b",
    "jobs.py -vq",
    "jobs.py -- -p",
    "-",
    "",
]


def by_click(words):
    """Give what click makes of the words, or None where it has something to say."""
    loud = Loudness()
    try:
        with run.make_context("run", list(words), obj=loud) as context:
            chosen = dict(context.params)
    except (click.ClickException, click.exceptions.Exit):
        return None
    if chosen.pop("wants_help") or chosen["target"] is None:
        return None
    target = chosen.pop("target")
    launch = Launch(**chosen)
    try:
        return target, launch, pairs(launch.given, "-p"), loud.level
    except click.UsageError:
        return None


@pytest.mark.parametrize("line", PLAIN)
def test_what_is_understood_is_what_click_understands(line):
    words = line.split()
    found = understood(words)
    assert found is None or astuple(found) == by_click(words)


@pytest.mark.parametrize("line", PLAIN[:6])
def test_plain_words_are_understood(line):
    assert understood(line.split()) is not None


@pytest.mark.parametrize("line", PLAIN[6:])
def test_what_is_wrong_or_odd_is_left_to_click(line):
    assert understood(line.split()) is None


def test_a_plain_run_imports_neither_click_nor_inspect(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(
        "import sys\nfrom fairlead import task, workflow\n"
        "@task\ndef seen() -> int:\n    return 1\n\n"
        "@workflow\ndef looks():\n    print(sorted({'click', 'inspect', 'asyncio'} & set(sys.modules)))\n"
        "    return seen()\n"
    )
    command = [sys.executable, "-m", "fairlead", "run", "jobs.py:looks"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["1"]), done.stderr
    assert "[]" in done.stdout + done.stderr
