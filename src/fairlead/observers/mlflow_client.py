"""The process that talks to MLflow: reads documents from stdin, a line each, and makes an MLflow run of them.

Started by `mlflow.py`, which says what it is to do. It ends with its input, or a time of grace later.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from queue import SimpleQueue
from typing import Any

import msgspec

__all__ = ["Tracker", "main"]

_FORBIDDEN = re.compile(r"[^\w./: -]")
"""What MLflow does not allow in the names of parameters and metrics."""

_STATUSES = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED", "interrupted": "KILLED"}

_ITEM = re.compile(r"\[(\d+)\]")

_BATCH = 100
"""Parameters, and metrics, of one request at most."""


class Tracker:
    """Keeps an MLflow run up to date with a run of ours."""

    def __init__(self, settings: dict[str, Any]) -> None:
        from mlflow import MlflowClient

        self.client: Any = MlflowClient(tracking_uri=settings["tracking_uri"] or None)
        self.experiment = self._experiment(settings["experiment"])
        self.nested = settings["nested"]
        self.tags = settings["tags"]
        self.run = ""
        self.children: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Do what an event asks for."""
        kind = event["event"]
        if kind == "run_opened":
            self._opened(event)
        elif kind == "task_ended":
            self._task(event)
        elif kind == "artifact":
            into = self.children.get(event["task"], self.run)
            self.client.log_artifact(into, event["file"], None if into != self.run else event["task"])
        elif kind == "run_closed" and self.run:
            status = _STATUSES.get(event["status"], "KILLED")
            self.client.set_tag(self.run, "fairlead.status", event["status"])
            self.client.set_terminated(self.run, status, _milliseconds(event["ended"]))

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name))
            except MlflowException:
                found = self.client.get_experiment_by_name(name)  # another run was faster
                if found is None:
                    raise
        return str(found.experiment_id)

    def _opened(self, event: dict[str, Any]) -> None:
        self.run = self._again(event["run"]) if event["epoch"] > 1 or event.get("again") else ""
        if self.run:
            self.client.update_run(self.run, status="RUNNING")
            return
        tags = {f"fairlead.{key}": event[key] for key in ("run", "workflow", "environment", "parent", "target")}
        tags.update({"fairlead.mocked": "true"} if event["mocked"] else {})
        for tag in event["tags"]:
            key, _, value = tag.partition("=")
            tags[key] = value or "true"
        tags = {**{key: value for key, value in tags.items() if value}, **self.tags}
        tags["mlflow.user"] = event["user"]
        made = self.client.create_run(
            self.experiment, start_time=_milliseconds(event["started"]), tags=tags, run_name=event["run"]
        )
        self.run = made.info.run_id
        self._parameters(event["parameters"])

    def _parameters(self, parameters: dict[str, str]) -> None:
        from mlflow.entities import Param

        params = [Param(_name(key), value) for key, value in parameters.items()]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(self.run, params=params[start : start + _BATCH])

    def _again(self, run: str) -> str:
        """Find the MLflow run of a run that goes on; empty when there is none."""
        if "'" in run:
            return ""  # the language of filters has no way to write it
        found = self.client.search_runs([self.experiment], f"tags.`fairlead.run` = '{run}'", max_results=1)
        return str(found[0].info.run_id) if found else ""

    def _task(self, event: dict[str, Any]) -> None:
        if not self.run or not event["final"]:
            return
        metrics = {name: value for name, value in event["metrics"].items() if value is not None}
        if self.nested:
            self._child(event, {**metrics, "seconds": event["seconds"]})
        numbers = _ITEM.findall(event["task"])
        step = int(numbers[-1]) if numbers else 0
        self._metrics(self.run, {f"{event['name']}/{name}": value for name, value in metrics.items()}, event, step)

    def _child(self, event: dict[str, Any], metrics: dict[str, float]) -> None:
        tags = {"mlflow.parentRunId": self.run, "fairlead.task": event["task"], "fairlead.outcome": event["outcome"]}
        failure = event["failure"]
        if failure is not None:
            tags["fairlead.failure"] = f"{failure['type'] or failure['reason']}: {failure['message']}"[:4000]
        tags.update({"fairlead.origin": event["origin"]} if event["origin"] else {})
        started = _milliseconds(event["started"] or event["ended"])
        made = self.client.create_run(self.experiment, start_time=started, tags=tags, run_name=event["task"])
        child = self.children[event["task"]] = made.info.run_id
        self._metrics(child, metrics, event, 0)
        status = "FINISHED" if event["outcome"] in ("succeeded", "reused") else "FAILED"
        self.client.set_terminated(child, status, _milliseconds(event["ended"]))

    def _metrics(self, run: str, metrics: dict[str, float], event: dict[str, Any], step: int) -> None:
        from mlflow.entities import Metric

        at = _milliseconds(event["ended"]) or 0
        made = [Metric(_name(name), value, at, step) for name, value in metrics.items()]
        for start in range(0, len(made), _BATCH):
            self.client.log_batch(run, metrics=made[start : start + _BATCH])


def _name(text: str) -> str:
    return _FORBIDDEN.sub("_", text)


def _milliseconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment * 1000)


def main() -> int:
    """Do what comes in by stdin; gives the exit code, and says on stderr why it is not 0."""
    # MLflow tries for minutes; a server that does not answer now is told of now.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    lines: SimpleQueue[bytes] = SimpleQueue()
    settings = msgspec.json.decode(sys.stdin.buffer.readline())

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        lines.put(b"")
        limit = threading.Timer(settings["grace"], os._exit, [1])
        limit.daemon = True
        limit.start()

    threading.Thread(target=read, daemon=True).start()
    try:
        tracker = Tracker(settings)
        while line := lines.get():
            tracker.take(msgspec.json.decode(line))
    except Exception as error:  # noqa: BLE001  # whatever the client raises is told by the observer, in one line
        said = " ".join(str(error).split())
        sys.stderr.write(f"\n{type(error).__name__}: {said[:300]}\n")
        sys.stderr.flush()
        os._exit(1)  # the client's threads may wait for the server yet
    return 0


if __name__ == "__main__":
    sys.exit(main())
