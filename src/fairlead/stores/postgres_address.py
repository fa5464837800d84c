"""Where a PostgreSQL database is, and how to log in there: what a user wrote, checked, and never told in full.

No password leaves this module but to the database. Nothing here opens a connection.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fairlead.errors import ConfigurationError

__all__ = ["Address"]

_FORM = "postgresql://USER@HOST:PORT/DATABASE"

_DEFAULTS = {
    "client_encoding": "utf8",
    "fallback_application_name": "fairlead",
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""What a connection is opened with unless the URL says otherwise."""

_SECRET = ("password", "sslpassword")

_SHORT = 4
"""Letters that a secret has at least where it is looked for in the words of others."""


class Address:
    """A database as a user named it; `parameters` is for the database alone, `shown` for everybody."""

    def __init__(self, url: str, *, password: str | None = None, connect_timeout: float = 10.0) -> None:
        """Raises ConfigurationError; what cannot be read may be a password, and is not repeated."""
        parameters = _read(url)
        if password is not None:
            parameters["password"] = password
        self.parameters: dict[str, Any] = {
            **_DEFAULTS,
            "connect_timeout": max(1, round(connect_timeout)),
            **parameters,
        }
        self.application = str(parameters.get("application_name") or "fairlead")
        """What sessions are called that carry no run."""
        self.shown = _shown(parameters)
        self._secrets = [str(parameters[name]) for name in _SECRET if len(str(parameters.get(name, ""))) >= _SHORT]

    def hide(self, text: str) -> str:
        """Give somebody else's words without our secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def __repr__(self) -> str:
        return f"<Address {self.shown!r}>"


def _read(url: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.Error as error:
        named = re.search(r'invalid URI query parameter: "\w+"', str(error))
        raise ConfigurationError(_wrong(named[0] if named else "")) from None
    # Such is left of a password with '@' or '/' in it: it would be told as the name of a host, or a port.
    ports = str(parameters.get("port", ""))
    odd = "@" in str(parameters.get("host", "")) or not re.fullmatch(r"[\d,]*", ports)
    if odd or ("@" in str(parameters.get("dbname", "")) and "user" not in parameters):
        raise ConfigurationError(_wrong("write '@', ':', '/' and '%' in a password as %40, %3A, %2F and %25"))
    return parameters


def _wrong(why: str) -> str:
    return (
        f"the store's url is not one of PostgreSQL's: {_FORM}{f' ({why})' if why else ''}; "
        "a password can also be given as 'password', in ~/.pgpass or in PGPASSWORD"
    )


def _shown(parameters: dict[str, Any]) -> str:
    def given(name: str) -> str:
        return str(parameters.get(name, "") or "")

    if given("service"):
        return f"service={given('service')}"
    user = f"{given('user')}@" if given("user") else ""
    hosts, ports = given("host").split(","), given("port").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False)]
    return f"postgresql://{user}{','.join(places)}/{given('dbname')}"
