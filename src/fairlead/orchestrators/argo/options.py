"""What an environment can say about Argo Workflows."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["ArgoOptions"]


class ArgoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `argo`."""

    image: Annotated[
        str,
        msgspec.Meta(description="The image that tasks run in, unless a task names its own; it has Fairlead in it."),
    ]
    namespace: Annotated[
        str, msgspec.Meta(description="The Kubernetes namespace; otherwise that of whoever applies the file.")
    ] = ""
    name: Annotated[
        str, msgspec.Meta(description="The name of the WorkflowTemplate; otherwise made from the workflow's.")
    ] = ""
    service_account: Annotated[str, msgspec.Meta(description="The service account that pods run under.")] = ""
    secret: Annotated[
        str,
        msgspec.Meta(description="A Kubernetes Secret whose entries are environment variables of every container."),
    ] = ""
    pull_policy: Annotated[
        str, msgspec.Meta(description="`Always`, `IfNotPresent` or `Never`; otherwise what Kubernetes does.")
    ] = ""
    parallelism: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None, msgspec.Meta(description="Pods at once at most.")
    ] = None
    labels: Annotated[dict[str, str], msgspec.Meta(description="Labels of the WorkflowTemplate and its pods.")] = {}
