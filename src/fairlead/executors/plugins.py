"""What environments can say to the executors that come with Fairlead, and how they are opened.

Imports no executor before one is opened: every start of a program that names one reads this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from fairlead.ports import Executor, Plugin, Site

if TYPE_CHECKING:
    from fairlead.executors.container.sockets import Answer
    from fairlead.executors.container.specs import Settings

__all__ = ["ContainerOptions", "LocalOptions", "container", "in_process", "local", "mock"]


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `local`."""

    max_workers: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(description="Worker processes at most; otherwise as many as there are processors."),
    ] = None


class ContainerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `container`."""

    image: Annotated[str | None, msgspec.Meta(description="What tasks run in that name no image themselves.")] = None
    url: Annotated[
        str | None,
        msgspec.Meta(description="Where the engine answers, such as 'unix:///var/run/docker.sock'; otherwise found."),
    ] = None
    pull: Annotated[
        Literal["missing", "never", "always"],
        msgspec.Meta(description="When images are fetched from their registry, before a run begins."),
    ] = "missing"
    mounts: Annotated[
        Sequence[str],
        msgspec.Meta(description="Folders that tasks see: 'FOLDER', 'FOLDER:TARGET' or 'FOLDER:TARGET:ro'."),
    ] = ()
    user: Annotated[
        str | None,
        msgspec.Meta(description="Who tasks run as, such as '1000:1000'; otherwise whoever runs Fairlead."),
    ] = None
    network: Annotated[
        str | None,
        msgspec.Meta(description="'none', 'host', or another network of the engine; otherwise the engine's usual one."),
    ] = None
    env: Annotated[
        dict[str, str], msgspec.Meta(description="Variables of every container; nothing else is passed on.")
    ] = msgspec.field(default_factory=dict)
    workdir: Annotated[
        str | None, msgspec.Meta(description="The folder in the container that tasks run in; otherwise the image's.")
    ] = None
    python: Annotated[str, msgspec.Meta(description="The Python of the image that has Fairlead.")] = "python3"
    max_workers: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(description="Containers at most; otherwise as many as the engine has processors."),
    ] = None

    def __post_init__(self) -> None:
        from pathlib import Path

        from fairlead.executors.container.specs import local_url, mount_of

        if self.url is not None:
            local_url(self.url, "url")
        for mount in self.mounts:
            mount_of(mount, Path("/"))


def _open_local(options: LocalOptions, site: Site) -> Executor:
    from fairlead.executors.local.executor import Local

    return Local(max_workers=site.max_workers or options.max_workers)


def _open_in_process(_: None, site: Site) -> Executor:
    from fairlead.executors.in_process import InProcess

    assert site.bench is not None, "executors are opened where jobs can be run"
    return InProcess(site.bench, clock=site.clock)


def _open_mock(_: None, site: Site) -> Executor:
    from fairlead.executors.mock import Mock

    assert site.bench is not None, "executors are opened where jobs can be run"
    return Mock(site.bench, clock=site.clock)


def _open_container(options: ContainerOptions, site: Site) -> Executor:
    from fairlead.executors.container.executor import Container

    return Container(
        options.url,
        lambda answer: _settings(options, site, answer),
        image=options.image,
        pull=options.pull,
        max_workers=site.max_workers or options.max_workers,
        bench=site.bench,
        name=site.name,
    )


def _settings(options: ContainerOptions, site: Site, answer: Answer) -> Settings:
    import os

    from fairlead.executors.container.specs import Settings, mount_of

    # Where the engine is not root's, the user 0 of a container is whoever runs the engine.
    ours = "0:0" if answer.rootless else f"{os.getuid()}:{os.getgid()}"
    return Settings(
        python=options.python,
        user=options.user or ours,
        foreign=options.user not in (None, ours, ours.partition(":")[0]),
        network=options.network,
        env=options.env,
        mounts=[mount_of(mount, site.folder) for mount in options.mounts],
        workdir=options.workdir,
    )


container = Plugin(
    open=_open_container,
    options=ContainerOptions,
    doc="Each task in a container of its own, by Docker or Podman on this machine.",
    needs=("docker",),
    install="fairlead[container]",
)

local = Plugin(open=_open_local, options=LocalOptions, doc="All cores of this machine, in warm worker processes.")

in_process = Plugin(
    open=_open_in_process, doc="One task after the other in this process; a debugger works in the task."
)

mock = Plugin(open=_open_mock, doc="Walks the graph in this process without running any task.")
