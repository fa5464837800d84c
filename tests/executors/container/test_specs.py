"""What is asked of an engine for a job: names, mounts, limits, and the settings that say so."""

from pathlib import Path

import msgspec
import pytest

from fairlead.config.registry import options_of, plugin
from fairlead.executors.container.sockets import Answer
from fairlead.executors.container.specs import BEGIN, Mount, Settings, container_config, container_name, mount_of
from fairlead.executors.plugins import ContainerOptions, _settings
from fairlead.model.task import Resources, TaskDefinition
from fairlead.ports import Job, Site

JOB = Job("calm-otter", "each[3].fit", 2, 0, {})
PLAIN = Settings("python3", "1000:1000", False, None, {}, [], None)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/data", Mount("/data", "/data")),
        ("/data:ro", Mount("/data", "/data", "ro")),
        ("/data:/in", Mount("/data", "/in")),
        ("/data:/in:ro", Mount("/data", "/in", "ro")),
        ("raw:/in:rw", Mount("/project/raw", "/in")),
        (".", Mount("/project", "/project")),
        ("../other", Mount("/other", "/other")),
    ],
)
def test_a_mount_names_a_folder_here_and_perhaps_where_it_is_there(text, mount):
    assert mount_of(text, Path("/project")) == mount


@pytest.mark.parametrize(("text", "told"), [("", "is not"), ("/a:/b:/c", "is not"), ("/a:b", "absolute path")])
def test_a_mount_that_makes_no_sense_is_a_wrong_setting(text, told):
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert({"mounts": [text]}, ContainerOptions)


def bind(path, only_read=False):
    return {"Type": "bind", "Source": path, "Target": path, "ReadOnly": only_read}


def config(task=None, settings=PLAIN, **more):
    task = task or TaskDefinition(name="fit")
    given = {"image": "sha256:1", "order": "/s/orders/x", "log": "/s/x.log", "binds": [Mount("/s", "/s")], "labels": {}}
    return container_config(settings, task, JOB, **{**given, **more})


def test_a_container_runs_exec_node_with_its_order():
    made = config(labels={"fairlead.run": "calm-otter"})
    words = ["exec-node", "--order", "/s/orders/x", "--log", "/s/x.log", "--", "calm-otter", "each[3].fit"]
    assert (made["Entrypoint"], made["Cmd"]) == (["python3"], ["-c", BEGIN, "/s/x.log", *words])
    assert (made["Image"], made["User"]) == ("sha256:1", "1000:1000")
    assert made["Labels"] == {"fairlead.run": "calm-otter", "fairlead.path": "each[3].fit", "fairlead.attempt": "2"}
    assert made["HostConfig"] == {"Mounts": [bind("/s")], "Init": True, "NanoCpus": 1_000_000_000}


def test_limits_are_what_the_task_asks_for():
    limits = config(TaskDefinition(name="fit", resources=Resources(cpu=0.5, memory="1Gi")))["HostConfig"]
    assert (limits["NanoCpus"], limits["Memory"], limits["MemorySwap"]) == (500_000_000, 2**30, 2**30)
    assert "NanoCpus" not in config(TaskDefinition(name="fit", resources=Resources(cpu=0)))["HostConfig"]


def test_settings_say_where_and_with_what_tasks_run():
    settings = PLAIN._replace(env={"A": "1", "B": "1"}, network="none", mounts=[Mount("/d", "/d", "ro")], workdir="/d")
    made = config(TaskDefinition(name="fit", env_vars={"B": "2"}), settings)
    assert made["Env"] == ["HOME=/tmp", "A=1", "B=2"]
    assert (made["WorkingDir"], made["HostConfig"]["NetworkMode"]) == ("/d", "none")
    assert made["HostConfig"]["Mounts"] == [bind("/d", only_read=True), bind("/s")]


def test_what_another_user_writes_can_be_removed():
    assert "umask(0)" in config(settings=PLAIN._replace(foreign=True))["Cmd"][1]
    assert "umask" not in config()["Cmd"][1]


def test_a_container_has_the_same_name_whenever_its_job_is_submitted():
    name = container_name(JOB, "/s")
    assert name == container_name(Job("calm-otter", "each[3].fit", 2, 5, {}), "/s")
    assert len(name) <= 63
    others = [Job("calm-otter", "each[3].fit", 1, 0, {}), Job("calm-owl", "each[3].fit", 2, 0, {})]
    assert len({name, container_name(JOB, "/t"), *(container_name(job, "/s") for job in others)}) == 4


@pytest.mark.parametrize(
    ("said", "rootless", "user", "foreign"),
    [
        ({}, False, "{0}:{1}", False),
        ({}, True, "0:0", False),
        ({"user": "0:0"}, True, "0:0", False),
        ({"user": "0"}, True, "0", False),
        ({"user": "4711:4711"}, False, "4711:4711", True),
    ],
)
def test_tasks_run_as_whoever_runs_fairlead(tmp_path, said, rootless, user, foreign):
    import os

    options = options_of(plugin("executors", "container"), {"type": "container", "image": "x", **said})
    settings = _settings(options, Site(folder=tmp_path), Answer("unix:///s", "podman", "1.41", rootless))
    assert (settings.user, settings.foreign) == (user.format(os.getuid(), os.getgid()), foreign)
