"""A named configuration: where and how workflows run, as objects that Python and files make alike.

Opens nothing. What a name means is `finding.py`'s business, what a file says `reading.py`'s, what
its settings mean `understanding.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fairlead.config.finding import BUILT_IN, Found, find
from fairlead.errors import ConfigurationError

if TYPE_CHECKING:
    from fairlead.config.documents import Document, Spot

__all__ = ["BUILT_IN", "Durability", "Environment", "EnvironmentLike", "default", "load"]

Durability: TypeAlias = Literal["grouped", "each"]
CodeFrom: TypeAlias = Literal["bundle", "image"]

Section: TypeAlias = "str | Mapping[str, Any] | object"
"""A name, a mapping with `type` and settings, or a living object."""


class Environment:
    """Where and how a workflow runs.

    Takes what an environment file says, in the same words, and checks it in the same way. Relative
    paths are relative to the folder that `.fairlead` is in.
    """

    __slots__ = (
        "_document",
        "artifacts",
        "code",
        "codecs",
        "components",
        "durability",
        "executor",
        "executors",
        "name",
        "observers",
        "orchestrator",
        "parameters",
        "secrets",
        "source",
        "store",
        "tasks",
    )

    name: str
    executor: dict[str, Any]
    """`type` and settings of what runs tasks."""
    executors: dict[str, dict[str, Any]]
    """Further executors, for the tasks that patches give them."""
    orchestrator: dict[str, Any]
    """`type` and settings of who takes whole workflows; empty: nobody does."""
    store: dict[str, Any]
    """`type` and settings of what keeps runs."""
    artifacts: dict[str, Any]
    """`url` and settings of what keeps values; empty: beside the runs."""
    secrets: dict[str, Any]
    """`type` and settings of where secrets come from."""
    observers: list[dict[str, Any]]
    """`type` and settings of those who are told what happens."""
    codecs: list[dict[str, Any]]
    """`type` and settings of what keeps values that JSON would change, in the order in which they are asked."""
    components: dict[str, Any]
    """Which class fills which role, as written."""
    parameters: dict[str, Any]
    """Values for workflow parameters that are given nowhere else, as written."""
    tasks: list[dict[str, dict[str, Any]]]
    """Patches of tasks by pattern, in layers: `config.patches` reads them."""
    code: CodeFrom
    """Whether the project's files travel with a run, or are where its tasks run already."""
    durability: Durability
    source: str
    """The file that it comes from; empty for what is built in or made in Python."""

    def __init__(  # noqa: PLR0913 - the keys of an environment file, all keyword-only
        self,
        *,
        name: str = "",
        extends: str | Path | Environment | Sequence[str | Path | Environment] | None = None,
        executor: Section | None = None,
        executors: Mapping[str, Section] | None = None,
        orchestrator: Section | None = None,
        store: Section | None = None,
        artifacts: str | Path | Mapping[str, Any] | object | None = None,
        secrets: Section | None = None,
        observers: Section | Sequence[Section] | None = None,
        codecs: Section | Sequence[Section] | None = None,
        components: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        tasks: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Mapping[str, Any]]] | None = None,
        code: CodeFrom | None = None,
        durability: Durability | None = None,
    ) -> None:
        """Raises ConfigurationError with everything that is wrong."""
        from fairlead.config.documents import Document

        said = {
            "extends": extends,
            "executor": executor,
            "executors": executors,
            "orchestrator": orchestrator,
            "store": store,
            "artifacts": artifacts,
            "secrets": secrets,
            "observers": observers,
            "codecs": codecs,
            "components": components,
            "parameters": parameters,
            "tasks": tasks,
            "code": code,
            "durability": durability,
        }
        document = Document({key: value for key, value in said.items() if value is not None})
        self._settle(document, name, "")

    @classmethod
    def load(cls, name: str | Path | Environment | None = None, *, beside: Path | None = None) -> Environment:
        """Find an environment; see `load` of this module."""
        return load(name, beside=beside)

    @staticmethod
    def list() -> Sequence[str]:
        """Name every environment that can be had from the working directory."""
        from fairlead.config.finding import every

        return [found.name for found in every()]

    def save(self, name: str) -> Path:
        """Keep it under a name, for this user in every directory; gives the file.

        What was written as `${…}` is kept so. Raises ConfigurationError for one with living objects.
        """
        from fairlead.config.saved import save

        return save(name, self)

    # --- as others need it ------------------------------------------------------------------------

    @property
    def written(self) -> dict[str, Any]:
        """What was written, laid over its bases, with every `${…}` unexpanded."""
        return self._document.data

    def place(self, *keys: str | int) -> Spot | None:
        """Where a setting was written (`file:line:column` as text), or else what it stands in.

        `place("components", "trainer", "settings", "depth")`; None where no file says it.
        """
        return self._document.place(keys)

    def replace(self, **changes: Any) -> Environment:
        """Give a copy with other sections, whole."""
        from fairlead.config.documents import Document

        data = {key: value for key, value in self.written.items() if key not in changes}
        document = Document({**data, **changes}, self._document.places, self._document.source)
        return _made(document, self.name, self.source)

    def record(self) -> dict[str, Any]:
        """Give it as data, for the record of a run and for another process: `${…}` unexpanded.

        Observers and codecs that are objects of this process are left out: a run goes on without them.
        """
        written = self.written
        for key, listed in (("observers", self.observers), ("codecs", self.codecs)):
            if any("object" in one for one in listed):
                written = {**written, key: [one for one in written[key] if "object" not in one]}
        return {"name": self.name, **({"source": self.source} if self.source else {}), **_plain(written)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, patches: bool = True) -> Environment:
        """Make it again from what `record` gave; `${…}` is taken from this process's environment.

        `patches=False`: for a recorded run, whose graph has them in it.
        """
        from fairlead.config.documents import Document

        left_out = ("name", "source") if patches else ("name", "source", "tasks")
        data = {key: value for key, value in record.items() if key not in left_out}
        source = str(record.get("source", ""))
        return _made(Document(data, source=source), str(record.get("name", "")), source)

    @property
    def living(self) -> Sequence[str]:
        """Name the sections that are living objects of this process."""
        sections = [("executor", self.executor), ("store", self.store), ("artifacts", self.artifacts)]
        sections += [("orchestrator", self.orchestrator)]
        sections += [("secrets", self.secrets), *((f"executors.{key}", one) for key, one in self.executors.items())]
        sections += [(f"observers[{place}]", one) for place, one in enumerate(self.observers)]
        sections += [(f"codecs[{place}]", one) for place, one in enumerate(self.codecs)]
        return [name for name, settings in sections if "object" in settings]

    def _settle(self, document: Document, name: str, source: str) -> None:
        """Lay it over its bases, expand and check it."""
        from fairlead.config.extending import settled

        whole, data = settled(document, Path(source).parent if source else None)
        self._fill(whole, data, name, source)

    def _fill(self, document: Document, data: dict[str, Any], name: str, source: str) -> None:
        self._document = document
        self.executor = data.get("executor") or {"type": "local"}
        self.executors = data.get("executors", {})
        self.orchestrator = data.get("orchestrator", {})
        self.store = data.get("store") or {"type": "sqlite"}
        self.artifacts = data.get("artifacts", {})
        self.secrets = data.get("secrets") or {"type": "env"}
        self.observers = data.get("observers", [])
        self.codecs = data.get("codecs", [])
        self.components = data.get("components", {})
        self.parameters = data.get("parameters", {})
        self.tasks = data.get("tasks", [])
        self.code = data.get("code", "bundle")
        self.durability = data.get("durability", "grouped")
        self.name = name or str(self.executor["type"])
        self.source = source

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Environment):
            return NotImplemented
        return all(getattr(self, key) == getattr(other, key) for key in self.__slots__ if key != "_document")

    __hash__ = None  # type: ignore[assignment]  # equal by what it says, and that may be a list

    def __repr__(self) -> str:
        return f"<Environment {self.name}: {self.executor['type']}{f', from {self.source}' if self.source else ''}>"


EnvironmentLike: TypeAlias = str | Path | Environment | None


def _made(document: Document, name: str, source: str) -> Environment:
    environment = Environment.__new__(Environment)
    environment._settle(document, name, source)
    return environment


def _built_in(name: str) -> Environment:
    """Make one that needs no file: the way of every run that names none, and so without any detour."""
    from fairlead.config.documents import Document

    data = {"executor": {"type": name}}
    environment = Environment.__new__(Environment)
    environment._fill(Document(data), data, name, "")
    return environment


def _plain(value: Any) -> Any:
    """Give settings as data: a living object is in another process no more than its name."""
    import msgspec

    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items() if key != "object" or isinstance(inner, str)}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"  # what stands in for a task
    return msgspec.to_builtins(value, enc_hook=_named)


def _named(value: Any) -> str:
    """Give the name of what cannot be written down."""
    module, name = getattr(value, "__module__", ""), getattr(value, "__qualname__", "")
    return f"{module}:{name}" if module and name else repr(value)


def load(wanted: EnvironmentLike = None, *, beside: Path | None = None) -> Environment:
    """Find and read an environment.

    None means what the process environment's `FAIRLEAD_ENV` says, and without it `local`. Where a
    name is looked up, `finding.find` says; a text that begins with `{` is a whole
    environment as JSON. Raises NotFound, naming the nearest, and ConfigurationError with every problem of the file.
    """
    import os

    if isinstance(wanted, Environment):
        return wanted
    if wanted is None and _defaults:
        return _defaults[-1]
    name = str(wanted or os.environ.get("FAIRLEAD_ENV") or "local")
    return _written(name) if name.startswith("{") else _read(find(name, beside))


def _written(text: str) -> Environment:
    """Make an environment of its whole text as JSON, as containers have it, which have no file."""
    import msgspec

    try:
        return Environment.from_record(msgspec.json.decode(text, type=dict[str, Any]))
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"an environment that begins with '{{' is JSON, and this is none: {error}") from error


_defaults: list[Environment] = []


@contextmanager
def default(environment: Environment) -> Iterator[None]:
    """Have this environment be meant where none is named."""
    _defaults.append(environment)
    try:
        yield
    finally:
        _defaults.remove(environment)


def _read(found: Found) -> Environment:
    if found.path is None:
        return _built_in(found.name)
    from fairlead.config.reading import read

    return _made(read(found.path, found.table), found.name, found.source)
