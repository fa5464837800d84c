"""The image of a project: what goes into it, and having the engine build it.

Nothing here runs a workflow; what an image must have for that, is checked when it is used.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from fairlead import __version__
from fairlead.config.environment import Environment, EnvironmentLike, load
from fairlead.config.registry import missing, options_of, plugin, type_of
from fairlead.errors import ConfigurationError, DefinitionError, NotFound
from fairlead.executors.container.context import Project, archive, digest, project_files
from fairlead.executors.container.dockerfile import PROJECT, Recipe, dockerfile
from fairlead.executors.container.wheel import own_wheel

__all__ = ["Package", "Wishes", "build", "package_of", "write"]

_MOST = 8
"""Names in one note."""

LARGE = 200 << 20
"""Bytes of a project beyond which somebody may have forgotten a `.dockerignore`."""

_SOURCES = (".py", ".yaml", ".yml", ".ipynb")
"""What may hold several workflows, all of which the image will have."""

_MARKS = "pyproject.toml", "requirements.lock", "requirements.txt", "setup.py", ".fairlead", ".git"
_UNREAD = {"uv.lock": "uv export -o requirements.lock", "poetry.lock": "poetry export -o requirements.lock"}
"""Locks that pip does not read, and what writes one that it does."""


class Wishes(NamedTuple):
    """How an image is to be."""

    tag: str | None = None
    """Its name; otherwise the project's, with a tag made of its contents."""
    base: str | None = None
    """The image to begin with; otherwise the official one of this Python."""
    wheels: Path | None = None
    """A folder of wheels that everything is installed from, in place of an index."""
    extras: Sequence[str] = ()
    """Of Fairlead, beside those that the environment's artifacts and secrets need."""


class Package(NamedTuple):
    """What an image is made of."""

    tag: str
    settled: bool
    """The tag stands for the contents: an image that has it needs no building."""
    dockerfile: str
    files: Mapping[str, Path | bytes]
    """Everything else of the context, by the path in it."""
    notes: Sequence[str]

    def pack(self, into: IO[bytes]) -> None:
        """Write the whole context, as an archive."""
        archive({**self.files, "Dockerfile": self.dockerfile.encode()}, into)
        into.seek(0)


def package_of(target: str | None, env: EnvironmentLike, wishes: Wishes) -> Package:
    """Put together what the image of a project is made of.

    The project is the folder above the target's file, or else above the working directory, that has a
    `pyproject.toml` or the like. Raises DefinitionError and ConfigurationError with what is wrong.
    """
    environment = load(env)
    folder = _project_of(target)
    project = project_files(folder)
    found, hidden = _without_secrets(project.files, environment, folder)
    files: dict[str, Path | bytes] = {f"{PROJECT}/{name}": path for name, path in found.items()}
    wheel, data = own_wheel()
    files[wheel] = data
    if wishes.wheels is not None:
        files.update(_wheels(wishes.wheels))
    requirements, dependencies, notes = _needs(folder, files)
    notes += [*hidden, *_left_out(project)]
    text = dockerfile(
        Recipe(
            base=wishes.base or f"docker.io/library/python:{sys.version_info[0]}.{sys.version_info[1]}-slim",
            wheel=wheel,
            requirements=requirements,
            dependencies=dependencies,
            extras=sorted({*wishes.extras, *_extras_of(environment)}),
            wheels=wishes.wheels is not None,
            paths=[".", "src"] if (folder / "src").is_dir() else ["."],
            labels=[("fairlead.version", __version__), ("fairlead.project", _name_of(folder))],
        )
    )
    package = Package(wishes.tag or "", wishes.tag is None, text, files, notes)
    with tempfile.TemporaryFile() as packed:
        package.pack(packed)
        contents, size = digest(packed), packed.seek(0, 2)
    if size > LARGE:
        notes.append(f"the project has {size >> 20} MB of files; a '.dockerignore' leaves out what is not needed")
    return package if wishes.tag else package._replace(tag=f"{_name_of(folder)}:{contents}")


def write(package: Package, folder: Path) -> None:
    """Write the context to a new folder, for `docker build FOLDER`."""
    if folder.exists() and any(folder.iterdir()):
        raise DefinitionError(f"{folder} is not empty; name a new folder for what is written")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as packed:
        package.pack(packed)
        with tarfile.open(fileobj=packed) as tar:
            tar.extractall(folder, filter="tar")


def build(package: Package, env: EnvironmentLike, *, network: str | None = None) -> Iterator[str]:
    """Have the engine build the image; gives what it says on the way, and nothing where the image is there already.

    Raises Refused with what the engine says, where it cannot.
    """
    from fairlead.executors.container.engine import Engine
    from fairlead.executors.container.sockets import find_engine

    absent = missing("executors", "container", plugin("executors", "container"))
    if absent:
        raise ConfigurationError(absent)
    engine = Engine(find_engine(_url_of(load(env))))
    if package.settled and engine.image(package.tag) is not None:
        return
    with tempfile.TemporaryFile() as packed:
        package.pack(packed)
        yield from engine.build(packed, package.tag, dockerfile="Dockerfile", network=network)


def _project_of(target: str | None) -> Path:
    place = Path.cwd()
    if target is not None:
        name, mark, _ = target.partition(":")
        file = Path(name)
        if mark or file.suffix not in _SOURCES or not file.is_file():
            from fairlead.api.targets import load_target

            load_target(target)
        place = file.absolute().parent if file.suffix and file.exists() else place
    for folder in (place, *place.parents):
        if folder != Path.home() and any((folder / mark).exists() for mark in _MARKS):
            return folder
    return place


def _name_of(folder: Path) -> str:
    name = str(_project_table(folder).get("name") or folder.name)
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "project"


def _project_table(folder: Path) -> Mapping[str, Any]:
    file = folder / "pyproject.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    return table if isinstance(table, dict) else {}


def _needs(folder: Path, files: Mapping[str, Path | bytes]) -> tuple[list[str], list[str], list[str]]:
    """Say what the project needs: files for pip, or requirements one by one; and what is to be told of that."""
    for name in ("requirements.lock", "requirements.txt"):
        if f"{PROJECT}/{name}" in files:
            return [name], [], []
    notes = [
        f"{lock} is no lock that pip reads, and does not count; '{how}' writes one that does"
        for lock, how in _UNREAD.items()
        if (folder / lock).exists()
    ]
    dependencies = [str(one) for one in _project_table(folder).get("dependencies", ())]
    if not dependencies and not notes:
        notes.append(
            "neither requirements.txt nor pyproject.toml says what the project needs: only Fairlead is installed"
        )
    return [], dependencies, notes


def _without_secrets(
    files: Mapping[str, Path], environment: Environment, folder: Path
) -> tuple[dict[str, Path], list[str]]:
    """Leave out what the environment's secrets are read from; and say so."""
    said = environment.secrets.get("path")
    if not isinstance(said, str):
        return dict(files), []
    place = (folder / said).resolve()
    kept = {name: path for name, path in files.items() if not path.resolve().is_relative_to(place)}
    return kept, [f"{said} is left out: secrets are in it"] if len(kept) < len(files) else []


def _left_out(project: Project) -> Iterator[str]:
    """Say what is left out that somebody may miss."""
    if project.withheld:
        names = ", ".join(project.withheld[:_MOST]) + (", …" if len(project.withheld) > _MOST else "")
        yield f"left out, as there may be secrets in it: {names}; '!{project.withheld[0]}' in .dockerignore takes it in"
    if project.by_git:
        yield "what git ignores is left out; a .dockerignore would decide in its place"


def _wheels(folder: Path) -> dict[str, Path]:
    found = {f"wheels/{path.name}": path for path in sorted(folder.glob("*.whl"))} if folder.is_dir() else {}
    if not found:
        raise NotFound(f"there are no wheels in {folder}; 'pip download -d {folder} -r requirements.txt' gets them")
    return found


def _extras_of(environment: Environment) -> Iterator[str]:
    """Name the extras of Fairlead that tasks need to reach artifacts and secrets."""
    sections = [
        ("secrets", environment.secrets),
        *([("artifacts", environment.artifacts)] if environment.artifacts else []),
    ]
    for seam, settings in sections:
        if "object" in settings:
            continue
        found = plugin(seam, type_of(seam, settings))  # type: ignore[arg-type]  # two of the seams
        match = re.fullmatch(r"fairlead\[(.+)\]", found.install)
        if match:
            yield match[1]


def _url_of(environment: Environment) -> str | None:
    """The engine that the environment names, if it has an executor with one."""
    for settings in (environment.executor, *environment.executors.values()):
        if settings.get("type") == "container":
            url: str | None = options_of(plugin("executors", "container"), settings).url
            return url
    return None
