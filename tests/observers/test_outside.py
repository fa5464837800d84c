"""Observers of environments write and send what happened, to real receivers."""

import email
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fairlead import ConfigurationError, Environment, WorkflowRun, current_run, task, workflow
from fairlead.api import notify
from fairlead.api.notify import Bulletin
from fairlead.config.registry import open_plugin
from fairlead.config.services import close_all
from fairlead.model.events import Attempt
from fairlead.model.notices import Closed, TaskEnded
from fairlead.model.run import Run, RunSummary
from fairlead.model.workflow import Workflow
from fairlead.ports import Site
from tests.observers.servers import http_receiver, smtp_receiver

RUN = Run("calm-otter", Workflow("study"), 0.0)


@task
def score(x: int) -> int:
    current_run().log_metric("loss", x / 2)
    if x == 3:
        raise ValueError("three is too many")
    return x


@workflow
def scored(n: int = 2):
    return score(n)


@task(secrets=["API_KEY"])
def leak(key: str) -> str:
    return current_run().secret("API_KEY")[:3]


@workflow
def leaking(key: str):
    return leak(key)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    close_all()


def with_observers(*observers, **more):
    return Environment(executor="in_process", observers=list(observers), **more)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_of_json_lines_has_what_happened_in_order(project):
    here = with_observers({"type": "jsonl", "path": "events/{workflow}-{run}.jsonl"})
    scored().run(here, id="otter", tags=["nightly"])
    opened, ended, closed = lines(project / "events" / "scored-otter.jsonl")
    assert opened["event"] == "run_opened" and opened["parameters"] == {"n": "2"} and opened["tags"] == ["nightly"]
    assert ended["task"] == "score" and ended["outcome"] == "succeeded" and ended["metrics"] == {"loss": 1.0}
    assert closed["event"] == "run_closed" and closed["status"] == "succeeded" and closed["counts"] == {"succeeded": 1}
    assert {one["run"] for one in (opened, ended, closed)} == {"otter"}


def test_events_can_be_chosen_and_output_is_one_of_them(project):
    @task
    def speak() -> None:
        print("hello")

    @workflow
    def speaking():
        speak()

    everything = ["run_opened", "task_ended", "progress", "output", "run_closed"]
    here = Environment(observers=[{"type": "jsonl", "path": "all.jsonl", "events": everything}])
    speaking().run(here)
    found = lines(project / "all.jsonl")
    assert {one["event"] for one in found} == set(everything)
    assert [one["text"] for one in found if one["event"] == "output"] == ["hello\n"]


def test_failures_are_told_with_arguments_place_and_traceback(project):
    scored(3).run(with_observers({"type": "jsonl", "path": "events.jsonl"}), check=False)
    ended = lines(project / "events.jsonl")[1]["failure"]
    assert (ended["type"], ended["message"], ended["arguments"]) == ("ValueError", "three is too many", {"x": "3"})
    assert "test_outside.py:" in ended["place"] and "three is too many" in ended["traceback"]


def test_a_webhook_gets_batches_with_its_headers():
    with http_receiver() as received:
        here = with_observers({"type": "webhook", "url": received.url, "headers": {"Authorization": "Bearer x"}})
        scored().run(here)
    ((path, headers, body),) = received
    assert path == "/hook" and headers["Authorization"] == "Bearer x" and headers["Content-Type"] == "application/json"
    assert [one["event"] for one in json.loads(body)["events"]] == ["run_opened", "task_ended", "run_closed"]


def test_a_webhook_tries_again_and_splits_what_is_too_much():
    with http_receiver(503) as received:
        scored().run(with_observers({"type": "webhook", "url": received.url, "batch": 2}))
    assert [len(json.loads(body)["events"]) for _, _, body in received] == [2, 1]


@pytest.mark.parametrize(("answers", "why"), [([404], "it answers 404"), ([500] * 3, "it answers 500")])
def test_a_webhook_that_is_refused_says_so_once_without_the_key_in_its_url(answers, why, caplog):
    with http_receiver(*answers) as received:
        run = scored().run(with_observers({"type": "webhook", "url": received.url + "?key=hidden"}))
    assert run.get_status() == "succeeded"
    (record,) = caplog.records
    assert why in record.getMessage() and "hidden" not in record.getMessage()


def test_a_mail_tells_the_end_of_a_run():
    with smtp_receiver() as received:
        mail = {
            "type": "smtp",
            "host": "127.0.0.1",
            "port": received.port,
            "security": "none",
            "to": ["a@b.c", "d@e.f"],
        }
        scored(3).run(with_observers(mail), id="otter", check=False)
        scored(2).run(with_observers({**mail, "when": "failure"}), check=False)
    ((sender, to, text),) = received
    assert (sender, to) == ("<a@b.c>", ["<a@b.c>", "<d@e.f>"])
    message = email.message_from_string(text)
    assert message["Subject"] == "failed: scored (otter)"
    said = message.get_payload(decode=True).decode()
    assert "ValueError: three is too many" in said and "n = 3" in said
    assert "fairlead resume otter" in said


@pytest.mark.parametrize(
    "settings",
    [
        {"type": "webhook", "url": "http://127.0.0.1:9", "timeout": 0.5},
        {"type": "smtp", "host": "127.0.0.1", "port": 9, "to": "a@b.c", "security": "none"},
        {"type": "jsonl", "path": "/proc/no/such/file"},
    ],
    ids=lambda settings: settings["type"],
)
def test_a_receiver_that_is_not_there_is_a_line_or_two_of_warning(settings, caplog):
    run = scored().run(with_observers(settings))
    assert run.get_status() == "succeeded"
    record, *more = caplog.records
    assert record.getMessage().startswith(
        f"observer '{settings['type']}' failed, and is told again of what comes later: "
    )
    assert [one for one in more if "times in all" not in one.getMessage()] == [] and len(more) <= 1


def test_a_receiver_that_comes_back_hears_the_rest(monkeypatch, caplog):
    monkeypatch.setattr(notify, "_REST", 0.01)
    with http_receiver(400) as received:
        hook = {"type": "webhook", "url": received.url, "every": 0, "batch": 1, "events": ["task_ended", "run_closed"]}
        bulletin = Bulletin(RUN, (), [("hook", open_plugin("observers", hook, Site(folder=Path())))])
        bulletin.tell(TaskEnded(Attempt("a", 1, outcome="succeeded")))
        while not caplog.records:
            time.sleep(0.001)
        bulletin.tell(TaskEnded(Attempt("b", 1, outcome="succeeded")))
        bulletin.tell(Closed(RunSummary("calm-otter", "study", "succeeded", 0.0)))
        bulletin.close()
    told = [event for _, _, body in received for event in json.loads(body)["events"]]
    assert [event.get("task", event["event"]) for event in told] == ["b", "run_closed"]
    assert len(caplog.records) == 1


def test_settings_are_checked_before_anything_runs():
    with pytest.raises(ConfigurationError) as error:
        with_observers(
            {"type": "webhook", "url": "ftp://x"}, {"type": "smtp", "host": "x"}, {"type": "jsonl", "pth": 1}
        )
    said = "\n".join(error.value.problems)
    assert "observers[0].url" in said and "'to' is missing" in said and "unknown key 'pth' (nearest: 'path')" in said


def test_secrets_are_masked_in_what_is_sent(monkeypatch):
    key = "correct-horse"[::-1]  # a file that holds it would be refused
    monkeypatch.setenv("API_KEY", key)
    monkeypatch.setenv("USER", f"a {key} it is")
    with http_receiver() as received:
        here = with_observers({"type": "webhook", "url": received.url})
        leaking("x").run(here)
    bodies = b"".join(body for _, _, body in received)
    assert key.encode() not in bodies and b"a *** it is" in bodies


PROGRAM = """
import time
from fairlead import task, workflow

@task
def first() -> int:
    return 1

@task
def second(x: int) -> int:
    import pathlib
    if not pathlib.Path("fixed").exists():
        raise ValueError("not yet")
    return x + 1

@workflow
def job():
    return second(first())
"""


def fairlead(project, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words],
        cwd=project,
        env={**os.environ, "EVENTS": "events.jsonl"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done


def test_runs_of_the_command_line_detached_ones_and_resumed_ones_tell_their_observers(project):
    (project / "jobs.py").write_text(PROGRAM)
    (project / "told.yaml").write_text("executor: in_process\nobservers: {type: jsonl, path: '${EVENTS}'}\n")
    fairlead(project, "run", "jobs.py", "--env", "told", "--id", "otter", code=1)
    (project / "fixed").touch()
    fairlead(project, "resume", "otter")
    fairlead(project, "run", "jobs.py", "--env", "told", "--id", "heron", "--detach")
    assert WorkflowRun.by_id("heron").wait(20) == "succeeded"
    end = time.monotonic() + 10
    while [one["run"] for one in lines(project / "events.jsonl")].count("heron") < 4 and time.monotonic() < end:
        time.sleep(0.02)
    told = [
        (one["run"], one["event"], one.get("status", one.get("outcome"))) for one in lines(project / "events.jsonl")
    ]
    assert told[3] == ("otter", "run_closed", "failed")
    assert told[4] == ("otter", "run_opened", "running") and told[6] == ("otter", "run_closed", "succeeded")
    assert told[-1] == ("heron", "run_closed", "succeeded")


def test_a_run_with_an_observer_that_is_an_object_goes_on_without_it_elsewhere(project):
    (project / "jobs.py").write_text(PROGRAM)
    program = """
    from fairlead import Environment
    from jobs import job

    class Deaf:
        def notify(self, run, event):
            pass

    job().run(Environment(executor="in_process", observers=[Deaf()]), id="otter", check=False)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=project, check=True, timeout=60)
    (project / "fixed").touch()
    fairlead(project, "resume", "otter")


def test_a_webhook_that_hangs_does_not_slow_the_command_line(project):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        (project / "jobs.py").write_text(PROGRAM)
        (project / "fixed").touch()
        (project / "told.yaml").write_text(
            f"executor: in_process\nobservers: {{type: webhook, url: '{url}', grace: 0.3}}\n"
        )
        begun = time.monotonic()
        done = fairlead(project, "run", "jobs.py", "--env", "told")
        assert time.monotonic() - begun < 10
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "observer 'webhook' did not hear the end within 0.3 s" in warnings[0]
