"""What goes into an image of a project: its files, without those that nobody needs there, as one archive.

The same files give the same bytes, whoever packs them and when.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import IO, NamedTuple

from fairlead.executors.container.ignoring import GitIgnored, Ignored

__all__ = ["ALWAYS", "SECRET", "Project", "archive", "digest", "project_files"]

ALWAYS = (
    "**/.fairlead",
    "**/.git",
    "**/.hg",
    "**/__pycache__",
    "**/*.pyc",
    "**/.venv",
    "**/venv",
    "**/.venvs",
    "**/node_modules",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.ipynb_checkpoints",
    "**/.DS_Store",
)
"""Left out whatever a `.dockerignore` says, unless it takes them back in: `!venv`."""

SECRET = (
    *("**/.env", "**/.env.*", "**/*.env", "**/.envrc", "**/.secrets", "**/secrets.toml"),
    *("!**/.env.example", "!**/.env.sample", "!**/.env.template", "!**/.env.dist"),
    *("**/.netrc", "**/_netrc", "**/.pgpass", "**/.my.cnf", "**/.git-credentials", "**/.htpasswd"),
    *("**/.pypirc", "**/.npmrc", "**/.dockercfg", "**/.vault-token"),
    *("**/.aws", "**/.azure", "**/.config/gcloud", "**/.docker/config.json", "**/.gnupg", "**/.kube", "**/.ssh"),
    *("**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519"),
    *("**/*.pem", "**/*.key", "**/*.p12", "**/*.pfx", "**/*.jks", "**/*.keystore", "**/*.kdbx", "**/*.ppk"),
    *("**/credentials.json", "**/service-account*.json", "**/service_account*.json", "**/*.tfstate"),
)
"""What often holds passwords and keys: left out and told, unless a `.dockerignore` takes it in: `!certs/ca.pem`."""


class Project(NamedTuple):
    """What of a project goes into its image."""

    files: dict[str, Path]
    """By their paths in it."""
    withheld: list[str]
    """Files and folders that are left out because they may hold secrets, and for nothing else."""
    by_git: bool
    """It has no `.dockerignore`, and files are left out that git ignores."""


def project_files(folder: Path) -> Project:
    """List the files of a project, without those that its `.dockerignore`, or else git, leaves out."""
    own = folder / ".dockerignore"
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    walk = _Walk(folder, lines, None if own.is_file() else GitIgnored(folder))
    files = {str(path.relative_to(folder).as_posix()): path for path in walk.through(folder)}
    return Project(files, walk.withheld, walk.by_git)


class _Walk:
    """A way through the folders of a project, by the rules of what is left out."""

    def __init__(self, root: Path, lines: Sequence[str], git: GitIgnored | None) -> None:
        self._root = root
        self._rules = Ignored([*ALWAYS, *SECRET, *lines])
        self._plain = Ignored([*ALWAYS, *lines])
        """Without those that are about secrets."""
        self._git = git
        self._prunes = not Ignored(lines).takes_back
        """Nothing inside of a folder that is left out is wanted all the same."""
        self.withheld: list[str] = []
        self.by_git = False

    def through(self, folder: Path) -> Iterator[Path]:
        """Give the files of a folder that are wanted, and those of the folders in it."""
        if self._git is not None:
            self._git.enter(folder)
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            path, inside = Path(entry.path), entry.is_dir(follow_symlinks=False)
            name = path.relative_to(self._root).as_posix() + "/" * inside
            out = self._rules.leaves_out(name)
            if self._git is not None and not self._plain.leaves_out(name) and self._git.leaves_out(name):
                self.by_git = True
                continue
            if out and not self._plain.leaves_out(name) and (self._prunes or not inside):
                self.withheld.append(name)
            if inside:
                if not out or not self._prunes:
                    yield from self.through(path)
            elif not out and (entry.is_file() or entry.is_symlink()):
                yield path


def archive(files: Mapping[str, Path | bytes], into: IO[bytes]) -> None:
    """Pack files: same contents, same bytes. Of their modes, only that they can be executed is kept."""
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            source = files[name]
            entry = tarfile.TarInfo(name)
            if isinstance(source, Path) and source.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(source)  # noqa: PTH115 - as it is written
                tar.addfile(entry)
            elif isinstance(source, Path):
                stat = source.stat()
                entry.size, entry.mode = stat.st_size, 0o755 if stat.st_mode & 0o100 else 0o644
                with source.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                entry.size, entry.mode = len(source), 0o644
                tar.addfile(entry, io.BytesIO(source))


def digest(packed: IO[bytes]) -> str:
    """Name what is packed: the same contents have the same name."""
    packed.seek(0)
    found = file_digest(packed, "sha256").hexdigest()[:12]  # type: ignore[arg-type]  # a file all the same
    packed.seek(0)
    return found
