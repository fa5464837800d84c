"""Definitions that are kept to be run later, by whoever reaches the artifact store.

A definition is the record of a run before it is one: graph, constants, parameters, code and environment,
without an id and without a time. It is kept under the digest of its bytes, and never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from fairlead.errors import ArtifactMissing, NotFound
from fairlead.model.run import Run
from fairlead.model.values import Inline, Value
from fairlead.ports import ArtifactStore
from fairlead.wire import decoder

__all__ = ["FOLDER", "as_text", "every", "keep", "read"]

FOLDER = "definitions"
"""Where in an artifact store definitions are kept."""


def keep(run: Run, artifacts: ArtifactStore) -> str:
    """Keep what a run would be made of; gives its key. What is kept already is left as it is."""
    definition = msgspec.structs.replace(run, id="", created=0.0, host="", user="", cwd="", parent="", tags=())
    data = msgspec.msgpack.encode(definition)
    key = f"{FOLDER}/{sha256(data).hexdigest()}"
    artifacts.put(key, [data])
    return key


def read(key: str, artifacts: ArtifactStore) -> Run:
    """Give a definition back; NotFound."""
    try:
        data = artifacts.get(key)
    except ArtifactMissing as error:
        raise NotFound(
            f"the artifact store has no definition {key!r}; compile it again, with the artifacts of this environment"
        ) from error
    run: Run = decoder(Run).decode(data)
    return run


def every(artifacts: ArtifactStore) -> Iterator[tuple[str, Run]]:
    """Give every definition that is kept, by key."""
    for key, _ in artifacts.list(f"{FOLDER}/"):
        yield key, read(key, artifacts)


def as_text(value: Value | None, annotation: str) -> str | None:
    """Write a parameter's value as it would be given anew; None where no text can stand for it."""
    if not isinstance(value, Inline) or value.codec != "json":
        return None
    plain: Any = msgspec.json.decode(value.data)
    return plain if isinstance(plain, str) and annotation == "str" else value.data.decode()
