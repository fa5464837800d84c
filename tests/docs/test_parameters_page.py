"""The page on parameters: what its table says text becomes is what it becomes."""

import dataclasses
import datetime
import enum
import re
import typing
from decimal import Decimal
from pathlib import Path

from msgspec import Meta

from fairlead.author.coercion import read
from fairlead.author.text import Word

PAGE = Path(__file__).parents[2] / "docs" / "parameters.md"


def read_as(annotation, text):
    """Do what the table of docs/parameters.md says of one row."""

    class Colour(enum.Enum):
        RED = "red"

    Point = dataclasses.make_dataclass("Point", [("x", int), ("y", float)])
    known = {**vars(typing), **vars(datetime), "Path": Path, "Decimal": Decimal, "Meta": Meta}
    wanted = typing.Any if annotation == "none" else eval(annotation, known, {"Colour": Colour, "Point": Point})
    try:
        return f"`{read(Word(text), wanted)!r}`"
    except ValueError:
        return "an error"


def test_text_becomes_what_the_table_of_parameters_says():
    page = PAGE.read_text(encoding="utf-8").partition("## What text becomes")[2]
    rows = re.findall(r"^\| `?(.+?)`? \| `(.+?)` \| (.+) \|$", page.replace(r"\|", "¦"), re.MULTILINE)
    assert len(rows) > 30
    wrong = [
        (annotation, text, value)
        for annotation, text, value in rows
        if read_as(annotation.replace("¦", "|"), text) != value
    ]
    assert not wrong
