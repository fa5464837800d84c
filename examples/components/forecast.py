"""A runner whose components the environment chooses: the same workflow in dev, staging and prod."""

from functools import reduce
from pathlib import Path

from fairlead import Component, Runner, workflow


class Source(Component):
    """Where readings come from."""

    def load(self) -> list[float]: ...


class Sample(Source):
    """A few readings, made up."""

    count: int = 4

    def load(self):
        return [20.0 + step for step in range(self.count)]


class CsvSource(Source):
    """Readings in a file, one in each line."""

    path: Path
    column: int = 1

    def load(self):
        return [float(line.split(",")[self.column]) for line in self.path.read_text().splitlines()]


class Model(Component):
    def predict(self, readings: list[float]) -> float: ...


class Last(Model):
    """Tomorrow is like today."""

    def predict(self, readings):
        return readings[-1]


class Smooth(Model):
    """What was longer ago counts less."""

    weight: float = 0.5

    def predict(self, readings):
        return reduce(lambda level, reading: level + self.weight * (reading - level), readings)


class Forecast(Runner):
    source: Source
    model: Model = Last()

    @workflow
    def tomorrow(self):
        return self.model.predict(self.source.load())
