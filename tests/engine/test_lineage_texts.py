"""Commands and notebook cells count as the code of their tasks, with what they import."""

import sys

import pytest

from fairlead.engine.lineage import diff
from fairlead.engine.lineage_objects import Objects
from fairlead.engine.lineage_texts import text_code
from fairlead.engine.snapshot import code_of
from fairlead.model.task import Source, TaskDefinition


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "texts_features.py").write_text(
        "LIMIT = 3\ndef scale(x):\n    return x * LIMIT\ndef other():\n    return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("texts_features", None)


def code(project, *cells, language="python"):
    sources = [Source(f"a.ipynb: cell {number}", text, language) for number, text in enumerate(cells, 1)]
    return text_code(sources, Objects(project))


def test_a_changed_command_is_named(project):
    one, other = (text_code([Source("command", text, "bash")], Objects(project)) for text in ("wc $x", "wc -l $x"))
    assert diff(one, other) == ["command changed"]
    assert one.digest == text_code([Source("command", "wc $x  \n\n", "bash")], Objects(project)).digest


def test_a_changed_cell_is_named(project):
    assert diff(code(project, "a = 1", "b = 2"), code(project, "a = 1", "b = 3", "c = 4")) == [
        "a.ipynb: cell 2 changed",
        "a.ipynb: cell 3 added",
    ]


def test_comments_and_formatting_of_python_cells_do_not_count(project):
    assert code(project, "a = f( 1 )  # one").digest == code(project, "# now\na = f(1)\n").digest
    assert code(project, "a = f( 1 )", language="r").digest != code(project, "a = f(1)", language="r").digest


@pytest.mark.parametrize(
    ("cells", "reached"),
    [
        (["from texts_features import scale", "scale(1)"], {"scale", "LIMIT"}),
        (["import texts_features", "texts_features.scale(1)"], {"scale", "LIMIT"}),
        (["import texts_features as tf\n%matplotlib inline\ntf.other()"], {"other"}),
        (["import texts_features", "use(texts_features)"], {"scale", "LIMIT", "other"}),
        (["import texts_features"], {"scale", "LIMIT", "other"}),
        (["from texts_features import *"], {"scale", "LIMIT", "other"}),
        (["def f():\n    from texts_features import other\n    return other()"], {"other"}),
        (["import os, json", "not python ("], set()),
    ],
)
def test_what_cells_import_of_the_project_counts(project, cells, reached):
    found = {name.partition(": ")[2] for name in code(project, *cells).symbols if name.startswith("texts_features.py")}
    assert found == reached


def test_versions_of_imported_packages_count(project):
    assert "msgspec" in code(project, "import msgspec").packages


def test_what_cannot_be_found_is_named(project):
    assert any(
        "'nowhere_at_all'" in one and "a.ipynb: cell 1:1" in one
        for one in code(project, "import nowhere_at_all").opaque
    )


def test_the_code_of_a_run_holds_texts_beside_functions(project):
    definitions = [
        TaskDefinition(name="f"),
        TaskDefinition(name="c", kind="shell", sources=(Source("command", "ls", "bash"),)),
    ]
    first, second = code_of([None, None], definitions=definitions, root=project).tasks
    assert (first.symbols, list(second.symbols)) == ({}, ["command"])
