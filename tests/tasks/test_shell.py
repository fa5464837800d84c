"""Shell commands: what bash is told, what comes back, and that nothing of them is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

import pytest

from fairlead import CommandFailed, FairleadError, current_run, shell, task, workflow
from fairlead.tasks.shell_process import _LastLine
from tests.tasks.conftest import eventually, gone, logged


class Side(Enum):
    LEFT = "left"


@dataclass
class Spot:
    x: int


@task
def numbers():
    return [1, 2]


# --- what it is given -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b\n'c'", "a b\n'c'"),
        (True, "true"),
        (None, ""),
        (3, "3"),
        (0.1, "0.1"),
        (10**30, str(10**30)),
        ([1, "a"], '[1,"a"]'),
        ({"k": None}, '{"k":null}'),
        (Path("a/b c"), "a/b c"),
        (Side.LEFT, "left"),
        (date(2024, 2, 29), "2024-02-29"),
        (Spot(1), '{"x":1}'),
        ("é\udcff", "é\udcff"),
    ],
    ids=repr,
)
def test_a_value_is_a_variable_as_shells_use_it(project, value, text):
    assert shell("y=$x; export y", outputs=["y"])(value) == text


def test_arrays_and_models_are_variables_too(project):
    numpy, pydantic = pytest.importorskip("numpy"), pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        a: int

    both = shell("y=$x/$z; export y", outputs=["y"])
    assert both(numpy.array([1, 2]), Model(a=1)) == '[1,2]/{"a":1}'
    assert both(numpy.float64(1.5), numpy.int64(2)) == "1.5/2"


def test_what_no_variable_can_hold_is_named(project):
    take = shell("echo $x $y")
    with pytest.raises(FairleadError, match=r"'x' \(object\) cannot be an environment variable: .*; 'y' is 200,0"):
        take(object(), "a" * 200_000)
    with pytest.raises(FairleadError, match="NUL"):
        take("a\0", 1)


def test_the_users_environment_is_there(project, monkeypatch):
    monkeypatch.setenv("OWN", "mine")
    assert shell("a=$OWN; export a; command -v ls >/dev/null", outputs=["a"])() == "mine"


def test_an_output_is_not_taken_from_the_users_environment(project, monkeypatch):
    monkeypatch.setenv("version", "9")
    with pytest.raises(CommandFailed, match="'true' gave no 'version'; 'export version=…'"):
        shell("true", outputs=["version"])()


def test_env_vars_of_the_task_are_there(project, env):
    @workflow
    def flow():
        return shell("a=$LEVEL; export a", outputs=["a"], env_vars={"LEVEL": "5"})()

    assert flow().run(env).get_results() == "5"


# --- what it gives ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("export a=1 b=2", ("1", "2")),
        ("export a=1 b=; exit 0", ("1", "")),
        ("a=1; b=2; export a b; trap 'echo bye' EXIT", ("1", "2")),
        ("trap 'exit 0' EXIT; trap - EXIT; export a=1 b=2", ("1", "2")),
        ("f() { export a=1; }; f; declare -x b='x=y\n$z'", ("1", "x=y\n$z")),
        ("""echo '{"a": 1, "b": [true, null]}'""", (1, [True, None])),
        ("""echo '{"a": 1, "c": 3}'; echo; export b=2""", (1, "2")),
        ("""export a=1 b=2; echo '{"a": 5}'; echo more""", ("1", "2")),
        ("""export a=1 b=2; echo '{"a": 5'""", ("1", "2")),
        ("export a=$'\\xff' b=é", ("\udcff", "é")),
        ("set -x; export a=1 b=2", ("1", "2")),
    ],
)
def test_outputs_are_what_is_exported_or_said_in_the_last_line(project, command, expected):
    assert shell(command, outputs=["a", "b"])() == expected


@pytest.mark.parametrize("name", ["said", "name", "now"])
def test_an_output_may_have_any_name_and_traps_see_the_commands_own_variables(project, capfd, name):
    command = f"{name}=ours; trap 'echo {name} is ${name}' EXIT; export {name}"
    assert shell(command, outputs=[name])() == "ours"
    assert capfd.readouterr().out == f"{name} is ours\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", "'true' gave no 'n'; 'export n=…' in the command, or print {\"n\": …} as its last line"),
        ("n=3", "'shell' sets 'n' and does not export it; write 'export n' in the command"),
        ("exec true", "'shell' gave no 'n' (the command replaced its shell with 'exec', so nothing could be read"),
    ],
)
def test_an_output_that_was_not_given_is_named(project, command, said):
    with pytest.raises(CommandFailed) as caught:
        shell(command, outputs=["n"])()
    assert said in str(caught.value)


def test_outputs_that_are_no_text_for_json_travel_between_tasks(project, env):
    @workflow
    def flow():
        odd = shell("export a=$'\\xff'", outputs=["a"], name="odd")()
        return shell("n=${#a}; export n b=$a", outputs=["n", "b"], name="size")(odd)

    assert flow().run(env).get_results()[1] == "\udcff"


def test_a_command_without_outputs_gives_none(project, env):
    @workflow
    def flow():
        return shell("echo $x")(numbers())

    run = flow().run(env)
    assert run.get_results() is None
    assert logged(run) == "[1,2]\n"


def test_a_map_runs_one_command_for_each_item(project, env):
    @workflow
    def flow():
        return shell("export r=$i-$k", outputs=["r"]).map(["a", "b c"], k=numbers())

    assert flow().run(env).get_results() == ["a-[1,2]", "b c-[1,2]"]


def test_a_variable_with_a_default_may_be_left_out(project):
    greet = shell("export r=${greeting:-hi}-$name", outputs=["r"])
    assert (greet(name="you"), greet("ho", "me")) == ("hi-you", "ho-me")


# --- what it writes ---------------------------------------------------------------------------------


def test_bytes_are_logged_as_they_come(project, env):
    @workflow
    def flow():
        return shell(r"printf 'a\0\xff[/x]\n'; printf 'no newline' >&2")()

    run = flow().run(env)
    data = b"".join(path.read_bytes() for path in (project / ".fairlead").rglob("*.log"))  # as it is on disk
    assert data == b"a\0\xff[/x]\nno newline"
    assert run.get_status() == "succeeded"


def test_output_is_there_while_the_command_runs(project):
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / "src")!r})
from fairlead import shell
shell('printf prompt; read -t 20 -u 0 x || true; sleep 20')()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        begun = time.monotonic()
        assert os.read(process.stdout.fileno(), 100) == b"prompt"
        assert time.monotonic() - begun < 15
    finally:
        process.kill()
        process.communicate()


def test_large_output_is_not_held(project):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(os.devnull, "wb") as nothing:
        saved, sys.stdout = sys.stdout, os.fdopen(os.dup(nothing.fileno()), "w")
        try:
            n = shell("head -c 300000000 /dev/zero; echo; export n=1", outputs=["n"])()
        finally:
            sys.stdout.close()
            sys.stdout = saved
    assert n == "1"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_last_line_comes_together_from_pieces():
    last = _LastLine()
    for piece in (b'x\n{"a"', b": 1", b"}\n", b"\n  \n"):
        last.feed(piece)
    assert last.line == b'{"a": 1}'
    last.feed(b"no")
    assert last.line == b""


# --- how it fails -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("true\nfalse\ntrue", 1, "exit code 1 in line 2: false"),
        ("false | cat; echo on", 1, "exit code 1 in line 1: cat"),
        ("f() {\ncat /nope\n}\nf", 1, "exit code 1 in: cat /nope\ncat: /nope: No such file"),
        ("exit 7", 7, "exit code 7 in: exit 7"),
        (
            "a=1; echo $a; echo $HOME $UNSET_ONE",
            1,
            "exit code 1 in: echo $HOME $UNSET_ONE\nshell: line 1: UNSET_ONE: unb",
        ),
        ("if true; the\nfi", 2, "exit code 2\nshell: -c: line 2: syntax error"),
        ("kill -9 $$", -9, "ended by SIGKILL"),
        ("bash -c 'kill -9 $$'", 137, "exit code 137 (SIGKILL) in line 1: bash -c 'kill -9 $$'"),
        (
            "nosuchcommand",
            127,
            "exit code 127 in line 1: nosuchcommand\nnosuchcommand: line 1: nosuchcommand: command not",
        ),
    ],
)
def test_a_failure_says_where_and_why(project, command, code, said):
    with pytest.raises(CommandFailed) as caught:
        shell(command)()
    assert (caught.value.code, str(caught.value)[: len(said)]) == (code, said)


def test_a_failure_is_recorded_with_its_place_and_retried(project, env):
    @workflow
    def flow(path):
        return shell("echo once >> $path; echo oops >&2; exit 3", retries=1, name="bad")(path)

    run = flow(str(project / "count")).run(env, check=False)
    (bad,) = run.get_tasks(name="bad")
    failure = bad.attempts[-1].failure
    assert (failure.type, failure.reason) == ("CommandFailed", "exception")
    assert failure.message == "exit code 3 in: exit 3\noops"
    assert failure.place.file == __file__ and failure.traceback == ""
    assert (project / "count").read_text() == "once\nonce\n"


def test_a_machine_without_bash_says_so(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(FairleadError, match="no bash on this machine"):
        shell("true")()


# --- secrets ----------------------------------------------------------------------------------------


class Vault:
    """Gives secrets where a run would."""

    run_id, path, attempt = "r", "t", 1

    def secret(self, name):
        return {"TOKEN": "s3cr3t"}[name]


def test_secrets_are_variables_and_masked_wherever_output_is_cut(project, capfdbinary):
    from fairlead.tasks.shell import ShellKind

    command = "echo a $TOKEN; printf 's3c'; sleep 0.05; echo r3t >&1; echo s3cr >&2; echo $TOKEN >&2; exit 2"
    with pytest.raises(CommandFailed) as caught:
        ShellKind().run(shell(command, secrets=["TOKEN"]).definition, None, {}, Vault())
    out, err = capfdbinary.readouterr()
    assert (out, err) == (b"a ***\n***\n", b"s3cr\n***\n")
    assert "s3cr3t" not in str(caught.value)


def test_a_plain_call_takes_secrets_from_the_environment(project, monkeypatch, capfd):
    monkeypatch.setenv("TOKEN", "hush")
    shell("echo $TOKEN", secrets=["TOKEN"])()
    assert capfd.readouterr().out == "***\n"
    monkeypatch.delenv("TOKEN")
    with pytest.raises(FairleadError, match="no secret 'TOKEN'"):
        shell("echo $TOKEN", secrets=["TOKEN"])()


# --- its end ----------------------------------------------------------------------------------------

_CHILDREN = """
sleep 61 & echo $! > pids
timeout 62 sleep 62 & echo $! >> pids
(set -m; sleep 63 & echo $! >> pids)
"""


def pids(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def test_what_a_command_leaves_in_the_background_ends_with_it(project, env):
    @workflow
    def flow():
        return shell(f"cd {project}{_CHILDREN}export n=1", outputs=["n"], name="leave")()

    begun = time.monotonic()
    assert flow().run(env).get_results() == "1"
    assert time.monotonic() - begun < 20
    assert all(map(gone, pids(project)))


def test_what_ends_by_itself_is_waited_for(project, capfd):
    shell("exec > >(sleep 0.1; cat); echo late")()
    assert capfd.readouterr().out == "late\n"


def test_a_time_limit_ends_the_command_with_its_children(project, env):
    @workflow
    def flow():
        return shell(f"cd {project}{_CHILDREN}trap '' TERM; sleep 64", timeout=0.7, name="slow")()

    run = flow().run(env, check=False)
    (slow,) = run.get_tasks(name="slow")
    assert slow.attempts[0].failure.reason == "timeout"
    assert eventually(lambda: all(map(gone, pids(project))))


def test_stopping_a_run_ends_the_command_with_its_children(project, env):
    @workflow
    def flow():
        return shell(f"cd {project}{_CHILDREN}touch ready; sleep 64", name="long")()

    run = flow().prepare(env).start()
    assert eventually((project / "ready").exists, 30)
    run.stop()
    assert run.wait(timeout=20) == "cancelled"
    assert eventually(lambda: all(map(gone, pids(project))))


def test_a_killed_worker_leaves_nothing_of_its_command(project):
    @workflow
    def flow():
        return shell(
            f"cd {project}; if [[ ! -e pids ]]; then {_CHILDREN} kill -9 $PPID; sleep 64; fi; export n=2", outputs=["n"]
        )()

    assert flow().run("local").get_results() == "2"
    assert eventually(lambda: all(map(gone, pids(project))))


def test_a_command_may_be_called_inside_another_task(project, env):
    @workflow
    def flow():
        return outer(3)

    run = flow().run(env)
    assert run.get_results() == "6"
    assert logged(run) == "inner 3\n"


twice = shell("echo inner $x; export y=$((x * 2))", outputs=["y"])


@task
def outer(x):
    assert current_run().attempt == 1
    return twice(x)


def test_a_failure_can_be_dealt_with(project, env):
    spare = shell("export n=spare-$x", outputs=["n"], name="spare")

    @workflow
    def flow():
        return shell("exit $x", outputs=["n"], name="try").on_failure(spare)(3)

    assert flow().run(env).get_results() == "spare-3"
