"""What environments can say to the executor `ray`, and how it is opened. Imports nothing of Ray."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from fairlead.ports import Executor, Launcher, Plugin, Site

__all__ = ["Placement", "RayOptions", "ray"]


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


Amount = Annotated[float, msgspec.Meta(ge=0)]


class Placement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Ray places some tasks; what it does not say is as for all."""

    resources: dict[str, Amount] = {}
    labels: dict[str, str] = {}
    strategy: Literal["default", "spread"] | None = None


class RayOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `ray`."""

    address: Annotated[
        Annotated[str, msgspec.Meta(min_length=1)] | None,
        _said(
            "A cluster that exists: host:port of its head, or `auto` for the one that Ray finds on this machine; "
            "without it, a cluster of this machine is started, and ended after the run."
        ),
    ] = None
    isolate: Annotated[bool, _said("Each task, or chunk of them, has a process of its own below Ray's worker.")] = False
    max_workers: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        _said("Processors of a cluster that is started; otherwise as many as there are."),
    ] = None
    gpus: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, _said("GPUs of a cluster that is started; otherwise what Ray finds.")
    ] = None
    auth: Annotated[
        Literal["disabled", "token"], _said("How the cluster of `address` wants to be asked (RAY_AUTH_MODE).")
    ] = "disabled"
    token_path: Annotated[str | None, _said("The file with the token, for `auth: token`.")] = None
    resources: Annotated[
        dict[str, Amount],
        _said("Ray's own resources that each task takes, beside its cpu, memory and gpu: `{big: 1}`."),
    ] = {}
    labels: Annotated[dict[str, str], _said("Labels that a node must have to get tasks: `{pool: big}`.")] = {}
    strategy: Annotated[
        Literal["default", "spread"], _said("How Ray chooses among the nodes that can take a task.")
    ] = "default"
    placement: Annotated[
        dict[str, Placement],
        _said("`resources`, `labels` and `strategy` for some tasks, by a pattern of their names; the last match wins."),
    ] = {}
    runtime_env: Annotated[dict[str, Any], _said("Ray's runtime_env for all tasks: `pip`, `env_vars`, …")] = {}
    node_wait: Annotated[
        Annotated[float, msgspec.Meta(ge=0)],
        _said("Seconds that a task may wait for a node that can take it, on a cluster that grows; 0: refused at once."),
    ] = 0.0
    keep: Annotated[
        Annotated[float, msgspec.Meta(ge=0)],
        _said("Seconds that tasks on the cluster of `address` go on without a driver, for the next one to take over."),
    ] = 600.0
    objects: Annotated[
        Literal["always", "never"],
        _said("Pass large values on through Ray's object store, beside keeping them as artifacts."),
    ] = "always"
    shared_files: Annotated[bool, _said("All nodes see this machine's files under the same paths.")] = False
    detach: Annotated[
        Literal["process", "job"],
        _said(
            "What carries runs that are started in the background: a process of this machine, or a Ray job, which "
            "lives on the cluster of `address`."
        ),
    ] = "process"
    dashboard: Annotated[
        str | None,
        _said("The URL that takes Ray jobs; otherwise port 8265 of the host of `address`."),
    ] = None


def _open(options: RayOptions, site: Site) -> Executor:
    from fairlead.executors.ray.executor import Ray

    return Ray(options, max_workers=site.max_workers)


def _launch(options: RayOptions, _: Site) -> Launcher | None:
    if options.detach != "job":
        return None
    from fairlead.executors.ray.launcher import JobLauncher

    return JobLauncher(options)


ray = Plugin(
    open=_open,
    launch=_launch,
    options=RayOptions,
    doc="The workers of a Ray cluster: one that exists, or one that is started for the run.",
    needs=("ray",),
    install="fairlead[ray]",
)
