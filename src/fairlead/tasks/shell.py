"""Tasks that are shell commands: what bash is told, and what it gives back.

How its processes are watched and ended is in `shell_process`, how values become variables in
`shell_values`. Neither is loaded unless a command runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fairlead.errors import CommandFailed
from fairlead.model.task import LEFT_OUT, TaskDefinition
from fairlead.ports import Current

if TYPE_CHECKING:
    from fairlead.tasks.shell_process import Ended

__all__ = ["ShellKind"]

_PRELUDE = r"""
set -euo pipefail;
__fairlead_failed= __fairlead_trap=;
__fairlead_code() { return "$1"; };
__fairlead_end() {
    { set +eux; } 2>/dev/null; builtin trap - EXIT ERR;
    {
        printf '%s\0%s\0%s\0' "$1" "$2" "$__fairlead_failed";
        for __fairlead_name in @NAMES@; do
            __fairlead_said=$(declare -p "$__fairlead_name" 2>/dev/null) && [[ -n ${!__fairlead_name+x} ]] || continue;
            __fairlead_said=${__fairlead_said#declare -};
            if [[ ${__fairlead_said%% *} != *x* ]]; then printf '!%s\0' "$__fairlead_name"; continue; fi;
            printf '%s=%s\0' "$__fairlead_name" "${!__fairlead_name}";
        done;
    } >&@FD@;
    __fairlead_code "$1"; eval "$__fairlead_trap"; exit "$1";
};
trap() {
    builtin trap "$@" || return; ((BASH_SUBSHELL)) && return 0;
    local __fairlead_now; __fairlead_now=$(builtin trap -p EXIT); [[ $__fairlead_now != *__fairlead_end* ]] || return 0;
    __fairlead_trap=; if [[ -n $__fairlead_now ]]; then eval "set ${__fairlead_now#trap }"; __fairlead_trap=$1; fi;
    builtin trap '__fairlead_end $? "$BASH_COMMAND"' EXIT;
};
builtin trap '__fairlead_end $? "$BASH_COMMAND"' EXIT;
builtin trap '__fairlead_failed="$?:$LINENO:$BASH_COMMAND"' ERR;
"""
"""Stands before the command, on its first line, so that bash counts lines as their author does.

At the end it tells, on a descriptor of its own: the exit code, the last command, what failed and where,
and the variables that are outputs. A trap of the author's comes after that.
"""

_TOLD = 3
"""Fields before the variables."""


class ShellKind:
    """Runs commands in bash."""

    def run(
        self,
        task: TaskDefinition,
        function: Callable[..., Any] | None,  # noqa: ARG002  # a command is none
        inputs: Mapping[str, Any],
        current: Current,
    ) -> Any:
        """Run the command with its inputs as variables, and give its outputs; CommandFailed."""
        from fairlead.tasks.shell_process import find_bash, run_bash
        from fairlead.tasks.shell_values import environment

        bash = find_bash()
        wanted = tuple(task.settings["outputs"])
        secrets = {name: current.secret(name) for name in task.secrets}
        given = {name: value for name, value in inputs.items() if value is not LEFT_OUT}
        environ = environment(given, secrets, without=wanted)
        command = task.sources[0].text

        def script(fd: int) -> str:
            prelude = " ".join(line.strip() for line in _PRELUDE.strip().splitlines())
            return f"{prelude.replace('@NAMES@', ' '.join(wanted)).replace('@FD@', str(fd))} {command}"

        ended = run_bash(bash, script, task.name, environ, secrets.values())
        place = (task.place.file, task.place.line) if task.place else None
        if ended.code:
            raise CommandFailed(_failure(ended), code=ended.code, place=place)
        return _outputs(task.name, wanted, ended, place)


def _outputs(name: str, wanted: Sequence[str], ended: Ended, place: tuple[str, int] | None) -> Any:
    """Give the outputs: what the last line says, or what was exported."""
    if not wanted:
        return None
    found: dict[str, Any] = {}
    unexported: set[str] = set()
    for field in ended.told[_TOLD:]:
        key, _, value = field.partition(b"=")
        if field.startswith(b"!"):
            unexported.add(field[1:].decode())
        else:
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
    found.update(_last_line(ended.last_line))
    missing = [one for one in wanted if one not in found]
    if missing:
        raise CommandFailed(_missing(name, missing, unexported, ended), place=place)
    values = tuple(found[one] for one in wanted)
    return values[0] if len(values) == 1 else values


def _last_line(line: bytes) -> dict[str, Any]:
    """Give the JSON object that the last line of the output is, if it is one."""
    import msgspec

    try:
        found = msgspec.json.decode(line) if line.startswith(b"{") else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _missing(name: str, missing: Sequence[str], unexported: set[str], ended: Ended) -> str:
    known = [one for one in missing if one in unexported]
    if known:
        listed = ", ".join(map(repr, known))
        return f"{name!r} sets {listed} and does not export it; write 'export {known[0]}' in the command"
    listed = ", ".join(map(repr, missing))
    ways = f"'export {missing[0]}=…' in the command, or print {{\"{missing[0]}\": …}} as its last line"
    why = "" if ended.told else " (the command replaced its shell with 'exec', so nothing could be read from it)"
    return f"{name!r} gave no {listed}{why}; {ways}"


def _failure(ended: Ended) -> str:
    """Say how a command failed: its code, where, and what it said last."""
    from signal import Signals

    fields = [field.decode("utf-8", "backslashreplace") for field in ended.told[:_TOLD]]
    code, last, failed = fields if len(fields) == _TOLD else ("", "", "")
    number = -ended.code if ended.code < 0 else ended.code - 128
    signal = Signals(number).name if number in {one.value for one in Signals} else ""
    if ended.code < 0:
        said = f"ended by {signal or f'signal {number}'}"
    else:
        said = f"exit code {ended.code}" + (f" ({signal})" if signal else "")
    status, _, rest = failed.partition(":")
    line, _, command = rest.partition(":")
    if status and status == code == str(ended.code):
        said += f" in line {line}: {command}"
    elif last and b"syntax error" not in ended.stderr:
        said += f" in: {last}"
    tail = ended.stderr.decode("utf-8", "backslashreplace").strip("\n")
    return f"{said}\n{tail}" if tail else said
