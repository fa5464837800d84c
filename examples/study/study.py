"""A notebook becomes a study: it is run for several rates side by side, and a page shows what came out.

fairlead run study.py
fairlead run study.py -p rates='[2.5, 3.83, 3.9]'
"""

from html import escape
from pathlib import Path

from page import FIGURE, PAGE

from fairlead import Map, NotebookTask, Pipeline, PythonTask


def choose(rates: list[float] = [2.8, 3.2, 3.5, 3.56, 3.9]):  # noqa: B006  it is only read
    tried = sorted(rates)
    return tried


def report(tried: list[float], finding: list[str], drawing: list[Path]):
    figures = [
        FIGURE.substitute(rate=f"{rate:g}", finding=escape(found), drawing=drawn.read_text())
        for rate, found, drawn in zip(tried, finding, drawing, strict=True)
    ]
    page = Path("report.html")
    page.write_text(PAGE.substitute(count=len(tried), figures="".join(figures)), encoding="utf-8")
    return page


study = Pipeline(
    [
        PythonTask(choose),
        Map(
            "each",
            iterate_on="tried",
            iterate_as="rate",
            branch=NotebookTask(
                notebook="population.ipynb", returns=["finding", "drawing"], cache=True, workdir="private"
            ),
        ),
        PythonTask(report, workdir="private"),
    ],
    name="study",
)
