"""Rules for templates that run something: containers, scripts, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fairlead.orchestrators.argo.lint_words import Problems

__all__ = ["check_leaf"]

_POLICIES = ("Always", "OnError", "OnFailure", "OnTransientError")
_DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+|\d+")
_SOURCES = ("configMapKeyRef", "event", "expression", "jqFilter", "jsonPath", "parameter", "path", "supplied")
_LOCATIONS = ("artifactory", "azure", "gcs", "git", "hdfs", "http", "oss", "plugin", "raw", "s3")
_OURS = ("init", "supervisor", "wait")
"""Names of containers that Argo adds to each pod."""
_HIGHEST_MODE = 511


def check_leaf(template: Mapping[str, Any], kind: str, place: str, problems: Problems) -> None:
    """Check a template that is neither a DAG nor steps."""
    if kind in ("container", "script"):
        _check_container(template[kind], f"{place}.{kind}", problems)
    for extra in (*(template.get("sidecars") or ()), *(template.get("initContainers") or ())):
        name = extra.get("name")
        if name in (*_OURS, "main"):
            problems.add(place, f"a container may not be called {name!r}: Argo has one of that name")
        _check_container(extra, f"{place}[{name}]", problems)
    if template.get("retryStrategy"):
        _check_retry(template["retryStrategy"], f"{place}.retryStrategy", problems)
    deadline = template.get("activeDeadlineSeconds")
    if deadline is not None and "{{" not in str(deadline) and not str(deadline).isdecimal():
        problems.add(f"{place}.activeDeadlineSeconds", f"{deadline!r} is no number of seconds")
    if template.get("timeout") and not _DURATION.fullmatch(str(template["timeout"])):
        problems.add(f"{place}.timeout", f"{template['timeout']!r} is no duration such as '10m'")
    _check_outputs(template, place, problems)
    _check_artifacts(template, place, problems)


def _check_container(container: Mapping[str, Any], place: str, problems: Problems) -> None:
    if not container.get("image"):
        problems.add(f"{place}.image", "there is none")
    if not container.get("command"):
        problems.add(f"{place}.command", "there is none, and Argo would ask the registry for the image's own")
    seen: set[str] = set()
    for variable in container.get("env") or ():
        if variable.get("name") in seen:
            problems.add(f"{place}.env", f"{variable.get('name')!r} is there twice")
        seen.add(variable.get("name"))


def _check_retry(strategy: Mapping[str, Any], place: str, problems: Problems) -> None:
    policy = strategy.get("retryPolicy")
    if policy not in (None, *_POLICIES):
        problems.add(f"{place}.retryPolicy", f"{policy!r} is none of {', '.join(_POLICIES)}")
    if "limit" in strategy and not re.fullmatch(r"\d+|\{\{.*\}\}", str(strategy["limit"])):
        problems.add(f"{place}.limit", f"{strategy['limit']!r} is no number")
    for key in ("duration", "maxDuration", "cap"):
        text = (strategy.get("backoff") or {}).get(key)
        if text is not None and not _DURATION.fullmatch(str(text)):
            problems.add(f"{place}.backoff.{key}", f"{text!r} is no duration such as '30s'")


def _check_outputs(template: Mapping[str, Any], place: str, problems: Problems) -> None:
    for parameter in (template.get("outputs") or {}).get("parameters") or ():
        where = f"{place}.outputs.parameters[{parameter.get('name')}]"
        source = parameter.get("valueFrom") or {}
        given = [key for key in _SOURCES if key in source]
        if len(given) != 1:
            problems.add(where, f"it must come from one source, and comes from {' and '.join(given) or 'none'}")
        if "default" not in source:
            problems.add(where, "it has no default, and where the task is left out, whoever reads it fails")


def _check_artifacts(template: Mapping[str, Any], place: str, problems: Problems) -> None:
    kind = template.get("container") or template.get("script") or {}
    paths: dict[str, str] = {one.get("mountPath", ""): "a volume" for one in kind.get("volumeMounts") or ()}
    for side in ("inputs", "outputs"):
        for artifact in (template.get(side) or {}).get("artifacts") or ():
            where = f"{place}.{side}.artifacts[{artifact.get('name')}]"
            locations = [key for key in _LOCATIONS if key in artifact]
            if len(locations) > 1:
                problems.add(where, f"it is in one place at most, and not in {' and '.join(locations)}")
            mode = artifact.get("mode")
            if mode is not None and not 0 <= mode <= _HIGHEST_MODE:
                problems.add(f"{where}.mode", f"{mode} is not between 0 and {_HIGHEST_MODE}")
            path = artifact.get("path", "")
            if side == "inputs" and path in paths:
                problems.add(f"{where}.path", f"{path!r} is where {paths[path]} is")
            if side == "inputs":
                paths[path] = f"the artifact {artifact.get('name')!r}"
