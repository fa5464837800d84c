"""`gc` and `doctor`: keeping the store small, and finding out why something does not work."""

from __future__ import annotations

import click

from fairlead.api import collect, diagnose
from fairlead.cli.options import Command, Form, environment, form, loudness
from fairlead.cli.output import page_width, say, write_document, write_documents, write_page
from fairlead.cli.pages.keeping import diagnosis_page, removal_page
from fairlead.cli.spans import seconds
from fairlead.model.words import plural, size

__all__ = ["doctor", "gc"]


@click.command(
    cls=Command,
    help="Remove runs that ended long ago, and the values, files and logs that only they need. Without --yes it only"
    " tells what it would remove. What a later run has reused is kept for it.",
    examples=(
        "fairlead gc --older-than 30d         tell what would go",
        "fairlead gc --older-than 30d --yes   let it go",
    ),
)
@click.option(
    "--older-than",
    metavar="AGE",
    required=True,
    help="Runs that ended so long ago: 30d, 12h, 2w (--older-than 30d).",
)
@click.option("--yes", is_flag=True, help="Do it; otherwise it is only told (--yes).")
@environment
@form
@loudness
def gc(older_than: str, yes: bool, env: str | None, form: Form) -> None:
    """Remove old runs."""
    found = collect(seconds(older_than), yes=yes, env=env)
    what = f"{plural(len(found.runs), 'run')} and {plural(found.artifacts, 'artifact')} ({size(found.size)})"
    if form != "table":
        runs = [{"id": run.id, "workflow": run.workflow, "status": run.status} for run in found.runs]
        write_document({"removed": yes, "runs": runs, "artifacts": found.artifacts, "size": found.size}, form)
        return
    write_page(removal_page(found.runs, width=page_width()))
    if not found.runs and not found.artifacts:
        say([f"nothing here is older than {older_than} and not needed"])
    else:
        say([f"removed {what}" if yes else f"{what} would go; --yes removes them"])


@click.command(
    cls=Command,
    help="Check that Fairlead can work here: Python, the .fairlead folder, the store, the lock that tells a dead"
    " driver, processes, space on the disk. Exits with 4 if something is wrong.",
    examples=("fairlead doctor           each check, with what to do", "fairlead doctor -o json   for a bug report"),
)
@environment
@form
@loudness
def doctor(env: str | None, form: Form) -> int:
    """Check that Fairlead can work here."""
    found = diagnose(env)
    if form == "table":
        write_page(diagnosis_page(found, width=None))
    else:
        write_documents([{"name": name, "ok": ok, "text": text} for name, ok, text in found], form)
    return 0 if all(ok for _, ok, _ in found) else 4
