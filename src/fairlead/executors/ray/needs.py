"""What tasks need of a Ray cluster, what its nodes have, and whether the two go together.

Only works out numbers; whoever asks Ray for the nodes is somewhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from fairlead.errors import ConfigurationError
from fairlead.executors.ray.messages import Node
from fairlead.executors.ray.options import RayOptions
from fairlead.model.amounts import memory_bytes
from fairlead.model.task import TaskDefinition
from fairlead.ports import Offers

__all__ = ["fits", "needs_of", "offers_of", "refusal", "settled"]

_OWN = ("CPU", "GPU", "memory", "object_store_memory")
"""Resources that Ray gives every node; they are said by a task's `resources`."""


def settled(options: RayOptions) -> None:
    """Complain about settings that their types allow and that mean nothing."""
    problems = []
    if options.auth == "token" and not options.token_path:
        problems.append("auth: token needs token_path, the file with the token")
    if options.token_path and options.auth != "token":
        problems.append("token_path is read with auth: token only")
    if options.detach == "job" and options.address is None:
        problems.append("detach: job needs address, the cluster that the job is to live on")
    if options.dashboard is not None and not options.dashboard.startswith(("http://", "https://")):
        problems.append(f"dashboard: {options.dashboard!r} is no URL such as http://127.0.0.1:8265")
    for where, said in [("", options.resources), *((name, one.resources) for name, one in options.placement.items())]:
        place = f"placement.{where}: " if where else ""
        own = [name for name in said if name in _OWN]
        if own:
            problems.append(f"{place}resources: {own[0]!r} is what tasks say in their resources (cpu, gpu, memory)")
    if problems:
        raise ConfigurationError("executor 'ray': " + "; ".join(problems))


def needs_of(task: TaskDefinition, options: RayOptions) -> dict[str, Any]:
    """Give what to tell Ray about a task."""
    resources, labels, strategy = dict(options.resources), dict(options.labels), str(options.strategy)
    for pattern, said in options.placement.items():
        if fnmatchcase(task.name, pattern):
            resources |= said.resources
            labels |= said.labels
            strategy = said.strategy or strategy
    wanted = task.resources
    told: dict[str, Any] = {"num_cpus": wanted.cpu}
    if wanted.gpu:
        told["num_gpus"] = wanted.gpu
    if wanted.memory is not None:
        told["memory"] = memory_bytes(wanted.memory)
    if resources:
        told["resources"] = resources
    if labels:
        told["label_selector"] = labels
    if strategy == "spread":
        told["scheduling_strategy"] = "SPREAD"
    if task.env_vars:
        told["env_vars"] = dict(task.env_vars)
    return told


def offers_of(nodes: Sequence[Node], *, host: str, shared: bool) -> Offers:
    """Give what a cluster honours: the most that a single node has, and from where its tasks see files."""

    def most(name: str) -> float:
        return max((node.resources.get(name, 0.0) for node in nodes), default=0.0)

    here = shared or all(node.host == host for node in nodes)
    return Offers(
        reach="host" if here else "network",
        cpu=most("CPU"),
        memory=int(most("memory")) or None,
        gpu=int(most("GPU")),
        parallel=max(1, int(sum(node.resources.get("CPU", 0.0) for node in nodes))),
        dynamic=True,
    )


def fits(needs: Mapping[str, Any], node: Node) -> bool:
    """Whether a node could ever take such a task, if it had nothing else to do."""
    wanted = {"CPU": needs.get("num_cpus", 0), "GPU": needs.get("num_gpus", 0), "memory": needs.get("memory", 0)}
    wanted |= needs.get("resources", {})
    if any(node.resources.get(name, 0.0) + 1e-9 < amount for name, amount in wanted.items()):
        return False
    return all(_matches(node.labels.get(name, ""), value) for name, value in needs.get("label_selector", {}).items())


def _matches(label: str, wanted: str) -> bool:
    """Compare a label as Ray does: `value`, `!value`, `in(a, b)`, `!in(a, b)`."""
    if wanted.startswith("!"):
        return not _matches(label, wanted[1:])
    if wanted.startswith("in(") and wanted.endswith(")"):
        return label in [one.strip() for one in wanted[3:-1].split(",")]
    return label == wanted


def refusal(needs: Mapping[str, Any], nodes: Sequence[Node]) -> str:
    """Say why no node can take a task; empty when one can."""
    if any(fits(needs, node) for node in nodes):
        return ""
    lacking = [word for name, amount, word in _wanted(needs) if not any(fits({name: amount}, node) for node in nodes)]
    if not nodes:
        return "the Ray cluster has no node that is alive"
    has = "; ".join(sorted({_described(node) for node in nodes}))
    if not lacking:
        return f"no single node of the Ray cluster has all of it: {_told(needs)}; its nodes: {has}"
    return f"no node of the Ray cluster has {' nor '.join(lacking)}; its nodes: {has}"


def _wanted(needs: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    found: list[tuple[str, Any, str]] = [
        ("num_cpus", needs.get("num_cpus", 0), f"{needs.get('num_cpus', 0):g} processors")
    ]
    if "num_gpus" in needs:
        found.append(("num_gpus", needs["num_gpus"], f"{needs['num_gpus']} GPUs"))
    if "memory" in needs:
        found.append(("memory", needs["memory"], f"{needs['memory'] / 2**30:.1f}Gi of memory"))
    for name, amount in needs.get("resources", {}).items():
        found.append(("resources", {name: amount}, f"{amount:g} of the resource {name!r}"))
    for name, value in needs.get("label_selector", {}).items():
        found.append(("label_selector", {name: value}, f"the label {name}={value}"))
    return found


def _told(needs: Mapping[str, Any]) -> str:
    return ", ".join(word for _, _, word in _wanted(needs))


def _described(node: Node) -> str:
    has = [f"{node.resources.get('CPU', 0):g} processors"]
    if node.resources.get("GPU"):
        has.append(f"{node.resources['GPU']:g} GPUs")
    own = [name for name in node.resources if name not in _OWN and not name.startswith(("node:", "accelerator_type:"))]
    has += [f"{node.resources[name]:g} {name}" for name in sorted(own)]
    return f"{node.address} ({', '.join(has)})"
