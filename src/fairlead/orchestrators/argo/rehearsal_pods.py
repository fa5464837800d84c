"""Pods of a rehearsal: each container is a process of this machine, started again as its strategy says.

A process has no file system of its own. So that several do not write one file, each gets a folder for the
files that its outputs are read from, and its arguments and variables name that folder.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, TypeAlias

from fairlead.orchestrators.argo.rehearsal_words import Wrong, fill_in, retry_wanted

__all__ = ["Node", "Phase", "Pods"]

Phase: TypeAlias = Literal["Succeeded", "Failed", "Error", "Skipped", "Omitted"]

_LONGEST_DELAY = 1.0
"""Seconds that a rehearsal waits before something is tried again, however long Argo would."""

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "ms": 0.001}


class Node(NamedTuple):
    """What became of something that Argo ran."""

    phase: Phase
    outputs: Mapping[str, str] = {}
    message: str = ""
    items: tuple[Phase, ...] = ()
    """How the items of a loop went."""

    @property
    def bad(self) -> bool:
        """Whether it failed."""
        return self.phase in ("Failed", "Error")


class Pods:
    """Starts containers, so many at once."""

    def __init__(self, folder: Path, at_once: int) -> None:
        self._folder = folder
        self._room = asyncio.Semaphore(at_once)
        self.started = 0
        self.said: dict[str, str] = {}
        """What containers wrote that did not succeed, by the name of their node."""

    async def run(self, name: str, template: Mapping[str, Any], known: Mapping[str, str]) -> Node:
        """Run the container of a template, and again as long as its strategy wants."""
        strategy = template.get("retryStrategy")
        number = 0
        while True:
            node, code = await self._once(name, fill_in(template, {**known, "retries": str(number)}))
            if not node.bad or strategy is None or not _again(strategy, node, code, number):
                return node
            await asyncio.sleep(_delay(strategy.get("backoff") or {}, number))
            number += 1

    async def _once(self, name: str, template: Mapping[str, Any]) -> tuple[Node, int]:
        async with self._room:
            self.started += 1
            root = self._folder / f"pod-{self.started}"
            outputs = (template.get("outputs") or {}).get("parameters") or []
            files = [one["valueFrom"]["path"] for one in outputs if "path" in one["valueFrom"]]
            places = {str(PurePosixPath(file).parent) for file in files}
            root.mkdir(parents=True)
            for place in places:
                (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
            container = _moved(template["container"], places, root)
            code, said = await _process(container, template.get("activeDeadlineSeconds"), root / "log")
        if code:
            self.said[name] = said
            return Node("Failed", _outputs(outputs, root), f"exit code {code}"), code
        self.said.pop(name, None)
        try:
            return Node("Succeeded", _outputs(outputs, root, strictly=True)), 0
        except Wrong as error:
            return Node("Error", message=str(error)), 0


def _again(strategy: Mapping[str, Any], node: Node, code: int, number: int) -> bool:
    """Decide whether a pod is started again; `number` of times it was already."""
    if "limit" in strategy and number >= int(strategy["limit"]):
        return False
    expression = str(strategy.get("expression", ""))
    policy = strategy.get("retryPolicy") or ("Always" if expression else "OnFailure")
    if policy not in ("Always", "OnFailure" if node.phase == "Failed" else "OnError"):
        return False
    last = {"exitCode": str(code), "status": node.phase, "message": node.message, "duration": "0"}
    return retry_wanted(expression, last) if expression else True


def _delay(backoff: Mapping[str, Any], number: int) -> float:
    seconds = _seconds(str(backoff.get("duration", "0"))) * float(backoff.get("factor", 1)) ** number
    cap = backoff.get("cap")
    return min(seconds, _LONGEST_DELAY, _seconds(str(cap)) if cap else seconds)


def _seconds(text: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text))


def _moved(container: Mapping[str, Any], places: set[str], root: Path) -> dict[str, Any]:
    """Have a container name its own folder wherever it names one that its outputs are read from."""

    def move(text: str) -> str:
        for place in places:
            if text == place or text.startswith(f"{place}/"):
                return f"{root}{text}"
        return text

    env = [{**one, "value": move(one["value"])} if "value" in one else one for one in container.get("env") or []]
    args = [move(str(word)) for word in container.get("args") or []]
    return {**container, "env": env, "args": args}


def _outputs(parameters: list[Mapping[str, Any]], root: Path, *, strictly: bool = False) -> dict[str, str]:
    found = {}
    for parameter in parameters:
        source = parameter["valueFrom"]
        file = root / str(source.get("path", "")).lstrip("/")
        if file.is_file():
            found[parameter["name"]] = file.read_text(encoding="utf-8").removesuffix("\n")
        elif "default" in source:
            found[parameter["name"]] = str(source["default"])
        elif strictly:
            raise Wrong(f"the output {parameter['name']!r} is not there, and has no default")
    return found


async def _process(container: Mapping[str, Any], deadline: Any, log: Path) -> tuple[int, str]:
    """Run a container's command; gives its exit code and what it wrote."""
    # The interpreter of this program stands in for the image's.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = {**os.environ, "PATH": path, **{one["name"]: one["value"] for one in container["env"] if "value" in one}}
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *container["command"],
            *container["args"],
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        await asyncio.wait_for(process.wait(), None if deadline is None else float(deadline))
    except TimeoutError:
        _kill(process.pid)
        await process.wait()
    except BaseException:
        _kill(process.pid)
        await process.wait()
        raise
    code = process.returncode or 0
    return (128 - code if code < 0 else code), log.read_text(encoding="utf-8", errors="replace")


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has just ended by itself
