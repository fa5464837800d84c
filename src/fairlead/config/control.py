"""`exec-node RUN @open` and its like: what an orchestrator asks for around the tasks of a run.

`@open` makes the run from its stored definition, `@plan`, `@choose` and `@again` say how a block goes on,
`@join` says how a map went as a whole, and `@close` works out how the run ended. Each writes what it found
to files in the folder `--control`, one for each fact.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import time

import msgspec

from fairlead.config.environment import Environment, load
from fairlead.config.exec_store import RecordedFacts
from fairlead.config.services import Services, close_alone, look_services, open_alone
from fairlead.engine import definitions
from fairlead.engine.control import NotYet, ending, find_block
from fairlead.errors import ConfigurationError, DefinitionError, FairleadError, NotFound, RunExists, StoreError
from fairlead.model.run import FINAL, Run
from fairlead.model.values import Value
from fairlead.node.order import FAILED, LOST, SUCCEEDED
from fairlead.ports import Commit

__all__ = ["STEPS", "carry_out", "steer"]

_TEXTS = ("--env", "--definition", "--uid", "--control", "--status")

STEPS = ("@open", "@plan", "@choose", "@again", "@join", "@close")


class Asked(msgspec.Struct):
    """What a command line asks for."""

    run: str
    step: str
    path: str = ""
    env: str | None = None
    definition: str = ""
    """Key of the stored definition (`@open`)."""
    uid: str = ""
    """What tells this run of the orchestrator from all others (`@open`)."""
    parameters: dict[str, str] = {}
    control: str = ""
    chunk: int = 1
    status: str = ""
    """How the orchestrator says that it went (`@close`)."""


def carry_out(words: Sequence[str]) -> int:
    """Do what a command line asks for, in a process that is there for it alone; gives the exit code."""
    if not sys.flags.safe_path:
        del sys.path[0]  # where this command was started or is kept: no place for what values need
    try:
        return steer(words)
    finally:
        close_alone()


def steer(words: Sequence[str]) -> int:
    """Do what a command line asks for; gives the exit code.

    0; 2 and 3, where the words or what they name make no sense; 20 (it will not work), 75 (it may later).
    """
    try:
        asked = _understood(words)
        services = _services(load(asked.env))
        if asked.step == "@open":
            return _open(asked, services)
        if asked.step == "@close":
            return _close(asked, services)
        return _block(asked, services)
    except (NotYet, StoreError) as error:
        return _told(error, LOST)
    except FairleadError as error:
        return _told(error, error.exit_code if isinstance(error, (DefinitionError, NotFound)) else FAILED)


def _services(environment: Environment) -> Services:
    """Open what runs are kept in; a container has no folder of ours, and need not be able to make one where it is."""
    return look_services(environment) or open_alone(environment)


def _told(error: FairleadError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _understood(words: Sequence[str]) -> Asked:
    plain: list[str] = []
    asked = Asked("", "")
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word == "--":
            plain.extend(left)
        elif word.startswith("-"):
            _take(asked, name, value if equals else next(left, ""), words)
        else:
            plain.append(word)
    wanted = 2 if plain[1:2] in (["@open"], ["@close"]) else 3
    if len(plain) != wanted or plain[1] not in STEPS:
        raise ConfigurationError(
            f"exec-node {' '.join(words)}: say RUN, one of {', '.join(STEPS)}, and what it is about"
        )
    if plain[1] == "@open" and not asked.definition:
        raise ConfigurationError(f"exec-node {' '.join(words)}: say --definition, the key that the run is opened from")
    asked.run, asked.step, asked.path = plain[0], plain[1], plain[2] if wanted == 3 else ""
    return asked


def _take(asked: Asked, name: str, value: str, words: Sequence[str]) -> None:
    """Take in one option."""
    if name == "-p":
        key, equals, text = value.partition("=")
        if not equals:
            raise ConfigurationError(f"-p {value}: say NAME=VALUE")
        asked.parameters[key] = text
    elif name in _TEXTS:
        setattr(asked, name[2:], value)
    elif name == "--chunk":
        if not value.isdecimal() or not int(value):
            raise ConfigurationError(f"--chunk {value}: say how many items one process runs, from 1 on")
        asked.chunk = int(value)
    else:
        raise ConfigurationError(f"exec-node {' '.join(words)}: there is no option {name!r}")


# --- the beginning --------------------------------------------------------------------------------


def _open(asked: Asked, services: Services) -> int:
    """Make the run, unless it is there already: the step may be tried again."""
    store = services.store
    tags = (f"of:{asked.uid}",) if asked.uid else ()
    definition = definitions.read(asked.definition, services.artifacts)
    run = msgspec.structs.replace(
        definition,
        id=asked.run,
        created=time(),
        parameters=_parameters(asked, definition, services),
        tags=tags,
        host=os.uname().nodename,
    )
    try:
        store.create(run)
    except RunExists:
        if store.get(run.id).tags != tags:
            raise ConfigurationError(
                f"there is a run {run.id!r} already, which is another one; start this one under another name"
            ) from None
    summary = store.summary(run.id)
    if summary.status in FINAL or summary.status == "elsewhere":
        return SUCCEEDED
    epoch = summary.epoch or store.open(run.id, time())
    store.append(run.id, epoch, Commit([], status="elsewhere", at=time()))
    return SUCCEEDED


def _parameters(asked: Asked, definition: Run, services: Services) -> dict[str, Value]:
    """Take in what was given anew; what is as it was keeps its value, to the bit."""
    from fairlead.config.given import understood  # few firings give any

    found = dict(definition.parameters)
    known = {one.name: one.annotation for one in definition.workflow.parameters}
    for name, text in asked.parameters.items():
        if name not in known:
            raise ConfigurationError(f"the workflow has no parameter {name!r}; it has {', '.join(known)}")
        if text != definitions.as_text(found.get(name), known[name]):
            value = understood(name, text, known[name])
            found[name] = services.values().encode(value, hint="values", files=False)
    return found


# --- in between -----------------------------------------------------------------------------------


def _block(asked: Asked, services: Services) -> int:
    """Look how a block goes on, and record the answer where a value had to be read for that."""
    run = services.store.get(asked.run)
    epoch = services.store.summary(asked.run).epoch
    facts = RecordedFacts(services.store, run.id)
    path, index = asked.path, -1
    if asked.step == "@again":
        path, _, number = asked.path.removesuffix("]").rpartition("[")
        if not number.isdecimal():
            raise ConfigurationError(f"@again {asked.path}: say after which time round, as in 'tune[0]'")
        index = int(number)
    find = partial(find_block, run, facts, path, epoch=epoch, index=index, whole=asked.step == "@join")
    block = find()
    if block.question is not None:
        from fairlead.node.code import install

        install(run.code, services.artifacts)
        fact = block.answer(services.values(), run, epoch)
        services.store.append(run.id, epoch, Commit([fact]))
        if fact.failure is not None:
            raise FairleadError(fact.failure.message)
        block = find()
    if asked.step == "@plan":
        return _tell(asked, count=str(-(-block.size // asked.chunk)))
    if asked.step == "@choose":
        return _tell(asked, branch=block.branch)
    if asked.step == "@again":
        return _tell(asked, again="true" if block.goes_on(index) else "false", next=str(index + 1))
    if not block.good:
        raise FairleadError(f"{path!r} has not succeeded: too many of its items failed")
    return SUCCEEDED


def _tell(asked: Asked, **facts: str) -> int:
    """Write facts where the orchestrator reads them."""
    for name, text in facts.items():
        print(f"{asked.path}: {name} is {text}")
        if asked.control:
            folder = Path(asked.control)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return SUCCEEDED


# --- the end --------------------------------------------------------------------------------------


def _close(asked: Asked, services: Services) -> int:
    """Close the run by what is recorded of it; fails where the orchestrator thinks better of it."""
    store = services.store
    run, summary = store.get(asked.run), store.summary(asked.run)
    status, missing = summary.status, list[str]()
    if status not in FINAL:
        asked_to = store.cancel_asked(run.id)
        end = ending(run, store.attempts(run.id), epoch=summary.epoch, cancelled=asked_to)
        store.append(run.id, summary.epoch, end.commit)
        status, missing = end.status, end.missing
    print(f"{run.id} has {status}" if status != "cancelled" else f"{run.id} was stopped")
    if missing:
        print(f"no end is recorded of {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}", file=sys.stderr)
    if asked.status == "Succeeded" and status != "succeeded":
        raise FairleadError(f"the orchestrator says that {run.id!r} succeeded, and the records say {status}")
    return SUCCEEDED
