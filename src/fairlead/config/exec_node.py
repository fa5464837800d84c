"""`exec-node`: one task run in a process of its own, wherever that is. What executors and orchestrators call.

Where this process is put together for an order, and where its words are understood without click: a
trivial task is to cost little more than Python's own start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from fairlead.config.benches import open_bench
from fairlead.engine.requirements import unlike
from fairlead.errors import ConfigurationError, FairleadError, RunBusy, StoreError
from fairlead.executors.processes import children_from_now_on
from fairlead.node.capture import FileLog
from fairlead.node.ending import Ending
from fairlead.node.execute import Log
from fairlead.node.order import CANCELLED, LOST, Order, exit_code, stopped, unopened
from fairlead.node.streams import StreamLog
from fairlead.ports import Brief, Job

__all__ = ["Wanted", "carry_out", "run_order", "understood"]

_OPTIONS = {"--order", "--log", "--env", "--attempt", "--retry", "--chunk"}
_NUMBERS = {"attempt", "retry", "chunk"}


class Wanted(NamedTuple):
    """What a command line of `exec-node` asks for."""

    run: str
    path: str
    order: str = ""
    """Folder of an order; empty: the environment's run store has all there is to know."""
    log: str = ""
    """File to put an order's output in; empty: it stays where it goes."""
    env: str = ""
    """The environment whose store has the run: its name, its file, or all of it as JSON."""
    attempt: int = 0
    """Number of the attempt; 0: the next one, or one that has begun and not ended."""
    retry: int = 0
    """How often whoever starts this has started it before; for people, the store knows better."""
    chunk: int = 1
    """How many items of a map are run, from one on: `train[2]` by 50 is `train[100]` and those after it."""


def understood(words: Sequence[str]) -> Wanted | None:
    """Understand a command line; None: somebody else is to say what is wrong with it."""
    plain: list[str] = []
    options: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word == "--":
            plain.extend(left)
        elif name in _OPTIONS:
            options[name[2:]] = value if equals else next(left, "")
        elif word.startswith(("-", "@")):
            return None
        else:
            plain.append(word)
    for name in _NUMBERS & options.keys():
        if not options[name].isdecimal():
            return None
        options[name] = int(options[name])
    if len(plain) != 2 or options.get("chunk") == 0 or ("log" in options and "order" not in options):
        return None
    return Wanted(plain[0], plain[1], **options)


def carry_out(wanted: Wanted) -> int:
    """Do what a command line asks for, in a process that is there for it alone; gives the exit code."""
    if not sys.flags.safe_path:
        del sys.path[0]  # where this command was started or is kept: no place for a task's imports
    _close_input()
    try:
        if wanted.order:
            return run_order(wanted)
        from fairlead.config.exec_store import run_recorded
        from fairlead.config.services import close_alone

        try:
            return run_recorded(wanted.run, wanted.path, env=wanted.env, attempt=wanted.attempt, chunk=wanted.chunk)
        finally:
            close_alone()
    except FairleadError as error:
        _complain(error)
        return LOST if isinstance(error, StoreError) and not isinstance(error, RunBusy) else error.exit_code


def _complain(error: FairleadError) -> None:
    """Say why, where this process was started: by now, its streams may be its tasks'."""
    process = sys.modules.get("fairlead.config.exec_process")
    if process is not None:
        process.complain(f"error: {error}")
    else:
        print(f"error: {error}", file=sys.stderr)


def run_order(wanted: Wanted) -> int:
    """Run the jobs of an order, and hand their records back; gives the exit code."""
    order = Order(wanted.order)
    if order.brief.run != wanted.run:
        raise ConfigurationError(f"the order in {wanted.order!r} is one of run {order.brief.run!r}, not {wanted.run!r}")
    if order.left:
        order.brief.scratch = _scratch(order)
        end_children = children_from_now_on()

        def give_up() -> None:
            try:
                order.fill(stopped)
            finally:
                end_children()
                os._exit(CANCELLED)

        ending = Ending(give_up)
        ending.watch()
        _run(order, _log(wanted, order.brief), ending)
        ending.close()
        end_children()
    return exit_code(list(order.records.values()))


def _run(order: Order, log: Log, ending: Ending) -> None:
    sets_env = not _one_environment(order.brief, order.jobs)
    try:
        _refuse_unmounted(order.brief)
        _refuse_swept(order.brief, order.jobs)
        bench = open_bench(order.brief, log, sets_env=sets_env)
    except Exception as error:  # noqa: BLE001  # whatever it is, the driver is to hear of it
        from fairlead.node.failure import Teller

        order.fill(partial(unopened, error=error, teller=Teller(order.brief.code.root)))
    else:
        order.run(bench, ending, unlike(order.brief.code))


def _one_environment(brief: Brief, jobs: Sequence[Job]) -> bool:
    """Set the variables of the jobs' tasks for good where they all want the same: some are read by imports."""
    wanted = [brief.tasks[job.task].env_vars for job in jobs]
    if any(one != wanted[0] for one in wanted):
        return False
    os.environ.update(wanted[0])
    return True


def _refuse_unmounted(brief: Brief) -> None:
    """A folder of artifacts that is not there must not be made here: nobody else would see it."""
    url = str(brief.artifacts.get("url", "memory://")).removeprefix("file://")
    if "section" not in brief.artifacts and "://" not in url and not os.path.isdir(url):  # noqa: PTH112 - slow import
        raise StoreError(
            f"the folder of the run's artifacts, {url!r}, is not there; mount it where tasks run, or name a store that "
            "can be reached from there under 'artifacts'"
        )


def _refuse_swept(brief: Brief, jobs: Sequence[Job]) -> None:
    """Secrets that a driver has handed over do not outlive it; where they are gone, the task is not to blame."""
    if not brief.secrets.get("handed"):
        return
    folder = brief.secrets["section"]["path"]
    wanted = dict.fromkeys(name for job in jobs for name in brief.tasks[job.task].secrets)
    missing = [name for name in wanted if not os.path.exists(f"{folder}/{name}")]  # noqa: PTH110 - slow import
    if missing:
        raise StoreError(
            f"the driver that handed over the secrets {', '.join(map(repr, missing))} is gone, and so are they"
        )


def _scratch(order: Order) -> str:
    """Give a folder for what is temporary: the run's own, or one in the order where that cannot be made."""
    for folder in (order.brief.scratch, f"{order.folder}/scratch"):
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - pathlib is a slow import
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise StoreError(f"neither {order.brief.scratch!r} nor {order.folder!r} can be written to")


def _log(wanted: Wanted, brief: Brief) -> Log:
    if not wanted.log:
        return StreamLog()
    name = os.path.relpath(wanted.log, brief.scratch)
    return FileLog(wanted.log, os.path.basename(wanted.log) if name.startswith("..") else name)  # noqa: PTH119 - slow


def _close_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
