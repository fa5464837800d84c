"""Parameters with a model: text from outside becomes checked values, before anything runs."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Literal

from msgspec import Meta

from fairlead import task, workflow


@dataclass
class Stop:
    city: str
    nights: Annotated[int, Meta(ge=1)] = 1


@dataclass
class Trip:
    start: date
    stops: list[Stop] = field(default_factory=list)
    by: Literal["train", "ship"] = "train"


@task
def plan(trip: Trip, pause: timedelta) -> list[str]:
    day, lines = trip.start, []
    for stop in trip.stops:
        lines.append(f"{day:%d %b}: by {trip.by} to {stop.city}")
        day += timedelta(days=stop.nights) + pause
    return lines


@workflow
def journey(trip: Trip, pause: timedelta = timedelta(0)):
    """Plan a journey.

    Args:
        trip: Where to, and from when on.
        pause: What to rest between two stops.
    """
    return plan(trip, pause)
