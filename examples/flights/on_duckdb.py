"""Joins and counts in DuckDB: tables may be larger than memory, and all cores take part."""

from pathlib import Path

import duckdb
from flights import Engine, Group

from fairlead import task

JOIN = """
COPY (
    SELECT
        airlines.name AS airline,
        coalesce(airports.name, dest) AS destination,
        format('{:02d}:00', flights.hour) AS hour,
        CASE WHEN visib IS NULL THEN 'unknown' WHEN visib < 2 THEN 'fog' WHEN precip > 0 THEN 'rain' ELSE 'dry' END
            AS weather,
        coalesce(format('{:02d} to {:02d} years', band, band + 4), 'unknown') AS age,
        arr_delay AS delay
    FROM flights
        LEFT JOIN airlines USING (carrier)
        LEFT JOIN airports ON dest = faa
        LEFT JOIN (SELECT tailnum, (2013 - year) // 5 * 5 AS band FROM planes) USING (tailnum)
        LEFT JOIN weather ON flights.origin = weather.origin AND flights.time_hour = weather.time_hour
    WHERE arr_delay IS NOT NULL
) TO 'joined.parquet' (FORMAT parquet)
"""
COUNT = """
SELECT {question}, count(*), count(*) FILTER (delay > 15), sum(delay)
FROM read_parquet(?) GROUP BY ALL ORDER BY ALL
"""


class DuckDb(Engine):
    """A database in the task's own process."""

    threads: int = 2
    memory: str = "1GB"

    def _open(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(config={"threads": self.threads, "memory_limit": self.memory})
        return database.execute("SET enable_progress_bar = false")

    @task(cache=True, workdir="private")
    def join(self, tables):
        with self._open() as database:
            for name, path in tables.items():
                database.read_csv(str(path), na_values="NA").create_view(name)
            database.execute(JOIN)
        return Path("joined.parquet")

    @task(cache=True)
    def count(self, question, flights):
        with self._open() as database:
            rows = database.execute(COUNT.format(question=question), [str(flights)]).fetchall()
        return [Group(*row) for row in rows]
