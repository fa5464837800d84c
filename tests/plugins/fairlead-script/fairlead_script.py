"""An orchestrator that is a shell script: it runs the tasks of a workflow on this machine, one after the other."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import msgspec

from fairlead.errors import DefinitionError
from fairlead.model.outline import ANY, ChoiceStep, GroupStep, LoopStep, MapStep, TaskStep
from fairlead.orchestration import Rehearsed
from fairlead.ports import Offers, Plugin

HEAD = """#!/bin/sh
# Runs a workflow, one task after the other. RUN names the run; NAME=VALUE as arguments give parameters anew.
: "${{RUN:?say which name the run is to have: RUN=NAME sh FILE}}"
export FAIRLEAD_ENV={environment}
facts=$(mktemp -d) || exit 1
trap 'rm -rf "$facts"' EXIT

# node LIMIT WORDS...: a process, started again up to LIMIT times where that may help
node() {{
    limit=$1; shift; tries=0
    while :; do
        echo "starts $*"
        {python} -m fairlead exec-node "$RUN" "$@" ${{again:+--retry "$tries"}}
        code=$?
        [ "$code" = 0 ] && return 0
        if [ "$code" = 20 ] || [ "$tries" = "$limit" ]; then echo "failed $*" >&2; return 1; fi
        tries=$((tries + 1))
    done
}}
task() {{ again=yes node "$@"; }}
ask() {{ again= node 2 "$@" --control "$facts"; }}
told() {{ cat "$facts/$1"; }}

count=$#
while [ "$count" -gt 0 ]; do set -- "$@" -p "$1"; shift; count=$((count - 1)); done
again= node 2 @open --definition {definition} "$@" || exit 1
"""

TAIL = """
if [ -z "$bad0" ]; then status=Succeeded; else status=Failed; fi
again= node 2 @close --status "$status" || exit 1
[ "$status" = Succeeded ]
"""


class Options(msgspec.Struct, kw_only=True):
    python: Annotated[str, msgspec.Meta(description="The interpreter that has Fairlead.")] = "python"


class Lines:
    """The text of a script; `marks` are the variables that say of steps that they succeeded."""

    def __init__(self, outline):
        self.outline, self.lines, self.marks = outline, [], 0

    def say(self, depth, *lines):
        self.lines += ["    " * depth + line for line in lines]

    def scope(self, steps, depth, indices, bad):
        """Write the steps of a scope; `bad` is the variable that is set when one of them fails."""
        known = {}
        self.say(depth, f"{bad}=")
        for step in steps:
            self.marks += 1
            mark = known[step.name] = f"ok{self.marks}"
            needs = [f'[ "${known[need.step]}" = yes ]' for need in step.needs]
            self.say(depth, f"{mark}=", f"if {' && '.join(needs) or 'true'}; then")
            self.step(step, depth + 1, indices, mark)
            self.say(depth + 1, f'[ "${mark}" = yes ] || {bad}=yes')
            self.say(depth, "fi")

    def step(self, step, depth, indices, mark):
        if isinstance(step, TaskStep):
            self.task(step, depth, indices, mark)
        elif isinstance(step, MapStep):
            self.map(step, depth, indices, mark)
        elif isinstance(step, ChoiceStep):
            self.choice(step, depth, indices, mark)
        elif isinstance(step, LoopStep):
            self.loop(step, depth, indices, mark)
        else:
            self.group(step, depth, indices, mark)

    def task(self, step, depth, indices, mark, more=""):
        retries = self.outline.classes[self.outline.class_of[step.task]].retries
        self.say(depth, f"task {retries + 2} {path(step.path, indices)}{more} && {mark}=yes")

    def map(self, step, depth, indices, mark):
        index, bad, (only, *others) = f"i{mark}", f"bad{mark}", step.body
        single = isinstance(only, TaskStep) and not others and only.path == step.path + ANY
        chunk = f" --chunk {step.chunk}" if single and step.chunk > 1 else ""
        where = path(step.path, indices)
        self.say(depth, f"if ask @plan {where}{chunk}; then")
        self.say(depth + 1, f"n{mark}=$(told count); {index}=0; all{mark}=yes")
        self.say(depth + 1, f'while [ "${index}" -lt "$n{mark}" ]; do')
        if chunk:
            self.say(depth + 2, f"{bad}=; one{mark}=")
            self.task(only, depth + 2, [*indices, index], f"one{mark}", chunk)
            self.say(depth + 2, f'[ "$one{mark}" = yes ] || {bad}=yes')
        else:
            self.scope(step.body, depth + 2, [*indices, index], bad)
        self.say(depth + 2, f'[ -z "${bad}" ] || all{mark}=', f"{index}=$(({index} + 1))")
        self.say(depth + 1, "done")
        if step.min_success is None:
            self.say(depth + 1, f"{mark}=$all{mark}")
        else:
            self.say(depth + 1, f"ask @join {where} && {mark}=yes")
        self.say(depth, "fi")

    def choice(self, step, depth, indices, mark):
        self.say(depth, f"if ask @choose {path(step.path, indices)}; then", '    case "$(told branch)" in')
        for branch in step.branches:
            self.say(depth + 1, f"{branch.token})")
            self.scope(branch.body, depth + 2, indices, f"bad{mark}")
            self.say(depth + 2, f'[ -n "$bad{mark}" ] || {mark}=yes', ";;")
        self.say(depth, "    esac", "fi")

    def loop(self, step, depth, indices, mark):
        index, inside = f"i{mark}", [*indices, f"i{mark}"]
        self.say(depth, f"{index}=0", "while :; do")
        self.scope(step.body, depth + 1, inside, f"bad{mark}")
        self.say(depth + 1, f'[ -z "$bad{mark}" ] || break')
        self.say(depth + 1, f"ask @again {path(step.path + ANY, inside)} || break")
        self.say(depth + 1, f'[ "$(told again)" = true ] || {{ {mark}=yes; break; }}', f"{index}=$(told next)")
        self.say(depth, "done")

    def group(self, step, depth, indices, mark):
        self.scope(step.body, depth, indices, f"bad{mark}")
        if step.handler is not None:
            self.say(depth, f'if [ -n "$bad{mark}" ]; then')
            self.scope(step.handler, depth + 1, indices, f"bad{mark}")
            self.say(depth, "fi")
        self.say(depth, f'[ -n "$bad{mark}" ] || {mark}=yes')


def path(pattern, indices):
    """Give the path of a task run as a word of the shell; its numbers are variables."""
    first, *others = pattern.split(ANY)
    return shlex.quote(first) + "".join(
        f'"[${index}]"{shlex.quote(text) if text else ""}' for index, text in zip(indices, others, strict=True)
    )


class Script:
    offers = Offers(reach="host", cpu=os.cpu_count() or 1, parallel=1)

    def __init__(self, options):
        self.options = options

    def lacking(self, outline):
        found, left = [], list(outline.steps)
        while left:
            step = left.pop()
            if step.ends:
                found.append((step.path, "ends the pipeline that it stands in"))
            if any(need.when != "ok" for need in step.needs):
                found.append((step.path, "follows the failure of another step"))
            if isinstance(step, GroupStep) and step.stops:
                found.append((step.path, "stops others at the first failure"))
            if isinstance(step, ChoiceStep):
                left += [inner for branch in step.branches for inner in branch.body]
            elif not isinstance(step, TaskStep):
                left += [*step.body, *(getattr(step, "handler", None) or ())]
        return sorted(found)

    def compile(self, deployment):
        lines = Lines(deployment.outline)
        lines.scope(deployment.outline.steps, 0, [], "bad0")
        head = HEAD.format(
            environment=shlex.quote(json.dumps(deployment.environment, sort_keys=True)),
            python=shlex.quote(self.options.python),
            definition=shlex.quote(deployment.definition),
        )
        known = [f"# {name}={value!r}" for name, value in deployment.parameters.items()]
        name = re.sub(r"[^a-z0-9]+", "-", deployment.outline.name.lower()).strip("-")
        return {f"{name or 'workflow'}.sh": "\n".join([head, *known, "", *lines.lines]) + "\n" + TAIL}

    def notes(self, deployment, files):
        return ["tasks run one after the other, those of a map too"]

    def rehearse(self, files, *, run, folder, at_once):
        if len(files) != 1 or not all(name.endswith(".sh") for name in files):
            raise DefinitionError(f"a rehearsal is of one script; there are {len(files)} files")
        (name,) = files
        folder.mkdir(parents=True)
        (folder / name).write_text(files[name], encoding="utf-8")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            ["sh", str(folder / name)],
            env={**os.environ, "RUN": run, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        phase = "succeeded" if done.returncode == 0 else f"exit code {done.returncode}"
        started = sum(line.startswith("starts ") for line in done.stdout.splitlines())
        said = {name: done.stderr} if done.returncode else {}
        return Rehearsed(run, phase, done.returncode == 0, started, said)


plugin = Plugin(open=lambda options, site: Script(options), options=Options, doc="A shell script.")
