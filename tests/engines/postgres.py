"""A real PostgreSQL server, started on a free port of loopback for one session of tests, and thrown away.

`postgres` starts it; `database` gives a test a schema of its own there. Found on the PATH, or where Debian's
package `postgresql` puts it. Its files are in a folder of its own; the packaged cluster is left alone.
"""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PASSWORD = "hush-hush-4711"

_SCHEMAS = count(1)


class PostgresServer(NamedTuple):
    """A server that runs, and how to log in as its superuser."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{self.login}@127.0.0.1:{self.port}/postgres"

    @property
    def login(self) -> str:
        return f"fairlead:{PASSWORD}"

    def connect(self, **settings: Any) -> Any:
        """Open a connection of the test's own, apart from every store."""
        import psycopg

        return psycopg.connect(self.url, autocommit=True, **settings)

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        """Do one thing as the superuser."""
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def end_sessions(self, name: str = "fairlead%") -> int:
        """End the sessions whose application name is like this, as an administrator would; gives how many."""
        told = self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name LIKE %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            name,
        )
        return len(told)

    def dump(self, schema: str) -> str:
        """Give a schema as SQL, as a backup has it."""
        done = subprocess.run(
            [_found("pg_dump"), "--schema", schema, self.url], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def restore(self, text: str) -> None:
        """Do the SQL that `dump` gave."""
        command = [_found("psql"), "-q", "-v", "ON_ERROR_STOP=1", self.url]
        subprocess.run(command, input=text, stdout=subprocess.DEVNULL, text=True, check=True, timeout=60)

    def restart(self) -> None:
        """Kill the server with all sessions, as a crash does, and start it again on the same port."""
        stop(self)
        start(self.folder, port=self.port)


class Database(NamedTuple):
    """A schema of a test's own, made by the first store that is opened there."""

    server: PostgresServer
    schema: str

    @property
    def url(self) -> str:
        return self.server.url

    def store(self, *, port: int = 0, **settings: Any) -> Any:
        """Open it; `port`: by way of something that listens there."""
        from fairlead.stores.postgres import PostgresStore

        url = self.url.replace(f":{self.server.port}/", f":{port}/") if port else self.url
        return PostgresStore(**{"url": url, "schema": self.schema, **settings})


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Start a server for this session of tests."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-pg-"))
    server = start(folder)
    yield server
    stop(server)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: PostgresServer) -> Database:
    """Name a schema that no other test uses."""
    return Database(postgres, f"test_{next(_SCHEMAS)}")


def start(folder: Path, *, port: int = 0) -> PostgresServer:
    """Make a cluster in a folder if there is none, start its server, and wait until it answers."""
    data = folder / "data"
    if not data.exists():
        _make(folder, data)
    port = port or free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=60"
    _call(folder, "pg_ctl", "-D", str(data), "-w", "-t", "30", "-l", str(folder / "log"), "-o", options, "start")
    return PostgresServer(folder, port)


def stop(server: PostgresServer, how: str = "immediate") -> None:
    """Stop the server, by the pid in its own folder."""
    _call(server.folder, "pg_ctl", "-D", str(server.folder / "data"), "-w", "-m", how, "stop")


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _make(folder: Path, data: Path) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, password):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    _call(
        folder, "initdb", "-D", str(data), "--no-sync", "-U", "fairlead", f"--pwfile={password}", "-E", "UTF8",
        "--locale=C", "--auth=scram-sha-256",
    )  # fmt: skip


def _call(folder: Path, program: str, *words: str) -> None:
    """Call a program of PostgreSQL; it refuses to run as root, so that root becomes its packaged user."""
    command = [_found(program), *words]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    # Its output goes to a file: the server inherits it, and a pipe would be waited for until the server ends.
    with (folder / "calls").open("ab") as words_file:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=words_file, stderr=words_file, cwd=folder)
    if done.returncode:
        said = (folder / "calls").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{program} gave {done.returncode} for {getpass.getuser()}: {said}")


def _found(program: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = str(places[-1]) if places else shutil.which(program)
    if found is None:
        raise RuntimeError(f"no {program}: apt-get install --no-install-recommends postgresql")
    return found


def wait_until(true: Any, seconds: float, what: str) -> None:
    """Wait for something that must come true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what}: not within {seconds:g} s"
        time.sleep(0.005)
