"""The study of the digits example, small, on real data."""

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the example has requirements of its own; scripts/test installs them")
pytest.importorskip("matplotlib", reason="the example has requirements of its own; scripts/test installs them")

FOLDER = Path(__file__).parents[2] / "examples" / "digits"
MODULES = ("digits", "report", "page")
QUICK = ("Naive Bayes", "Three nearest neighbours")


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """The example as a project of its own, with two quick models."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text((FOLDER / f"{name}.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("digits")
    monkeypatch.setattr(module, "MODELS", {name: module.MODELS[name] for name in QUICK})
    yield module
    for name in MODULES:
        sys.modules.pop(name, None)


def _check(results):
    page = results["report"].read_text(encoding="utf-8")
    assert results["confusion"].read_bytes().startswith(b"\x89PNG")
    assert "Three nearest neighbours reads best" in page
    assert "1,797" in page
    assert page.count("<tr>") == 3  # a row of titles, and one for each model
    assert "${" not in page
    assert 'src="data:image/png' in page
    assert "http" not in page.replace("http-equiv", "")  # it needs nothing from elsewhere


def test_the_study_runs_as_plain_python(digits):
    _check(digits.study.fn(folds=3))


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_the_study_runs_and_is_reused(digits, env):
    first = digits.study(folds=3).run(env)
    _check(first.get_results())
    assert len(first.get_tasks(name="score")) + len(first.get_tasks(name="cross_validate.score")) == 6
    metrics = [each["accuracy"] for path, each in first.get_metrics().items() if "score" in path]
    assert len(metrics) == 6
    assert all(0.85 < accuracy < 1 for accuracy in metrics)

    again = digits.study(folds=3).run(env)
    assert {task_run.status for task_run in again.get_tasks()} == {"reused"}
    _check(again.get_results())


def test_a_changed_model_runs_only_its_own_folds(digits, monkeypatch):
    digits.study(folds=3).run("in_process")
    changed = {**digits.MODELS, QUICK[1]: digits.MODELS[QUICK[1]].set_params(n_neighbors=5)}
    monkeypatch.setattr(digits, "MODELS", changed)
    again = digits.study(folds=3).run("in_process")
    ran = [task_run.id for task_run in again.get_tasks(status="succeeded")]
    assert len([path for path in ran if "score" in path]) == 3
    assert not [path for path in ran if path.startswith("cross_validate[0]")]
