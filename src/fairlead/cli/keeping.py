"""`gc` and `doctor`: keeping the store small, and finding out why something does not work."""

from __future__ import annotations

import click

from fairlead.api import collect, diagnose
from fairlead.cli.options import Command, Form, environment, form, loudness
from fairlead.cli.output import page_width, say, write_document, write_documents, write_page
from fairlead.cli.pages.keeping import diagnosis_page, removal_page
from fairlead.cli.spans import amount, seconds
from fairlead.model.words import plural, size

__all__ = ["doctor", "gc"]


@click.command(
    cls=Command,
    help="Remove runs that have ended, and the values, files and logs that only they need: those that are old, all but"
    " the newest, or the oldest until the rest is small enough. Without --yes it only tells what it would remove. What"
    " another run needs is kept for it, and runs that are going on are left alone.",
    examples=(
        "fairlead gc --older-than 30d             tell what would go",
        "fairlead gc --older-than 30d --yes       let it go",
        "fairlead gc --older-than 30d --keep 5    but never the newest five of a workflow",
        "fairlead gc --max-size 10GiB             the oldest runs, until the artifacts of the others fit",
    ),
)
@click.option("--older-than", metavar="AGE", help="Runs that ended so long ago: 30d, 12h, 2w (--older-than 30d).")
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(min=0),
    help="Leave the newest N runs of each workflow; alone, it removes all others (--keep 20).",
)
@click.option(
    "--max-size", metavar="SIZE", help="The oldest, until the artifacts of the others take no more (--max-size 10GiB)."
)
@click.option("--yes", is_flag=True, help="Do it; otherwise it is only told (--yes).")
@environment
@form
@loudness
def gc(older_than: str | None, keep: int | None, max_size: str | None, yes: bool, env: str | None, form: Form) -> None:
    """Remove old runs."""
    if older_than is None and keep is None and max_size is None:
        raise click.UsageError("say which runs may go: --older-than 30d, --keep 20 or --max-size 10GiB")
    found = collect(
        None if older_than is None else seconds(older_than),
        keep=keep,
        max_size=None if max_size is None else amount(max_size),
        yes=yes,
        env=env,
    )
    what = f"{plural(len(found.runs), 'run')} and {plural(found.artifacts, 'artifact')} ({size(found.size)})"
    if form != "table":
        runs = [{"id": run.id, "workflow": run.workflow, "status": run.status} for run in found.runs]
        write_document({"removed": yes, "runs": runs, "artifacts": found.artifacts, "size": found.size}, form)
        return
    write_page(removal_page(found.runs, width=page_width()))
    if not found.runs and not found.artifacts:
        say(["nothing here may go: runs and values are too new, too few, or needed"])
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
