"""Where engines are looked for, and what is said where none answers."""

import os
import socket
import threading
from pathlib import Path

import pytest

from fairlead import task, workflow
from fairlead.errors import ConfigurationError
from fairlead.executors.container.executor import Container
from fairlead.executors.container.sockets import candidates, find_engine
from fairlead.model.task import TaskDefinition

PONG = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nServer: Libpod/4.3.1 (linux)\r\n\r\nOK"


@pytest.fixture
def answering(tmp_path, monkeypatch):
    """Give a function that has something answer at a socket, always with the same words."""
    monkeypatch.chdir(tmp_path)  # paths of sockets are short
    ends = []

    def answer(words, name="engine.sock"):
        end = socket.socket(socket.AF_UNIX)
        end.bind(name)
        end.listen()
        ends.append(end)

        def serve():
            while True:
                try:
                    asked, _ = end.accept()
                except OSError:
                    return
                with asked:
                    asked.recv(4096)
                    asked.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        return f"unix://{tmp_path / name}"

    yield answer
    for end in ends:
        end.shutdown(socket.SHUT_RDWR)
        end.close()


def test_an_engine_says_what_it_is(answering):
    url = answering(PONG)
    assert find_engine(url) == (url, "podman", "1.41", os.getuid() != 0)
    assert find_engine(None, {"DOCKER_HOST": url}).url == url
    assert find_engine(None, {"CONTAINER_HOST": url}).url == url


def test_an_engine_is_found_in_its_usual_place(answering, tmp_path, monkeypatch):
    monkeypatch.setattr("fairlead.executors.container.sockets.candidates", lambda *_: [f"unix://{tmp_path}/no", url])
    url = answering(PONG.replace(b"Libpod", b"Docker"))
    assert find_engine(None, {}).product == "docker"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("unix:///nowhere/engine.sock", "there is no such socket; start the engine"),
        ("tcp://127.0.0.1:1", "refused"),
        ("tcp://10.0.0.1:2375", "not a container engine of this machine"),
        ("ssh://me@host", "not a container engine of this machine"),
        ("nonsense", "not a container engine of this machine"),
    ],
)
def test_where_no_engine_answers_the_error_says_what_to_do(url, told):
    with pytest.raises(ConfigurationError, match=told):
        find_engine(url)


def test_what_answers_must_be_an_engine(answering):
    with pytest.raises(ConfigurationError, match="no container engine"):
        find_engine(answering(b"HTTP/1.0 404 Not Found\r\n\r\n"))


def test_without_any_socket_the_error_says_how_to_get_an_engine(monkeypatch):
    monkeypatch.setattr("fairlead.executors.container.sockets.candidates", lambda *_: ["unix:///nowhere/a.sock"])
    with pytest.raises(ConfigurationError, match=r"no container engine was found .* start Docker, or Podman's service"):
        find_engine(None, {})


def test_sockets_of_others_are_told_with_how_to_get_the_right(tmp_path, monkeypatch):
    sock = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)
    sock.bind("stale.sock")
    sock.close()
    monkeypatch.setattr("fairlead.executors.container.sockets.candidates", lambda *_: [f"unix://{tmp_path}/stale.sock"])
    with pytest.raises(ConfigurationError, match=r"stale.sock: Connection refused; start the engine behind it"):
        find_engine(None, {})


def test_root_looks_for_podman_of_the_machine_and_others_for_their_own():
    mine = candidates({"XDG_RUNTIME_DIR": "/run/user/1000"}, Path("/home/me"), 1000)
    assert mine[0] == "unix:///var/run/docker.sock"
    assert "unix:///run/user/1000/podman/podman.sock" in mine
    assert "unix:///run/podman/podman.sock" not in mine
    assert "unix:///run/podman/podman.sock" in candidates({}, Path("/root"), 0)


def test_an_executor_without_an_engine_says_so_before_a_run_is_made():
    executor = Container("unix:///nowhere/engine.sock", lambda _: None, image="x")
    assert executor.offers.image
    ((task, told),) = executor.lacks([TaskDefinition(name="fit")], fetch=True)
    assert task == ""
    assert "there is no such socket" in told


def test_a_secret_that_cannot_be_a_file_is_told_by_the_task():
    tasks = [TaskDefinition(name="fit", image="x", secrets=("team/KEY", "KEY", ".hidden"))]
    lacks = Container("unix:///nowhere/engine.sock", lambda answer: None).lacks(tasks, fetch=False)
    assert [task for task, _ in lacks] == ["", "fit", "fit"]
    assert [text.split(" cannot come")[0] for _, text in lacks[1:]] == ["its secret 'team/KEY'", "its secret '.hidden'"]


@pytest.mark.parametrize("url", ["ssh://me@host", "tcp://10.0.0.1:2375", "unix://"])
def test_an_engine_that_cannot_be_one_of_this_machine_is_told_with_its_place(boxes, url):
    boxes(url)
    (problem,) = study().check("boxes.yaml")
    assert f"boxes.yaml:2:1: executor: url: {url!r} is not a container engine of this machine" in problem


def test_an_engine_that_does_not_answer_is_told_with_its_place(boxes):
    boxes("unix:///nowhere/engine.sock")
    (problem,) = study().check("boxes.yaml")
    assert problem.startswith("boxes.yaml:2:1: no container engine answers at unix:///nowhere/engine.sock: there is no")


@workflow
def study():
    return total([1])


@task
def total(xs):
    return sum(xs)


@pytest.fixture
def boxes(tmp_path, monkeypatch):
    """Give a function that writes an environment with an engine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    return lambda url: (tmp_path / "boxes.yaml").write_text(
        f"code: bundle\nexecutor:\n  type: container\n  image: x\n  url: '{url}'\n"
    )
