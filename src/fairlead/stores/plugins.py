"""What environments can say to the stores that come with Fairlead, and how they are opened.

Imports no store before one is opened.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fairlead.ports import ArtifactStore, Plugin, RunStore, Site

__all__ = [
    "ArtifactOptions",
    "PostgresOptions",
    "SqliteOptions",
    "folder",
    "memory",
    "memory_artifacts",
    "postgres",
    "sqlite",
]


class SqliteOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `sqlite`."""

    path: Annotated[str | None, msgspec.Meta(description="The database file; otherwise `.fairlead/runs.db`.")] = None


class ArtifactOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the artifact stores that come with Fairlead."""

    url: Annotated[str, msgspec.Meta(description="A folder, `file://…` or `memory://`.")]


def _open_sqlite(options: SqliteOptions, site: Site) -> RunStore:
    from fairlead.stores.folder import NAME, Folder
    from fairlead.stores.sqlite import SqliteStore

    path = Folder(site.folder / NAME).runs if options.path is None else site.folder / options.path
    return SqliteStore(path, durability=site.durability)


class PostgresOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `postgres`."""

    url: Annotated[
        str,
        msgspec.Meta(
            description="`postgresql://USER@HOST:PORT/DATABASE`, with any parameter of libpq behind a `?`; "
            "what it does not say is taken from `PGHOST`, `PGUSER`, `~/.pgpass` and so on."
        ),
    ]
    password: Annotated[
        str | None, msgspec.Meta(description="Of the user, where it is not elsewhere; write it as ${NAME}.")
    ] = None
    schema: Annotated[
        str, msgspec.Meta(min_length=1, description="Where the tables are; it is made when it is not there.")
    ] = "fairlead"
    connect_timeout: Annotated[
        float, msgspec.Meta(ge=1, description="Seconds for which a connection is waited for.")
    ] = 10.0
    pool_size: Annotated[
        int, msgspec.Meta(ge=1, description="Connections of one process at most, beside one for each run it carries.")
    ] = 4
    patience: Annotated[
        float,
        msgspec.Meta(ge=0, description="Seconds for which a server that has answered before is tried when it is gone."),
    ] = 60.0


def _open_postgres(options: PostgresOptions, site: Site) -> RunStore:  # noqa: ARG001 - as every store is opened
    from fairlead.stores.postgres import PostgresStore

    settings = msgspec.structs.asdict(options)
    return PostgresStore(settings.pop("url"), **settings)


def _open_memory(_: None, site: Site) -> RunStore:  # noqa: ARG001 - as every store is opened
    from fairlead.stores.memory import MemoryStore

    return MemoryStore()


def _open_folder(options: ArtifactOptions, site: Site) -> ArtifactStore:
    from fairlead.stores.artifacts import FolderArtifacts

    return FolderArtifacts(site.folder / options.url.removeprefix("file://"), fsync=site.durability == "each")


def _open_memory_artifacts(_: ArtifactOptions, site: Site) -> ArtifactStore:  # noqa: ARG001 - as every store is opened
    from fairlead.stores.artifacts import MemoryArtifacts

    return MemoryArtifacts()


sqlite = Plugin(open=_open_sqlite, options=SqliteOptions, doc="One SQLite file on this machine.")

postgres = Plugin(
    open=_open_postgres,
    options=PostgresOptions,
    doc="A schema of a PostgreSQL database, which machines share.",
    needs=("psycopg",),
    install="fairlead[postgres]",
)

memory = Plugin(open=_open_memory, doc="This process's memory: nothing is left when it ends.")

folder = Plugin(open=_open_folder, options=ArtifactOptions, doc="A folder of this machine.")

memory_artifacts = Plugin(
    open=_open_memory_artifacts, options=ArtifactOptions, doc="This process's memory: nothing is left when it ends."
)
