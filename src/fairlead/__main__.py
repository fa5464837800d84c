"""Where `fairlead` and `python -m fairlead` start: answers the cheap questions, passes on the rest.

Nothing is imported here that `fairlead --help` does not need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line (without the program's name), and give its exit code."""
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that knows no `✓` gets an escape, not a UnicodeEncodeError of ours.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has had enough (`| head`); that is no failure. The descriptor is pointed
        # elsewhere because Python would complain when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else "--help"
    if first in ("-h", "--help") or words == ["help"]:
        from fairlead.cli.commands import overview

        sys.stdout.write(overview())
        return 0
    if first in ("-V", "--version"):
        from fairlead import __version__

        sys.stdout.write(f"fairlead {__version__}\n")
        return 0
    if first == "_drive":
        return _drive(words[1:])
    from fairlead.cli.entry import invoke

    return invoke(words)


def _drive(words: list[str]) -> int:
    """Be the driver process of a detached run; what it says goes to that run's `driver.log`."""
    from fairlead.api.launch import drive
    from fairlead.errors import FairleadError

    try:
        return drive(words)
    except FairleadError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
