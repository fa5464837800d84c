"""Where results go: pages and documents to stdout, talk to stderr. No page is laid out here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from fairlead.cli.text import Line, Span, colour_wanted, paint, terminal_width
from fairlead.cli.wanted import Form

__all__ = [
    "aside",
    "dumps",
    "nobody_reads",
    "page_width",
    "say",
    "write_document",
    "write_documents",
    "write_page",
    "write_text",
]


def dumps(document: Any, *, pretty: bool) -> str:
    """Write one document as JSON, with its line end."""
    import json  # most commands write none, most of the time

    separators = None if pretty else (",", ":")
    indent = 2 if pretty else None
    return json.dumps(document, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False) + "\n"


def page_width() -> int | None:
    """Columns that a page may take; None off a terminal, where nothing is cut."""
    return terminal_width(sys.stdout) if sys.stdout.isatty() else None


def nobody_reads() -> bool:
    """Whether whoever was to read stdout or stderr has gone (`| head`)."""
    import select

    gone = select.POLLERR | select.POLLHUP
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        try:
            poll.register(stream.fileno(), gone)
        except (OSError, ValueError):
            continue  # closed, or no file at all: nobody can leave it
    return any(event & gone for _, event in poll.poll(0))


@contextmanager
def aside() -> Iterator[None]:
    """Send what the user's own code prints to stderr, where stdout is for a program to read.

    On a terminal both are the same place, and a debugger wants the real one.
    """
    if sys.stdout.isatty():
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


def write_page(lines: Iterable[Line]) -> None:
    """Write a page for people to stdout."""
    write_text(paint(lines, colour=colour_wanted(sys.stdout)))


def write_document(document: Any, form: Form) -> None:
    """Write one document for programs to stdout."""
    write_text(dumps(document, pretty=form == "json"))


def write_documents(documents: Sequence[Any], form: Form) -> None:
    """Write many documents: as one list, or one to a line."""
    if form == "json":
        write_document(documents, form)
    else:
        write_text("".join(dumps(document, pretty=False) for document in documents))


def write_text(text: str) -> None:
    """Write text to stdout as it is."""
    sys.stdout.write(text)


def say(lines: Iterable[Line | str]) -> None:
    """Say something on stderr, after what stands on stdout."""
    sys.stdout.flush()
    spans = [[Span(line)] if isinstance(line, str) else line for line in lines]
    sys.stderr.write(paint(spans, colour=colour_wanted(sys.stderr)))
    sys.stderr.flush()
