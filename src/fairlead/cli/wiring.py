"""`components`: the roles of a project's runners, what could fill them, and what the environment chooses."""

from __future__ import annotations

import click
import msgspec

from fairlead.api import list_components
from fairlead.cli.options import Command, Form, environment, form, loudness
from fairlead.cli.output import aside, page_width, say, write_documents, write_page

__all__ = ["components"]


@click.command(
    cls=Command,
    arguments={"TARGET": "A file or module with runners, or one of them: churn.py, churn.py:Churn, package.module."},
    help="List the roles of runners: the classes that could fill each, their settings with types, defaults and what"
    " their authors say, and which class the environment chooses. Classes are looked for in the files beside it, too.",
    examples=(
        "fairlead components churn.py                   what there is to choose from",
        "fairlead components churn.py:Churn --env prod  and what prod chooses",
        "fairlead components churn.py -o json           the same for programs",
    ),
)
@click.argument("target")
@environment
@form
@loudness
def components(target: str, env: str | None, form: Form) -> None:
    """List roles, and the classes that could fill them."""
    with aside():
        found = list_components(target, env)
    if found.left_out:
        say(found.left_out)
    if form != "table":
        write_documents([msgspec.to_builtins(role) for role in found.roles], form)
        return
    from fairlead.cli.pages.components import components_page

    write_page(components_page(found.roles, width=page_width()))
