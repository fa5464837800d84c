"""What environments can say to the sources of secrets that come with Fairlead, and how they are opened."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fairlead.ports import Plugin, Secrets, Site
from fairlead.stores.secrets import DotenvSecrets, EnvSecrets, FolderSecrets, KeyringSecrets

__all__ = ["DotenvOptions", "EnvOptions", "FolderOptions", "KeyringOptions", "dotenv", "env", "folder", "keyring"]


class EnvOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `env`."""

    prefix: Annotated[str, msgspec.Meta(description="Put before a secret's name to get the variable's.")] = ""


class DotenvOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `dotenv`."""

    path: Annotated[str, msgspec.Meta(description="The file, relative to the project's folder.")] = ".env"


class FolderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `folder`."""

    path: Annotated[str, msgspec.Meta(description="The folder with one file for each secret.")]


class KeyringOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `keyring`."""

    service: Annotated[str, msgspec.Meta(description="The name that the secrets are kept under.")] = "fairlead"


def _open_env(options: EnvOptions, site: Site) -> Secrets:  # noqa: ARG001 - as every source is opened
    return EnvSecrets(options.prefix)


def _open_dotenv(options: DotenvOptions, site: Site) -> Secrets:
    return DotenvSecrets(site.folder / options.path)


def _open_folder(options: FolderOptions, site: Site) -> Secrets:
    return FolderSecrets(site.folder / options.path)


def _open_keyring(options: KeyringOptions, site: Site) -> Secrets:  # noqa: ARG001 - as every source is opened
    return KeyringSecrets(options.service)


env = Plugin(open=_open_env, options=EnvOptions, doc="Variables of the process environment.")

dotenv = Plugin(open=_open_dotenv, options=DotenvOptions, doc="Lines NAME=value of a file.")

folder = Plugin(open=_open_folder, options=FolderOptions, doc="Files of a folder, as containers have them mounted.")

keyring = Plugin(
    open=_open_keyring,
    options=KeyringOptions,
    doc="The keyring of the operating system.",
    needs=("keyring",),
    install="fairlead[keyring]",
)
