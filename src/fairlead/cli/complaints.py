"""Errors on their way to people: in words, on stderr, never as a traceback of ours.

Imports no click. Each error says with which code the command ends.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from fairlead.cli.output import nobody_reads
from fairlead.cli.text import Span, colour_wanted, paint
from fairlead.errors import FairleadError

__all__ = ["complain", "confess", "in_words"]


def in_words(work: Callable[[], int], level: Callable[[], int]) -> int:
    """Do the work of a command, and give its exit code; every error of it is told. `level`: how much of a bug."""
    try:
        return work()
    except KeyboardInterrupt:
        complain(["interrupted"])
        return 130
    except FairleadError as error:
        complain([*str(error).splitlines(), *getattr(error, "__notes__", ())])
        return error.exit_code
    except Exception as error:
        if isinstance(error, BrokenPipeError) and nobody_reads():
            raise  # and main knows
        confess(error, level())
        return 1


def complain(lines: Sequence[str]) -> None:
    """Write an error: what happened first, further lines below it."""
    first, *rest = lines or ["an error without a message"]
    page = [[Span("error: ", "bad"), Span(first)], *([Span(f"  {line}" if line[:1] != " " else line)] for line in rest)]
    sys.stderr.write(paint(page, colour=colour_wanted(sys.stderr)))


def confess(error: Exception, level: int) -> None:
    """Own up to a bug; the traceback is for those who ask for it."""
    lines = [f"a bug in Fairlead: {type(error).__name__}: {error}"]
    if level > 0:
        from traceback import format_exception

        sys.stderr.write("".join(format_exception(error)))
    else:
        lines.append("please report it, with the traceback that the same command prints with -v")
    complain(lines)
