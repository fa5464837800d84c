"""What a run was made with, and how another place differs from it."""

import sys
from importlib.metadata import version

import pytest
from msgspec.structs import replace

from fairlead import __version__
from fairlead.engine.packages import version_of
from fairlead.engine.requirements import requirements_of, unlike
from fairlead.model.run import Code, TaskCode

PYTHON = ".".join(map(str, sys.version_info[:3]))


@pytest.fixture
def made(tmp_path):
    return requirements_of(tmp_path)


def code(made, **packages):
    return Code(tasks=(TaskCode("", packages=packages), TaskCode("")), requirements=made)


def test_where_all_is_as_it_was_nothing_is_said(made):
    assert (made.python, made.fairlead, made.locks) == (PYTHON, __version__, {})
    assert unlike(code(made, msgspec="0.0")) == ()
    assert unlike(Code()) == ()


def test_another_python_and_another_fairlead_are_told(made):
    assert unlike(code(replace(made, python="3.9.1", fairlead="0.0"))) == (
        f"Python {PYTHON}, and the run was made with 3.9.1",
        f"Fairlead {__version__}, and the run was made with 0.0",
    )


def test_of_packages_those_count_that_tasks_reach(made):
    other = replace(made, installed="other")
    here = version("msgspec")
    assert unlike(code(other, msgspec=here)) == ()
    assert unlike(code(other, msgspec="0.0", **{"no-such.thing": "1"})) == (
        f"msgspec {here}, and the run was made with 0.0",
        "no-such.thing is not installed, and the run was made with 1",
    )


def test_versions_are_found_by_any_spelling():
    assert version_of("PyYAML") == version_of("pyyaml") == version("PyYAML")
    assert version_of("nothing-of-that-name") is None


def test_lock_files_of_the_project_are_recorded(tmp_path):
    for name in ("uv.lock", "requirements-dev.txt", "requirements.md", "other.lock"):
        (tmp_path / name).write_text(name)
    (tmp_path / "requirements.txt").mkdir()
    first = requirements_of(tmp_path).locks
    assert set(first) == {"uv.lock", "requirements-dev.txt"}
    (tmp_path / "uv.lock").write_text("something longer")
    assert requirements_of(tmp_path).locks["uv.lock"] != first["uv.lock"]
    assert requirements_of(tmp_path / "nowhere").locks == {}
