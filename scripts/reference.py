"""Writes docs/commands.md from the commands themselves: `python scripts/reference.py`. A test compares the two."""

import os
from importlib import import_module
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"

HEAD = """\
# Commands

Written from the commands themselves by `scripts/reference.py`; `fairlead COMMAND --help` says the same.

Results go to stdout, and everything else to stderr. [Exit codes](errors.md#exit-codes) say what kind of failure it was.
`NO_COLOR` switches colours off. `FAIRLEAD_ENV` names the environment where `--env` does not.
"""


def page() -> str:
    """The whole page, as it should be."""
    os.environ["COLUMNS"] = "100"  # click wraps to the terminal otherwise
    import click

    from fairlead.cli.commands import GROUPS

    parts = [HEAD]
    for title, commands in GROUPS:
        parts.append(f"\n## {title}\n")
        for name, module, does in commands:
            command = getattr(import_module(f"fairlead.cli.{module}"), name.replace("-", "_"))
            context = click.Context(
                command,
                info_name=f"fairlead {name}",
                max_content_width=100,
                terminal_width=100,
                help_option_names=["-h", "--help"],  # as the group's context gives them
            )
            parts.append(f"\n### {name}\n\n{does}\n\n```text\n{command.get_help(context).strip()}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
