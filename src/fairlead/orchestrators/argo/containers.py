"""The leaf templates: what a pod runs. A few of them serve all tasks; what differs is a parameter.

The command is always `exec-node`; of what it gives back, only control facts pass through Argo.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fairlead.model.outline import TaskClass
from fairlead.model.task import Resources
from fairlead.orchestrators.argo.options import ArgoOptions

__all__ = ["CONTROL", "LOSSES", "RUN", "Containers"]

RUN = "{{workflow.name}}"
"""What a run is called in the store: as Argo calls it."""

CONTROL = "/tmp/fairlead"  # noqa: S108 - a folder in a container of its own
"""Where a container writes the fact that steers what follows."""

LOSSES = 2
"""How often more than its retries a pod is started, because one was lost; the driver does the same."""

_ROOM = 300
"""Seconds that a pod gets beyond its task's time limit: to pull its image, and to keep what the task gave."""

_LONGEST_DELAY = 3600
"""Seconds at which the doubling of a retry's delay stops."""

_FACTS: dict[str, dict[str, str]] = {
    "plan": {"count": "0"},
    "choose": {"branch": "none"},
    "again": {"again": "false", "next": "0"},
    "join": {},
}
"""By step: the facts that it gives, each with what counts where the container left nothing."""

_COMMAND = ["python", "-m", "fairlead", "exec-node"]


class Containers:
    """Makes leaf templates as they are needed, each once."""

    def __init__(self, options: ArgoOptions, environment: str, classes: tuple[TaskClass, ...]) -> None:
        """`environment`: the text that containers take their environment from."""
        self._options = options
        self._environment = environment
        self._classes = classes
        self._made: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Give every template that was needed, by name."""
        return [self._made[name] for name in sorted(self._made, key=_natural)]

    def task(self, number: int, chunk: int = 1) -> str:
        """Give the name of the template that runs tasks of a class."""
        kind = self._classes[number]
        name = ("exec" if not number else f"exec-{number + 1}") + (f"-by-{chunk}" if chunk > 1 else "")
        if name not in self._made:
            arguments = ["{{inputs.parameters.path}}", "--retry", "{{retries}}"]
            arguments += ["--chunk", str(chunk)] if chunk > 1 else []
            template: dict[str, Any] = {"name": name, "inputs": _inputs()}
            if kind.timeout is not None:
                template["activeDeadlineSeconds"] = str(round(kind.timeout) * chunk + _ROOM)
            template["retryStrategy"] = _retry(kind.retries, kind.retry_delay)
            template["container"] = self._container(arguments, kind.image, kind.resources)
            self._made[name] = template
        return name

    def control(self, step: str, chunk: int = 1) -> str:
        """Give the name of the template that works out how things go on: `plan`, `choose`, `again`, `join`."""
        name = step + (f"-by-{chunk}" if chunk > 1 else "")
        if name not in self._made:
            arguments = [f"@{step}", "{{inputs.parameters.path}}", "--control", CONTROL]
            arguments += ["--chunk", str(chunk)] if chunk > 1 else []
            facts = _FACTS[step]
            outputs = [
                {"name": fact, "valueFrom": {"path": f"{CONTROL}/{fact}", "default": default}}
                for fact, default in facts.items()
            ]
            self._made[name] = {
                "name": name,
                "inputs": _inputs(),
                **({"outputs": {"parameters": outputs}} if outputs else {}),
                "retryStrategy": _retry(final=(2, 3, 20)),
                "container": self._container(arguments),
            }
        return name

    def opening(self, definition: str, parameters: list[str]) -> str:
        """Give the name of the template that opens a run."""
        arguments = ["@open", "--definition", definition, "--uid", "{{workflow.uid}}"]
        for name in parameters:
            arguments += ["-p", f"{name}={{{{workflow.parameters.{name}}}}}"]
        self._made["open"] = {
            "name": "open",
            "retryStrategy": _retry(final=(2, 3, 20)),
            "container": self._container(arguments),
        }
        return "open"

    def closing(self) -> str:
        """Give the name of the template that closes a run, whatever became of it."""
        self._made["close"] = {
            "name": "close",
            "retryStrategy": _retry(final=(2, 3, 20)),
            "container": self._container(["@close", "--status", "{{workflow.status}}"]),
        }
        return "close"

    def _container(
        self, arguments: list[str], image: str | None = None, resources: Resources | None = None
    ) -> dict[str, Any]:
        options = self._options
        container: dict[str, Any] = {
            "image": image or options.image,
            # Without a command, Argo asks the registry for the image's own.
            "command": list(_COMMAND),
            "args": [RUN, *arguments],
            "env": [{"name": "FAIRLEAD_ENV", "value": self._environment}],
        }
        if options.secret:
            container["envFrom"] = [{"secretRef": {"name": options.secret}}]
        if options.pull_policy:
            container["imagePullPolicy"] = options.pull_policy
        if resources is not None:
            container["resources"] = _resources(resources)
        return container


def _inputs() -> dict[str, Any]:
    return {"parameters": [{"name": "path"}]}


def _retry(retries: int = 0, delay: float = 0.0, *, final: Sequence[int] = (20,)) -> dict[str, Any]:
    """Try again what may be tried again.

    `exec-node` leaves with 20 once that is over; where it runs no task, no task can have left with 2 or 3.
    """
    last = "asInt(lastRetry.exitCode)"
    strategy: dict[str, Any] = {
        "limit": str(retries + LOSSES),
        # Without this, a pod that was evicted or deleted would not be started again.
        "retryPolicy": "Always",
        "expression": " && ".join(f"{last} != {code}" for code in final),
    }
    if delay:
        seconds = max(1, round(delay))
        strategy["backoff"] = {"duration": f"{seconds}s", "factor": "2", "cap": f"{max(seconds, _LONGEST_DELAY)}s"}
    return strategy


def _resources(resources: Resources) -> dict[str, Any]:
    requests = {"cpu": _cpu(resources.cpu)}
    limits: dict[str, str] = {}
    if resources.memory is not None:
        requests["memory"] = limits["memory"] = _memory(resources.memory)
    if resources.gpu:
        limits["nvidia.com/gpu"] = str(resources.gpu)
    return {"requests": requests, **({"limits": limits} if limits else {})}


def _cpu(cpu: float) -> str:
    return str(int(cpu)) if cpu == int(cpu) else f"{max(1, round(cpu * 1000))}m"


def _memory(text: str) -> str:
    """Write an amount of memory as Kubernetes does: `500K` is `500k` there."""
    plain = text.replace(" ", "").removesuffix("B")
    return re.sub("K$", "k", plain)


def _natural(name: str) -> tuple[str, list[int]]:
    """Sort `exec-10` behind `exec-9`."""
    return re.sub(r"\d+", "", name), [int(number) for number in re.findall(r"\d+", name)]
