"""Where secret values come from, by name: the process environment, a `.env` file, mounted files, a keyring.

Values are read when they are asked for, and written nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from fairlead.errors import ConfigurationError, NotFound

__all__ = ["DotenvSecrets", "EnvSecrets", "FolderSecrets", "KeyringSecrets"]

_LINE = re.compile(
    r"""^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\n]*?))\s*(?:\s\#[^\n]*)?$""",
    re.MULTILINE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class EnvSecrets:
    """Secrets are variables of the process environment."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def get(self, name: str) -> str:
        """Give a secret; NotFound."""
        value = os.environ.get(self._prefix + name)
        if value is None:
            raise NotFound(f"no secret {name!r}: the variable {self._prefix + name} is not set where the task runs")
        return value


class DotenvSecrets:
    """Secrets are lines `NAME=value` of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """Give a secret; NotFound."""
        if self._values is None:
            try:
                text = self._path.read_text(encoding="utf-8")
            except FileNotFoundError:
                raise NotFound(f"no secret {name!r}: there is no file {self._path}") from None
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"secrets cannot be read from {self._path}: {error}") from error
            self._values = _lines(text)
        if name not in self._values:
            raise NotFound(f"no secret {name!r} in {self._path}")
        return self._values[name]


def _lines(text: str) -> dict[str, str]:
    found = {}
    for match in _LINE.finditer(text):
        name, double, single, plain = match.groups()
        if double is not None:
            found[name] = re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), double, flags=re.DOTALL)
        else:
            found[name] = single if single is not None else plain
    return found


class FolderSecrets:
    """Secrets are files of a folder, as containers have them mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str:
        """Give a secret, without the line end that editors leave; NotFound."""
        if "/" in name or name.startswith("."):
            raise NotFound(f"no secret {name!r}: that is no name of a file in {self._path}")
        try:
            # As it is: line ends within a value are part of it.
            text = (self._path / name).read_bytes().decode()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound(f"no secret {name!r}: there is no file of that name in {self._path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"secret {name!r} cannot be read from {self._path}: {error}") from error
        return text.removesuffix("\n").removesuffix("\r")


class KeyringSecrets:
    """Secrets are in the keyring of the operating system, under one service's name."""

    def __init__(self, service: str) -> None:
        self._service = service

    def get(self, name: str) -> str:
        """Give a secret; NotFound."""
        import keyring
        from keyring.errors import KeyringError

        try:
            value: str | None = keyring.get_password(self._service, name)
        except KeyringError as error:
            raise ConfigurationError(f"the keyring does not answer: {error}") from error
        if value is None:
            raise NotFound(f"no secret {name!r} in the keyring; 'keyring set {self._service} {name}' puts it there")
        return value
