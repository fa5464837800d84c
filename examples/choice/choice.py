"""A choice: what the text looks like decides how it is read."""

import csv
import json

from fairlead import Conditional, Pipeline, PythonTask

ANIMALS = '[{"name": "otter", "legs": 4}, {"name": "eel", "legs": 0}]'


def recognise(text: str = ANIMALS):
    first = text.lstrip()[:1]
    kind = "json" if first in "[{" else "csv" if "," in text.splitlines()[0] else "text"
    return kind


def read_json(text: str = ANIMALS):
    rows = json.loads(text)
    return rows


def read_csv(text: str = ANIMALS):
    rows = list(csv.DictReader(text.splitlines()))
    return rows


def read_lines(text: str = ANIMALS):
    rows = [{"name": line} for line in text.splitlines()]
    return rows


def list_names(rows):
    names = [row["name"] for row in rows]
    return names


choice = Pipeline(
    [
        PythonTask(recognise),
        Conditional(
            "reading",
            parameter="kind",
            branches={"json": read_json, "csv": read_csv},
            default=read_lines,
        ),
        PythonTask(list_names),
    ],
    name="choice",
)
