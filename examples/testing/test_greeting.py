"""Tests in ordinary pytest. The fixtures `fairlead_env` and `fairlead_clock` come with Fairlead."""

from greeting import greet, greeting, join

from fairlead.testing import assert_graph, run_task, running


def test_a_task_is_a_function():
    assert join(["a", "b"]) == "a; b"


def test_a_task_that_asks_for_its_run():
    with running(attempt=2):
        assert greet("ann") == "hello, ann"


def test_the_graph():
    assert_graph(greeting, "load -> greet[] -> join")


def test_a_run_in_memory_with_retries_that_take_no_time(tmp_path, fairlead_env, fairlead_clock):
    (tmp_path / "names.txt").write_text("ann bob")
    run = greeting(str(tmp_path / "names.txt")).run()
    assert run.get_results() == "hello, ann; hello, bob"
    first, second = run.get_tasks(name="greet")[0].attempts
    assert second.started - first.ended == 600


def test_one_task_of_a_run_again(tmp_path, fairlead_env, fairlead_clock):
    (tmp_path / "names.txt").write_text("ann bob")
    run = greeting(str(tmp_path / "names.txt")).run()
    assert run_task(join, run=run, inputs={"greetings": ["hi"]}) == "hi"
