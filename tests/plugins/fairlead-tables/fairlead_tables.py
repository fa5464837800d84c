"""Queries as tasks, and tables as values that other programs can read."""

import json
import sqlite3
import zlib
from contextlib import closing
from typing import Annotated

import msgspec

from fairlead.ports import Plugin


class Table:
    """What a query gives: names of columns, and rows."""

    def __init__(self, columns, rows):
        self.columns, self.rows = list(columns), [list(row) for row in rows]

    def __eq__(self, other):
        return isinstance(other, Table) and (self.columns, self.rows) == (other.columns, other.rows)

    def __len__(self):
        return len(self.rows)


# --- a kind of task ---


class Query(msgspec.Struct, kw_only=True):
    database: Annotated[str, msgspec.Meta(description="The database file.")]
    most: Annotated[Annotated[int, msgspec.Meta(ge=1)], msgspec.Meta(description="Rows at most.")] = 1_000_000


class SqlKind:
    """Runs queries; the inputs of a task are their parameters."""

    def run(self, task, function, inputs, current):
        query = msgspec.convert(task.settings, Query)
        with closing(sqlite3.connect(query.database)) as database:
            found = database.execute(task.sources[0].text, dict(inputs))
            rows = found.fetchmany(query.most)
            columns = [name for name, *_ in found.description or ()]
        current.log_metric("rows", len(rows))
        return Table(columns, rows)


sql = Plugin(open=lambda options, site: SqlKind(), options=Query, doc="A query of an SQLite database.")


# --- a codec ---


class Options(msgspec.Struct, kw_only=True):
    compressed: Annotated[bool, msgspec.Meta(description="Whether tables are kept smaller, by zlib.")] = False


class TableCodec:
    """Keeps tables as JSON, a line for each row."""

    def __init__(self, options, site):
        self.compressed = options.compressed

    def handles(self, value):
        return type(value) is Table

    def dump(self, value):
        lines = b"".join(json.dumps(line).encode() + b"\n" for line in (value.columns, *value.rows))
        return [zlib.compress(lines) if self.compressed else lines]

    def load(self, data):
        text = bytes(data)
        lines = (text if text.startswith(b"[") else zlib.decompress(text)).splitlines()
        columns, *rows = map(json.loads, lines)
        return Table(columns, rows)


tables = Plugin(open=TableCodec, options=Options, doc="Tables as lines of JSON.")
