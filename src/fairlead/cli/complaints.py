"""Errors on their way to people: in words, on stderr, never as a traceback of ours.

Imports no click, and chooses no exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fairlead.cli.text import Span, colour_wanted, paint

__all__ = ["complain", "confess"]


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
