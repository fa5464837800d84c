"""Which commands there are, in one table, with a line about each. Imports nothing.

`fairlead --help` is written from this table alone, so that it takes no longer than Python's own
start. A test compares the table with the commands themselves.
"""

from __future__ import annotations

__all__ = ["GROUPS", "MODULES", "overview"]

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Run",
        (
            ("run", "running", "Run a workflow, and wait for it."),
            ("check", "running", "Tell everything that is wrong with a workflow before anything runs."),
            ("stop", "running", "Stop a run; what has finished is kept."),
            ("resume", "running", "Go on with a run, and reuse what is still valid."),
        ),
    ),
    (
        "Look",
        (
            ("runs", "listing", "List runs, newest first."),
            ("show", "looking", "Show what a run or one of its tasks did."),
            ("logs", "reading", "Print what tasks printed."),
            ("results", "reading", "Print what a run gave back."),
            ("artifacts", "reading", "List the values and files that a run keeps, or save one."),
            ("explain", "looking", "Say why a task ran, or why its result was reused."),
            ("diff", "comparing", "Say what differs between two runs."),
            ("graph", "drawing", "Draw a workflow, or a run and how far it is."),
            ("components", "wiring", "List what could fill the roles of runners, and what does."),
        ),
    ),
    (
        "Configure",
        (
            ("env", "configuring", "List, show, check and save environments."),
            ("plugins", "configuring", "List what an environment can name, with its settings."),
            ("schema", "configuring", "Print a JSON Schema, for editors."),
        ),
    ),
    (
        "Hand over",
        (
            ("compile", "compiling", "Write the files that an orchestrator takes, such as Argo's."),
            ("rehearse", "compiling", "Interpret these files on this machine, and compare with a plain run."),
            ("package", "packaging", "Build the image of a project, for tasks in containers."),
        ),
    ),
    (
        "Keep",
        (
            ("gc", "keeping", "Remove old runs, and what only they need."),
            ("export", "moving", "Write a run to one file."),
            ("import", "moving", "Take in a run that was exported."),
            ("doctor", "keeping", "Check that Fairlead can work here."),
        ),
    ),
    (
        "Elsewhere",
        (("exec-node", "elsewhere", "Run one task in a process of its own; executors call this."),),
    ),
)
"""Per group: name of the command, module under `fairlead.cli` that holds it, what it does."""

MODULES: dict[str, str] = {name: module for _, commands in GROUPS for name, module, _ in commands}
"""Where each command is."""

_USAGE = "Usage: fairlead [-v|-q] COMMAND …\n\n  Write a workflow once, as plain Python, and run it anywhere.\n"

_OPTIONS = """
Options:
  -h, --help     Say what there is; 'fairlead run --help' says it of one command.
  -V, --version  Print the version.
  -v, --verbose  Say more: every task run, and the traceback of an error of our own.
  -q, --quiet    Say nothing but errors.

Examples:
  fairlead run jobs.py -p path=data.csv     run the workflow in jobs.py
  fairlead run jobs.py --help               list the parameters that it takes
  fairlead show calm-otter                  what that run did

Exit codes: 0 fine, 1 the run failed, 2 wrong usage, definition or environment (nothing ran),
3 not found, 4 the outside refused or vanished, 130 interrupted.
"""


def overview() -> str:
    """Write what `fairlead --help` prints."""
    lines = [_USAGE]
    for title, commands in GROUPS:
        lines.append(f"\n{title}:\n")
        lines.extend(f"  {name:<11}{does}\n" for name, _, does in commands)
    lines.append(_OPTIONS)
    return "".join(lines)
