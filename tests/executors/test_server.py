"""A fork server that is started before there is a pool: who takes it, and what becomes of it."""

from __future__ import annotations

import os

import pytest

from fairlead.config.early import start_at_once
from fairlead.executors.local import server, warm
from fairlead.executors.local.pool import Pool
from fairlead.model.run import Code


@pytest.fixture(autouse=True)
def _nothing_ahead(monkeypatch):
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    server._forget()
    yield
    server._forget()


def test_the_first_pool_takes_the_server_that_was_started_ahead():
    server.start_ahead()
    server.start_ahead()
    (ahead,) = server._AHEAD
    first, second = Pool(server.command_line()), Pool(server.command_line())
    assert first.pid == ahead.pid
    assert second.pid != ahead.pid
    first.close()
    second.close()


def test_a_pool_of_another_command_line_starts_its_own():
    server.start_ahead()
    (ahead,) = server._AHEAD
    pool = Pool((*server.command_line()[:-1], "pass"))
    assert pool.pid != ahead.pid
    pool.close()


def test_what_changes_in_the_environment_after_the_start_is_known_to_the_pool(monkeypatch):
    server.start_ahead()
    monkeypatch.setenv("FAIRLEAD_TEST", "later")
    pool = Pool(server.command_line())
    assert "FAIRLEAD_TEST" not in pool._environ
    pool.close()


def test_a_server_that_nobody_took_ends():
    server.start_ahead()
    pid = server._AHEAD[0].pid
    server._forget()
    assert os.waitpid(pid, 0) == (pid, 0)


@pytest.mark.parametrize(
    ("words", "env", "started"),
    [
        (["run", "flow.py"], None, True),
        (["resume", "calm-otter", "-p", "n=1"], "local", True),
        (["run", "flow.py", "--help"], None, False),
        (["run", "flow.py", "--env", "prod"], None, False),
        (["run", "flow.py", "--env=prod"], None, False),
        (["run", "flow.py", "--detach"], None, False),
        (["run", "flow.py"], "prod", False),
    ],
)
def test_it_is_started_at_once_where_the_words_leave_no_doubt(words, env, started, monkeypatch):
    if env is not None:
        monkeypatch.setenv("FAIRLEAD_ENV", env)
    start_at_once(words)
    assert bool(server._AHEAD) is started


def test_a_pool_that_is_warmed_up_has_its_first_worker_before_there_is_a_run():
    key = ("test", "ahead")
    warm.warm(key, server.command_line())
    pool = warm.take(key, server.command_line())
    (worker,) = pool.workers.values()
    pool.begin("/nowhere", Code())
    assert set(pool.workers.values()) == {worker}
    pool.close()


@pytest.mark.parametrize("what", ["environment", "folder"])
def test_a_worker_that_was_started_ahead_somewhere_else_is_replaced(what, monkeypatch, tmp_path):
    key = ("test", "elsewhere")
    warm.warm(key, server.command_line())
    pool = warm.take(key, server.command_line())
    if what == "environment":
        monkeypatch.setenv("FAIRLEAD_TEST", "later")
    else:
        monkeypatch.chdir(tmp_path)
    pool.begin("/nowhere", Code())
    assert not pool.workers
    pool.close()


def test_a_pool_that_was_let_go_is_dead_and_can_be_closed_again():
    pool = Pool(server.command_line())
    pool.grow_ahead()
    pool.let_go()
    pool.leave_warm()
    assert not pool.is_alive()
    pool.close()
    pool.close()


def test_a_run_after_the_parked_pools_were_let_go_gets_a_pool_of_its_own():
    key = ("test", "late")
    warm.warm(key, server.command_line())
    warm._let_go()
    pool = warm.take(key, server.command_line())
    assert pool.is_alive()
    pool.close()
