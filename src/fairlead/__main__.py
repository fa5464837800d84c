"""Where `fairlead` and `python -m fairlead` start: answers the cheap questions, passes on the rest.

Nothing is imported here that `fairlead --help` does not need.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence

__all__ = ["main"]


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line (without the program's name), and give its exit code.

    None: the one that this process was started with; the process then ends here.
    """
    if words is not None:
        return _carry_out(list(words))
    # Nothing that is imported becomes garbage: to look for some takes a sixth of a command's start.
    gc.disable()
    code = _carry_out(sys.argv[1:], _imported)
    # What tasks have loaded into this process may have things to do when C's `exit` is called.
    if "fairlead.executors.in_process" not in sys.modules:
        _leave(code)
    return code


def _carry_out(words: list[str], imported: Callable[[], None] | None = None) -> int:
    """Carry it out; `imported` is called when the command is known and everything that it takes is there."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that knows no `✓` gets an escape, not a UnicodeEncodeError of ours.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(words, imported)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has had enough (`| head`); that is no failure. The descriptor is pointed
        # elsewhere because Python would complain when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _dispatch(words: list[str], imported: Callable[[], None] | None) -> int:
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
        return _drive(words[1:], imported)
    if first == "exec-node" and imported is not None:
        code = _exec_node(words[1:], imported)
        if code is not None:
            return code
    from fairlead.config.early import import_quickly, start_at_once

    if first in ("run", "resume"):
        start_at_once(words)
    if imported is not None:
        import_quickly()
    if first == "run":
        from fairlead.cli.quick import run_quickly, understood

        plain = understood(words[1:])
        if plain is not None:
            return run_quickly(plain, imported)
    from fairlead.cli.entry import invoke

    return invoke(words, imported)


def _exec_node(words: list[str], imported: Callable[[], None]) -> int | None:
    """Be the process of a task, and end with it; None where the words must be looked at more closely."""
    from fairlead.config.early import import_quickly

    import_quickly()
    if words[1:2] and words[1].startswith("@"):
        from fairlead.config.control import carry_out as steer

        imported()
        return steer(words)
    from fairlead.config.exec_node import carry_out, understood

    wanted = understood(words)
    if wanted is None:
        return None
    imported()
    code = carry_out(wanted)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # threads that the task has left behind end with it


def _drive(words: list[str], imported: Callable[[], None] | None) -> int:
    """Be the driver process of a detached run; what it says goes to that run's `driver.log`."""
    from fairlead.api.launch import drive
    from fairlead.errors import FairleadError

    if imported is not None:
        imported()
    try:
        return drive(words)
    except FairleadError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _imported() -> None:
    """From here on garbage is looked for, among what comes now."""
    gc.freeze()
    gc.enable()


def _leave(code: int) -> None:
    """End the process without taking everything in it apart, which takes longer than most commands."""
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        stores = sys.modules.get("fairlead.config.services")
        if stores is not None:
            stores.close_all()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
