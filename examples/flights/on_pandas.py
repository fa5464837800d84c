"""Joins and counts in memory, with pandas: nothing to set up, made for a laptop."""

from pathlib import Path

import numpy as np
import pandas as pd
from flights import Engine, Group

from fairlead import task


def _years(first: float) -> str:
    return f"{first:02.0f} to {first + 4:02.0f} years"


class Pandas(Engine):
    """Everything in memory."""

    @task(cache=True, workdir="private")
    def join(self, tables):
        flights, airlines, airports, planes, weather = (
            pd.read_csv(tables[name]) for name in ("flights", "airlines", "airports", "planes", "weather")
        )
        flights = (
            flights.dropna(subset=["arr_delay"])
            .merge(airlines.rename(columns={"name": "airline"}), on="carrier", how="left", validate="m:1")
            .merge(airports[["faa", "name"]], left_on="dest", right_on="faa", how="left", validate="m:1")
            .merge(planes[["tailnum", "year"]], on="tailnum", how="left", validate="m:1", suffixes=("", "_built"))
            .merge(weather[["origin", "time_hour", "visib", "precip"]], on=["origin", "time_hour"], how="left")
        )
        band = (2013 - flights["year_built"]) // 5 * 5
        joined = pd.DataFrame(
            {
                "airline": flights["airline"],
                "destination": flights["name"].fillna(flights["dest"]),
                "hour": flights["hour"].map("{:02d}:00".format),
                "weather": np.select(
                    [flights["visib"].isna(), flights["visib"] < 2, flights["precip"] > 0],
                    ["unknown", "fog", "rain"],
                    "dry",
                ),
                "age": band.map(_years, na_action="ignore").fillna("unknown"),
                "delay": flights["arr_delay"].astype(int),
            }
        )
        joined.to_parquet("joined.parquet")
        return Path("joined.parquet")

    @task(cache=True)
    def count(self, question, flights):
        delay = pd.read_parquet(flights, columns=[question, "delay"]).set_index(question)["delay"]
        by = delay.groupby(level=0)
        table = pd.DataFrame({"flights": by.size(), "late": (delay > 15).groupby(level=0).sum(), "minutes": by.sum()})
        return [Group(label, *map(int, numbers)) for label, *numbers in table.itertuples()]
