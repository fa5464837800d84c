"""Manifests for tests: from a workflow to what Argo would be given, without a store."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from fairlead import Environment
from fairlead.engine.outline import outline_of
from fairlead.model.workflow import Workflow
from fairlead.orchestration import Deployment
from fairlead.orchestrators.argo.manifest import workflow_template
from fairlead.orchestrators.argo.options import ArgoOptions

SCHEMAS = Path(__file__).parent / "schemas"
OPTIONS = ArgoOptions(image="team/jobs:1")


def graph(definition) -> Workflow:
    return definition.bound_to({})._built(Environment()).workflow


def deployment(what, /, **more) -> Deployment:
    known = {"definition": "definitions/abc", "parameters": {"n": "3"}, "environment": {"store": {"type": "postgres"}}}
    found = what if isinstance(what, Workflow) else graph(what)
    return Deployment(outline=outline_of(found), **{**known, **more})


def manifest(what, options: ArgoOptions = OPTIONS, /, **more) -> dict[str, Any]:
    return workflow_template(deployment(what, **more), options)


def template(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in manifest["spec"]["templates"] if one["name"] == name)


def tasks(manifest: dict[str, Any], name: str = "main") -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in template(manifest, name)["dag"]["tasks"]}


@cache
def _schemas() -> tuple[Draft202012Validator, Draft202012Validator]:
    def read(name: str) -> dict[str, Any]:
        return json.loads(gzip.decompress((SCHEMAS / name).read_bytes()))

    api = {**read("argo_schema.json.gz"), "$ref": "#/definitions/io.argoproj.workflow.v1alpha1.WorkflowTemplate"}
    return Draft202012Validator(api), Draft202012Validator(read("argo_crd.json.gz")["kinds"]["WorkflowTemplate"])


def invalid(manifest: dict[str, Any]) -> list[str]:
    """What the schema of Argo's API and its full CRD say against a manifest."""
    return [f"{list(one.path)}: {one.message:.200}" for schema in _schemas() for one in schema.iter_errors(manifest)]
