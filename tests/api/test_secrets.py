"""Runs that try hard to leak a secret: no byte of what is kept may hold it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from fairlead import Environment, RunFailed, WorkflowRun, current_run, task, workflow
from fairlead.errors import DefinitionError, NotFound

# Put together here: the source of this file is kept with its runs.
SECRET = 'enil dnoces a dna\ntualmü htiw 2/retn"uh'[::-1]
OTHER = "elpats-yrettab-esroh-tcerroc"[::-1]
NAMES = ["API_KEY", "OTHER_KEY"]


def kept(folder: Path) -> bytes:
    """Every byte of everything under a folder, and the names."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return b"\n".join([str(file).encode() + b"\n" + file.read_bytes() for file in files])


def leaks(data: bytes) -> list[str]:
    found = []
    for secret in (SECRET, OTHER):
        ways = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="")}
        ways.add(base64.b64encode(secret.encode()).decode())
        found += [way for way in ways if way.encode() in data]
    return found


@task(secrets=NAMES)
def say_it_in_every_way(where):
    run = current_run()
    secret, other = run.secret("API_KEY"), run.secret("OTHER_KEY")
    print("here it is:", secret, other)
    print(repr(secret), json.dumps({"key": secret}), quote(secret, safe=""))
    sys.stderr.write(f"and here {other}\n")
    for letter in other:
        sys.stdout.write(letter)
        sys.stdout.flush()
    print()
    if where != "in_process":  # there, descriptors are the terminal's, and kept nowhere
        os.write(1, other.encode() + b"\n")
        half = len(other) // 2
        os.write(2, other[:half].encode())
        os.write(2, other[half:].encode() + b"\n")
        subprocess.run(["sh", "-c", 'echo "$API_KEY"; printenv; echo "$1" >&2', "sh", other], check=True)
    print(dict(os.environ))
    thread = threading.Thread(target=lambda: print("from a thread", other))
    thread.start()
    thread.join()
    print(base64.b64encode(other.encode()).decode())
    print("the end")
    return "said"


@task
def dump_the_environment():
    print(dict(os.environ))


@task(secrets=NAMES)
def raise_it(wrapped):
    secret = current_run().secret("OTHER_KEY")
    try:
        raise ValueError(f"bad key {secret!r}")
    except ValueError as error:
        raise RuntimeError(secret, {"key": current_run().secret("API_KEY")}) from error


@task(secrets=NAMES)
def be_given_it(text):
    raise KeyError("no")


@task(secrets=NAMES)
def give_it_back(how):
    secret = current_run().secret("OTHER_KEY")
    ways = {
        "plain": secret,
        "nested": [{"deep": (secret,)}],
        "key": {secret: 1},
        "bytes": secret.encode(),
        "large": "x" * 100_000 + secret,
        "object": Path(secret),
        "artifact": None,
    }
    if how == "artifact":
        current_run().log_artifact("page", f"<h1>{secret}</h1>" * 1000)
    if how == "file":
        Path("leak.txt").write_text(secret)
        return Path("leak.txt").absolute()
    return ways[how]


@workflow
def talk(where):
    done = say_it_in_every_way(where)
    dump_the_environment.after(done)()
    return done


@workflow
def fail(value):
    return raise_it(value)


@workflow
def bring(how):
    return give_it_back(how)


@pytest.fixture(params=["in_process", "local"])
def on(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("OTHER_KEY", OTHER)
    yield request.param
    from fairlead.config.services import close_all

    close_all()


def test_the_search_finds_what_is_there(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(f"x{json.dumps(SECRET)}x{OTHER}")
    assert len(leaks(kept(tmp_path))) == 2


def test_what_tasks_write_is_masked_before_it_is_on_the_disk(on, tmp_path):
    run = talk(on).run(on)
    assert run.get_results() == "said"
    text = "".join(text for _, text in run.get_logs())
    assert "here it is: ***" in text and "the end" in text and "from a thread ***" in text
    assert leaks(kept(tmp_path)) == []
    assert leaks(text.encode()) == []


def test_errors_and_arguments_are_masked(on, tmp_path):
    with pytest.raises(RunFailed) as caught:
        fail("x").run(on)
    run = WorkflowRun.by_id(caught.value.run_id)
    failure = run.get_task("raise_it").attempts[0].failure
    assert "***" in failure.message and "bad key" in failure.traceback
    assert leaks(str(caught.value).encode()) == []
    assert leaks(kept(tmp_path)) == []


@pytest.mark.parametrize("how", ["plain", "nested", "key", "bytes", "large", "object", "artifact", "file"])
def test_a_value_that_holds_a_secret_is_refused_by_name(on, tmp_path, how):
    with pytest.raises(RunFailed, match="it holds the secret 'OTHER_KEY'"):
        bring(how).run(on)
    (tmp_path / "leak.txt").unlink(missing_ok=True)
    assert leaks(kept(tmp_path)) == []


def test_what_is_killed_in_the_middle_has_left_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.setenv("OTHER_KEY", OTHER)

    @task(secrets=["OTHER_KEY"])
    def die():
        secret = current_run().secret("OTHER_KEY")
        for _ in range(100):
            print(secret, flush=True)
        os.kill(os.getpid(), 9)

    @workflow
    def dying():
        return die()

    assert dying().run("local", check=False).get_status() == "failed"
    assert leaks(kept(tmp_path)) == []


@pytest.mark.parametrize("kind", ["dotenv", "folder"])
def test_secrets_come_from_files(on, tmp_path, kind, monkeypatch):
    monkeypatch.delenv("API_KEY")
    monkeypatch.delenv("OTHER_KEY")
    if kind == "dotenv":
        (tmp_path / ".env").write_text(f"API_KEY='{SECRET}'\nexport OTHER_KEY={OTHER} # said\n")
        secrets = "dotenv"
    else:
        (tmp_path / "mounted").mkdir()
        (tmp_path / "mounted" / "API_KEY").write_text(SECRET)
        (tmp_path / "mounted" / "OTHER_KEY").write_text(OTHER + "\n")
        secrets = {"type": "folder", "path": "mounted"}
    run = talk(on).run(Environment(executor=on, secrets=secrets))
    assert run.get_results() == "said"
    text = "".join(text for _, text in run.get_logs("say_it_in_every_way"))
    assert leaks(text.encode()) == []
    assert leaks(kept(tmp_path / ".fairlead")) == []


def test_a_secret_that_is_not_there_is_told_before_anything_runs(on, monkeypatch):
    monkeypatch.delenv("OTHER_KEY")
    problems = talk(on).check(on)
    assert problems == [
        "say_it_in_every_way: no secret 'OTHER_KEY': the variable OTHER_KEY is not set where the task runs"
    ]
    with pytest.raises(DefinitionError, match="no secret 'OTHER_KEY'"):
        talk(on).run(on)


def test_an_object_may_give_secrets_to_tasks_of_this_process(on):
    class Vault:
        def get(self, name):
            if name == "API_KEY":
                return SECRET
            raise NotFound(f"no secret {name!r} in the vault")

    @task(secrets=["API_KEY"])
    def ask():
        return len(current_run().secret("API_KEY"))

    @workflow
    def asking():
        return ask()

    environment = Environment(executor=on, secrets=Vault())
    if on == "in_process":
        assert asking().run(environment).get_results() == len(SECRET)
    else:
        assert "an object of this process gives them" in asking().check(environment)[0]
    assert any("no secret 'OTHER_KEY' in the vault" in one for one in talk(on).check(environment)) or on == "local"


def test_the_record_says_where_secrets_come_from_and_not_what_they_are(on, monkeypatch):
    monkeypatch.setenv("PREFIX", "API_")

    @task(secrets=["KEY"])
    def ask():
        return len(current_run().secret("KEY"))

    @workflow
    def asking():
        return ask()

    run = asking().run(Environment(executor=on, secrets={"type": "env", "prefix": "${PREFIX}"}))
    assert run.get_results() == len(SECRET)
    assert run.record.environment["secrets"] == {"type": "env", "prefix": "${PREFIX}"}


def test_a_parameter_that_holds_a_secret_is_refused_before_it_is_recorded(on, tmp_path):
    @task(secrets=["OTHER_KEY"])
    def use(key, more):
        return len(key)

    @workflow
    def using(key):
        return use(key, ["a constant", OTHER])

    problems = using({"key": OTHER}).check(on)
    assert problems == [
        "parameter 'key' holds the secret 'OTHER_KEY', and would be recorded; let the task ask for it",
        "a value in the workflow holds the secret 'OTHER_KEY', and would be recorded; let the task ask for it",
    ]
    with pytest.raises(DefinitionError, match="holds the secret 'OTHER_KEY'"):
        using(OTHER).run(on)
    assert OTHER.encode() not in kept(tmp_path)


def test_a_function_that_travels_by_value_is_refused_with_the_secret_in_it(on):
    held = OTHER

    @task(secrets=["OTHER_KEY"])
    def use():
        return len(held)

    @workflow
    def using():
        return use()

    if on == "local":
        with pytest.raises(DefinitionError, match="the function of 'use' holds the secret 'OTHER_KEY'"):
            using().run(on)
