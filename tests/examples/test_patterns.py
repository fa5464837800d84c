"""The patterns in examples/: each README works as printed, and Python and YAML are the same graph."""

import re
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from fairlead.api.targets import load_target
from tests.docs.pages import follow

EXAMPLES = Path(__file__).parents[2] / "examples"
REAL = ("digits", "flights", "study", "sweep")
PATTERNS = sorted(page.parent.name for page in EXAMPLES.glob("*/README.md") if page.parent.name not in REAL)
TWINS = [name for name in (*PATTERNS, *REAL) if (EXAMPLES / name / f"{name}.yaml").exists()]
RESULTS = {
    "hello": "fairlead",
    "steps": {"mean": 16.0, "left_out": 1},
    "map_reduce": {"frequent": [("the", 6), ("wind", 4), ("who", 2)]},
    "nested_maps": {"mean": [-1.7, 22.5, 17.8], "warmest": "Lima"},
    "branches": {"words": 43, "letters": 178, "sentences": 2, "year": 7.2},
    "choice": {"kind": "json", "names": ["otter", "eel"]},
    "loop": {"good": True, "line": "y = 3.003 x"},
    "rescue": {"price": [12.4, 11.8, 14.2], "best": (11.8, "Paris")},
    "retries": {"session": "session of attempt 3", "size": 20},
    "notebooks": {"line": "y = 2.00 x + 1.05"},
    "shell": {"word": "wind", "times": 2},
    "files": {"stations": ["cairo", "lima", "oslo"]},
    "caching": "50.0 m is reached in second 4",
}
"""What an example gives without any parameter; of pipelines, some of its names."""


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Give a copy of an example, as a project of its own that is worked in."""

    def of(name: str) -> Path:
        if name in ("notebooks", "study"):
            pytest.importorskip("nbclient", reason="the extra 'notebook' is not installed")
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".fairlead", "__pycache__"))
        (folder / "pyproject.toml").write_text("")
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        return folder

    before = set(sys.modules)
    yield of
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def without_places(data):
    """Leave out where things were written."""
    if isinstance(data, dict):
        return {key: without_places(value) for key, value in data.items() if key != "place"}
    return [without_places(value) for value in data] if isinstance(data, (list, tuple)) else data


@pytest.mark.parametrize("name", PATTERNS)
def test_a_readme_works_as_printed(name, copy):
    folder = copy(name)
    follow(folder / "README.md", folder)


@pytest.mark.parametrize("page", sorted(EXAMPLES.rglob("README.md")), ids=lambda page: page.parent.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s#]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("name", TWINS)
def test_python_and_yaml_build_the_same_graph(name, copy):
    copy(name)
    text = load_target(f"{name}.yaml").definition.build()
    code = load_target(f"{name}.py:{name}").definition.build()
    assert without_places(msgspec.to_builtins(text.workflow)) == without_places(msgspec.to_builtins(code.workflow))
    assert text.parameters == code.parameters


@pytest.mark.parametrize(("name", "expected"), RESULTS.items(), ids=list(RESULTS))
def test_in_process_it_gives_the_same(name, expected, copy):
    copy(name)
    if name not in TWINS:
        assert load_target(f"{name}.py:{name}").definition().run("in_process").get_results() == expected
        return
    for suffix in ("py", "yaml"):
        found = load_target(f"{name}.{suffix}:{name}").definition.run("in_process").get_results()
        assert {one: found[one] for one in expected} == expected


@pytest.mark.parametrize("name", [name for name in TWINS if (EXAMPLES / name / "as_functions.py").exists()])
def test_as_functions_it_gives_the_same(name, copy):
    copy(name)
    flow = load_target("as_functions.py").definition
    *_, expected = RESULTS[name].values()
    assert flow.fn() == expected
    assert flow().run("in_process").get_results() == expected


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_examples_are_short(file):
    longest = 60 if file.parent.name in PATTERNS else 150
    assert len(file.read_text(encoding="utf-8").splitlines()) <= longest


def test_every_example_is_listed():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    folders = sorted(folder.name for folder in EXAMPLES.iterdir() if list(folder.glob("*.py")))
    assert not [name for name in folders if f"]({name}/" not in page]
