"""The book, on every executor and store that every machine has."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from fairlead import Environment
from fairlead.config.services import close_all
from tests.conformance.case import statuses
from tests.conformance.columns import HERE, column, environment_file, runs
from tests.conformance.page import PAGE, page
from tests.conformance.ways import KEY, conforms


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Give a column's project folder and environment, made once."""
    made = {}

    def of(where):
        if where.name not in made:
            folder = tmp_path_factory.mktemp(where.name.replace(" ", ""))
            (folder / ".fairlead").mkdir()
            made[where.name] = folder, Environment.load(environment_file(folder, where, {}))
        return made[where.name]

    yield of
    close_all()


@pytest.mark.parametrize(
    ("where", "name"), [(one.name, name) for one in HERE for name, _ in runs(one)], ids=lambda part: str(part)
)
def test_it_comes_as_written(where, name, places, monkeypatch):
    found = column(where)
    case = dict(runs(found))[name]
    for module in case.needs:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    folder, environment = places(found)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CONFORMANCE_KEY", KEY)
    conforms(case, found, name, folder, environment)


def test_statuses_are_read():
    assert statuses("load a[1].b[0-1].c=failed end") == {
        "load": "succeeded",
        "a[1].b[0].c": "failed",
        "a[1].b[1].c": "failed",
        "end": "succeeded",
    }


def test_the_page_says_what_the_book_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: scripts/conformance, or with --page"
