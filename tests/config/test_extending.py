"""Environments over environments."""

from __future__ import annotations

import pytest

from fairlead.config.environment import Environment, load
from fairlead.errors import ConfigurationError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def write(here):
    def write(name, text):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text)

    return write


def test_an_overlay_wins_key_by_key(write):
    write("base.yaml", "executor: {type: local, max_workers: 2}\nparameters: {a: 1, deep: {x: 1, y: [1, 2]}}\n")
    write("top.yaml", "extends: base.yaml\nparameters: {b: 2, deep: {y: [3]}}\n")
    environment = load("top")
    assert environment.executor == {"type": "local", "max_workers": 2}
    assert environment.parameters == {"a": 1, "b": 2, "deep": {"x": 1, "y": [3]}}
    assert str(environment.place("parameters", "a")) == "base.yaml:2:14"
    assert str(environment.place("parameters", "b")) == "top.yaml:2:14"
    assert "extends" not in environment.written


def test_short_forms_are_laid_over_long_ones(write):
    write("base.yaml", "executor: {type: local, max_workers: 2}\nstore: {type: sqlite, path: x.db}\n")
    write("same.yaml", "extends: base\nexecutor: local\n")
    write("other.yaml", "extends: base\nexecutor: in_process\nstore: {path: y.db}\n")
    assert load("same").executor == {"type": "local", "max_workers": 2}
    assert load("other").executor == {"type": "in_process"}, "settings of one type mean nothing to another"
    assert load("other").store == {"type": "sqlite", "path": "y.db"}


def test_another_class_takes_none_of_the_settings_of_the_first(write):
    write(
        "base.yaml", "components: {trainer: {class: 'm:A', settings: {x: 1}}, source: {class: 'm:S', settings: {p: 1}}}"
    )
    write(
        "top.yaml",
        "extends: base\ncomponents: {trainer: {class: 'm:B', settings: {y: 2}}, source: {settings: {q: 2}}}\n",
    )
    assert load("top").components == {
        "trainer": {"class": "m:B", "settings": {"y": 2}},
        "source": {"class": "m:S", "settings": {"p": 1, "q": 2}},
    }


def test_patches_of_the_overlay_stand_behind_those_of_the_base(write):
    write("base.yaml", "tasks: {'train*': {retries: 3}, '*': {retries: 1}}\n")
    write("top.yaml", "extends: base\ntasks:\n  'train*': {retries: 5}\n")
    environment = load("top")
    assert environment.tasks == [{"train*": {"retries": 3}, "*": {"retries": 1}}, {"train*": {"retries": 5}}]
    assert str(environment.place("tasks", 0, "*", "retries")) == "base.yaml:1:39"
    assert str(environment.place("tasks", 1, "train*", "retries")) == "top.yaml:3:14"


def test_chains_and_lists_of_bases(write):
    write("one.yaml", "parameters: {a: 1, b: 1, c: 1}\n")
    write("environments/two.yaml", "extends: ../one.yaml\nparameters: {b: 2, c: 2}\n")
    write("side.yaml", "parameters: {c: 3, d: 3}\n")
    write("top.yaml", "extends: [two, side.yaml]\nparameters: {d: 4}\n")
    assert load("top").parameters == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_base_may_be_named_by_a_variable(write, monkeypatch):
    write("base.yaml", "parameters: {a: 1}\n")
    write("top.yaml", "extends: ${BASE:-base}\n")
    write("other.yaml", "extends: ${NOWHERE_SET}\n")
    assert load("top").parameters == {"a": 1}
    with pytest.raises(ConfigurationError, match=r"other\.yaml:1:1: extends: \$\{NOWHERE_SET\} is not set"):
        load("other")


def test_built_in_ones_can_be_extended(write):
    write("top.yaml", "extends: in_process\nparameters: {a: 1}\n")
    assert load("top").executor == {"type": "in_process"}


def test_circles_are_told(write):
    write("a.yaml", "extends: b\n")
    write("b.yaml", "extends: c.yaml\n")
    write("c.yaml", "extends: b\n")
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1:1: extends: a circle: b\.yaml -> c\.yaml -> b\.yaml"):
        load("a")


def test_problems_of_all_files_are_told_each_in_its_place(write):
    write("base.yaml", "store: oracle\nparameters: {a: '${UNSET_HERE}'}\n")
    write("top.yaml", "extends: [base, nowhere]\nexector: 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load("top")
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "base.yaml:1:1",
        "base.yaml:2:14",
        "top.yaml:1:1",
        "top.yaml:2:1",
    ]


def test_what_is_wrong_in_a_base_and_right_above_is_right(write):
    write("base.yaml", "store: oracle\n")
    write("top.yaml", "extends: base\nstore: memory\n")
    assert load("top").store == {"type": "memory"}


def test_python_extends_too(write):
    write("base.yaml", "parameters: {a: 1}\n")
    base = Environment(extends="base.yaml", parameters={"b": 2})
    assert base.parameters == {"a": 1, "b": 2}
    assert Environment(extends=[base, "in_process"], parameters={"b": 3}).parameters == {"a": 1, "b": 3}
