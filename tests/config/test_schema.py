"""The JSON Schema says what the checks say."""

from __future__ import annotations

import pytest
import yaml

from fairlead.config.schema import environment_schema

RIGHT = [
    "executor: local",
    "executor: {type: local, max_workers: 2}",
    "executor: {type: local, max_workers: '${N}'}",
    "executors: {gpu: {type: local}}",
    "tasks: {'a*': {retries: 3, resources: {cpu: 2}, mock: {value: 3}}}",
    "tasks: [{a: {timeout: null}}]",
    "artifacts: x",
    "artifacts: {url: x}",
    "secrets: {type: folder, path: x}",
    "extends: [a, b]",
    "durability: each",
]
WRONG = [
    "exector: local",
    "executor: nothing",
    "executor: {type: local, max_worker: 2}",
    "executor: {type: local, max_workers: 0}",
    "tasks: {a: {retrys: 1}}",
    "durability: often",
    "secrets: {type: folder}",
    "artifacts: {pth: x}",
]


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = environment_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_is_right_to_editors(validator, text):
    assert list(validator.iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_wrong_to_editors(validator, text):
    assert list(validator.iter_errors(yaml.safe_load(text)))
