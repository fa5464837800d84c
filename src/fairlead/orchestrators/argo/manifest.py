"""The WorkflowTemplate as a whole, and its bytes: the same deployment gives the same bytes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from fairlead.orchestration import Deployment
from fairlead.orchestrators.argo.containers import Containers
from fairlead.orchestrators.argo.lowering import ENTRY, Lowering
from fairlead.orchestrators.argo.names import resource_name
from fairlead.orchestrators.argo.options import ArgoOptions

__all__ = ["DEFINITION", "DIGEST", "environment_text", "name_of", "text_of", "workflow_template"]

DEFINITION = "fairlead/definition"
"""The annotation that names the stored definition."""
DIGEST = "fairlead/digest"
"""The annotation with the digest of everything else in the manifest."""


def workflow_template(deployment: Deployment, options: ArgoOptions) -> dict[str, Any]:
    """Make the manifest of a deployment."""
    environment = environment_text(deployment.environment)
    containers = Containers(options, environment, deployment.outline.classes)
    opening = containers.opening(deployment.definition, list(deployment.parameters))
    closing = containers.closing()
    lowered = Lowering(deployment.outline, containers)
    labels = {"app.kubernetes.io/managed-by": "fairlead", **options.labels}
    spec: dict[str, Any] = {"entrypoint": ENTRY, "onExit": closing}
    if options.service_account:
        spec["serviceAccountName"] = options.service_account
    if options.parallelism is not None:
        spec["parallelism"] = options.parallelism
    if options.labels:
        spec["podMetadata"] = {"labels": options.labels}
    if deployment.parameters:
        spec["arguments"] = {
            "parameters": [{"name": name, "value": value} for name, value in deployment.parameters.items()]
        }
    spec["templates"] = [*lowered.templates, *containers.all()]
    assert opening in {template["name"] for template in spec["templates"]}
    metadata: dict[str, Any] = {"name": name_of(deployment, options)}
    if options.namespace:
        metadata["namespace"] = options.namespace
    metadata["labels"] = labels
    metadata["annotations"] = {DEFINITION: deployment.definition}
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": metadata, "spec": spec}
    metadata["annotations"][DIGEST] = sha256(msgspec.json.encode(manifest)).hexdigest()
    return manifest


def name_of(deployment: Deployment, options: ArgoOptions) -> str:
    """Give the name of the WorkflowTemplate."""
    return options.name or resource_name(deployment.outline.name)


def environment_text(environment: dict[str, Any]) -> str:
    """Write an environment so that Argo finds nothing to fill in: it looks for `{{` everywhere."""
    text = msgspec.json.encode(environment, order="sorted").decode()
    return text.replace("{{", "\\u007b\\u007b")


def text_of(manifest: dict[str, Any]) -> str:
    """Write a manifest as YAML."""
    import yaml

    dumped: str = yaml.dump(
        manifest, Dumper=_plain_dumper(), sort_keys=False, default_flow_style=False, width=1000, allow_unicode=True
    )
    return dumped


def _plain_dumper() -> Any:
    """Give a dumper that writes everything out: anchors are nothing that people want to review."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
            return True

    return Dumper
