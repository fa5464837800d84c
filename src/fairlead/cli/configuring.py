"""`env`, `plugins` and `schema`: what can be configured, and how it is."""

from __future__ import annotations

import click

from fairlead.api import configuring
from fairlead.cli.options import Command, Form, form, loudness
from fairlead.cli.output import page_width, say, write_document, write_documents, write_page
from fairlead.cli.pages.configuring import environment_page, environments_page, plugin_page, plugins_page

__all__ = ["env", "plugins", "schema"]

_ACTIONS = ("list", "show", "check", "save", "remove", "init")


@click.command(
    cls=Command,
    arguments={
        "ACTION": "list, show, check, save, remove or init.",
        "NAME": "An environment, by name or file. Without it, show takes the one that counts here, and check all.",
        "FILE": "What to save.",
    },
    help="Environments: list those that names lead to, show what one says and where each setting comes from (secrets"
    " are not shown), check one or all, save one for use in every directory, remove a saved one, write a first file.",
    examples=(
        "fairlead env list",
        "fairlead env show prod",
        "fairlead env check                    all of them; exits with 2 if something is wrong",
        "fairlead env save team prod.yaml      keep it as 'team', for your user only",
        "fairlead env remove team",
        "fairlead env init dev                 write environments/dev.yaml",
    ),
)
@click.argument("action", type=click.Choice(_ACTIONS), metavar="ACTION")
@click.argument("name", required=False)
@click.argument("file", required=False)
@form
@loudness
@click.pass_context
def env(ctx: click.Context, action: str, name: str | None, file: str | None, form: Form) -> None:
    """Environments."""
    if file is not None and action != "save":
        raise click.UsageError(f"env {action} takes no FILE", ctx)
    if action == "list":
        _list(form)
    elif action == "show":
        _show(name, form)
    elif action == "check":
        fine = configuring.check_environments(name)
        say([f"{', '.join(fine)}: nothing is wrong"])
    elif name is None or (action == "save" and file is None):
        raise click.UsageError(f"env {action} needs NAME{' and FILE' if action == 'save' else ''}", ctx)
    elif action == "save":
        say([f"saved {name} as {configuring.save_environment(name, str(file))}"])
    elif action == "remove":
        say([f"removed {configuring.remove_environment(name)}"])
    else:
        say([f"wrote {configuring.init_environment(name)}"])


def _list(form: Form) -> None:
    found = configuring.list_environments()
    if form == "table":
        write_page(environments_page(found, width=page_width()))
    else:
        write_documents([one._asdict() for one in found], form)


def _show(name: str | None, form: Form) -> None:
    environment, settings = configuring.show_environment(name)
    if form == "table":
        write_page(environment_page(environment.name, environment.source, settings, width=page_width()))
    else:
        told = [one._asdict() for one in settings]
        write_document({"name": environment.name, "source": environment.source, "settings": told}, form)


@click.command(
    cls=Command,
    arguments={"NAME": "A plugin: local. Without it, all are listed."},
    help="List what an environment can name: executors, stores, artifact stores, sources of secrets, observers, those"
    " that come with Fairlead and those that other distributions bring. With a name, its settings as well.",
    examples=("fairlead plugins", "fairlead plugins local           its settings, and what it needs"),
)
@click.argument("name", required=False)
@form
@loudness
def plugins(name: str | None, form: Form) -> None:
    """List plugins."""
    found = configuring.found_plugins(name)
    if form != "table":
        write_documents([one._asdict() for one in found], form)
    elif name is None:
        write_page(plugins_page(found, width=page_width()))
    else:
        for one in found:
            write_page(plugin_page(one, width=page_width()))


@click.command(
    cls=Command,
    arguments={"WHAT": "environment, or workflow: what a workflow written as YAML may say."},
    help="Print the JSON Schema of a kind of file, for editors. What is installed here is in it.",
    examples=(
        "fairlead schema environment > environment.schema.json",
        "fairlead schema workflow > workflow.schema.json",
    ),
)
@click.argument("what", type=click.Choice(["environment", "workflow"]), metavar="WHAT")
@loudness
def schema(what: str) -> None:
    """Print a JSON Schema."""
    write_document(configuring.workflow_schema() if what == "workflow" else configuring.environment_schema(), "json")
