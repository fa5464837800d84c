"""Credentials of a profile in `~/.aws`, which obstore does not look up by itself.

Keys that stand in the files are read here; whatever has to be asked for first (single sign-on, roles)
is boto3's business, where that is installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigurationError

__all__ = ["read"]

_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}


def read(profile: str) -> dict[str, Any]:
    """Give what obstore needs to sign as a profile, and its region where it has one; ConfigurationError."""
    section = _section(profile)
    found: dict[str, Any] = {ours: section[theirs] for theirs, ours in _KEYS.items() if theirs in section}
    if not {"access_key_id", "secret_access_key"} <= found.keys():
        found = {"credential_provider": _asked_for(profile)}
    return {**found, "region": section["region"]} if "region" in section else found


def _section(profile: str) -> dict[str, str]:
    from configparser import ConfigParser, Error

    files = {
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"): profile,
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"): profile if profile == "default" else f"profile {profile}",
    }
    section: dict[str, str] = {}
    for name, title in files.items():
        # Values may have percent signs in them, and mean them.
        parser = ConfigParser(interpolation=None, default_section="")
        try:
            parser.read(Path(name).expanduser())
        except (Error, OSError, UnicodeDecodeError) as error:
            # An error of the parser quotes the line, which may be a secret.
            raise ConfigurationError(f"{name} cannot be read: {type(error).__name__}; correct it") from None
        if parser.has_section(title):
            section = {**dict(parser.items(title)), **section}
    if not section:
        raise ConfigurationError(f"there is no AWS profile {profile!r} in {' and '.join(files)}")
    return section


def _asked_for(profile: str) -> Any:
    try:
        from boto3 import Session
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise ConfigurationError(
            f"the AWS profile {profile!r} has no keys of its own, and asking for some takes boto3: pip install boto3"
        ) from None
    try:
        return Boto3CredentialProvider(Session(profile_name=profile))
    except ValueError as error:
        raise ConfigurationError(f"the AWS profile {profile!r} gives no credentials: {error}") from error
