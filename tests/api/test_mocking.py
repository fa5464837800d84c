"""Stand-ins for tasks: what may be asked for, what is refused, and what is recorded of it."""

from pathlib import Path

import pytest

from fairlead import Catalog, ConfigurationError, DefinitionError, Environment, Resources, current_run, task, workflow
from fairlead.api.mocking import Wanted, mocked
from fairlead.config.mocks import Mock, understand_mock


@task(resources=Resources(gpu=4), image="team/gpu:1", timeout=9.0, retries=2)
def load(path, /, limit=10, *rest, strict=False, **more):
    raise AssertionError("the real one")


@task(outputs=("model", "score"), tracked=["score"])
def train(rows, rate=0.1):
    raise AssertionError("the real one")


@task
def send(model):
    raise AssertionError("the real one")


@workflow
def training(path):
    model, _ = train(load(path))
    return send(model)


def fake_load(path, /, limit=1, *rest, strict=True, **more):
    return ["fake", path]


def fake_train(rows, rate=0.1):
    return rows, 1.0


def fake_send(model):
    return [current_run().path, model]


def with_mocks(place="test.yaml:3", **raw):
    built = training.build("data")
    numbers = {task.name: number for number, task in enumerate(built.workflow.tasks)}
    return mocked(built, {numbers[name]: Wanted(what, place) for name, what in raw.items()})


def definition(built, name):
    return next(task for task in built.workflow.tasks if task.name == name)


# --- what may be said ---


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("stub", "stub"),
        ({"stub": True}, "stub"),
        ({"value": [1, {"a": None}]}, "value"),
        ({"value": "stub"}, "value"),
        ("fixtures:fake", "fixtures:fake"),
        ("tests/fixtures.py:Fakes.load", "tests/fixtures.py:Fakes.load"),
        ({"function": "fixtures:fake"}, "fixtures:fake"),
        (fake_load, f"{__name__}:fake_load"),
    ],
)
def test_a_stand_in_is_a_function_a_value_or_nothing(raw, word):
    found = understand_mock(raw)
    assert isinstance(found, Mock)
    assert found.word == word
    assert understand_mock(found) is found


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (3, "must be 'module:function', {value: …} or 'stub', and is 3; a value stands under 'value'"),
        ("fake", "and is 'fake'; a text is given as {value: 'fake'}"),
        ("fixtures:", "and is 'fixtures:'"),
        ({"valeu": 3}, "and is {'valeu': 3}"),
        ({"value": 1, "function": "a:b"}, "must be"),
        ({"function": 3}, "must be"),
        ({"value": {"a": [1, {2}]}}, "the value holds set {2} at ['a'][1], which JSON cannot; write a function"),
        ({"value": {1: 2}}, "the value has the key 1, which is no text"),
        ({"value": float("inf")}, "the value holds float inf, which JSON cannot"),
    ],
)
def test_anything_else_is_refused(raw, told):
    found = understand_mock(raw)
    assert isinstance(found, str)
    assert told in found


# --- what comes of it ---


def test_a_function_takes_the_place_of_the_tasks_own():
    built = with_mocks(load=fake_load)
    fake = definition(built, "load")
    assert (fake.mock, fake.kind, fake.target) == (f"{__name__}:fake_load", "python", f"{__name__}:fake_load")
    assert built.functions[0] is fake_load
    assert [task.mock for task in built.workflow.tasks[1:]] == ["", ""]


def test_a_function_is_found_by_its_name():
    built = with_mocks(send=f"{__name__}:fake_send", train=f"{__file__}:fake_train")
    assert built.functions[1:] == [fake_train, fake_send] or built.functions[2] is fake_send


def test_a_stand_in_needs_nothing_of_a_machine():
    fake = definition(with_mocks(load=fake_load), "load")
    assert (fake.resources, fake.image) == (Resources(), None)
    assert (fake.timeout, fake.retries) == (9.0, 2)
    assert definition(with_mocks(load="stub"), "load").timeout is None


def test_a_value_is_written_down():
    value = definition(with_mocks(train={"value": [None, 0.5]}), "train")
    assert (value.kind, value.settings, value.tracked) == ("mock", {"value": [None, 0.5]}, ("score",))


def test_nothing_gives_what_the_graph_needs():
    @workflow
    def selecting():
        return send(load("x")["rows"])

    built = mocked(selecting.build(), {0: Wanted("stub")})
    assert built.workflow.tasks[0].settings == {"outputs": {"load": [{"rows": None}]}}


def test_the_rest_can_be_nothing():
    built = mocked(training.build("x"), {0: Wanted(fake_load)}, rest=True)
    assert [task.mock.rpartition(":")[2] for task in built.workflow.tasks] == ["fake_load", "stub", "stub"]


# --- what is wrong ---


def no_arguments():
    """Takes nothing."""


def too_many(rows, rate, extra):
    """Takes more than there is."""


def by_name(*, path, limit=1, strict=False, **more):
    """Takes by name what is given by position."""


@pytest.mark.parametrize(
    ("name", "fake", "told"),
    [
        (
            "send",
            no_arguments,
            [f"test.yaml:3: send: {__name__}:no_arguments takes no 'model', which the task is given"],
        ),
        (
            "train",
            too_many,
            [
                f"test.yaml:3: train: {__name__}:too_many takes 'rate', which calls may leave out; give it a default",
                "too_many takes 'extra', which the task is not given; give it a default",
            ],
        ),
        (
            "load",
            by_name,
            [
                f"test.yaml:3: load: {__name__}:by_name takes no 'path' by position, which the task is given",
                f"test.yaml:3: load: {__name__}:by_name takes no *rest, which the task is given",
            ],
        ),
        ("train", {"value": 3}, ["test.yaml:3: train: its value must be a list of 2, one for each output"]),
        ("train", {"value": [1, "x"]}, ["its value must be a number, since 'score' is recorded as a metric: 'x'"]),
        ("load", 3, ["test.yaml:3: load: mock must be 'module:function'"]),
        ("load", "no_such_module_anywhere:f", ["test.yaml:3: load: no module 'no_such_module_anywhere'"]),
        ("load", f"{__name__}:fake_laod", [f"load: {__name__} has no 'fake_laod' (nearest: 'fake_load')"]),
        ("load", f"{__name__}:__name__", ["is str, which cannot be called; write {value: …}"]),
        ("load", "no_such_file.py:f", ["test.yaml:3: load: no file 'no_such_file.py'"]),
    ],
)
def test_what_cannot_stand_in_is_told_with_its_place(name, fake, told):
    with pytest.raises(ConfigurationError) as error:
        with_mocks(**{name: fake})
    assert len(error.value.problems) == len(told)
    for problem, wanted in zip(error.value.problems, told, strict=True):
        assert wanted in problem


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ConfigurationError, match="training: stand-ins that cannot be right") as error:
        with_mocks(load=3, train={"value": 3}, send=no_arguments)
    assert len(error.value.problems) == 3


def anything(*args, **kwargs):
    """Takes everything."""


@pytest.mark.parametrize("name", ["train", "send"])
def test_a_function_that_takes_everything_fits_everywhere(name):
    assert with_mocks(**{name: anything})


def test_a_task_can_stand_in_for_a_task():
    built = with_mocks(send=task(fake_send))
    assert built.functions[2] is fake_send


# --- in runs ---


@workflow
def sending(model):
    return send(model)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    return tmp_path


def test_a_function_that_has_no_name_stands_in_too_and_the_run_goes_on(project):
    def once(model):
        if current_run().attempt == 1:
            raise OSError("not yet")
        return model

    environment = Environment(executor="in_process", tasks={"send": {"mock": once}})
    run = sending(3).run(environment, check=False)
    assert run.get_status() == "failed"
    assert run.get_task("send").mocked.endswith("<locals>.once")
    assert run.resume().get_results() == 3


def test_a_driver_of_its_own_has_the_stand_ins(project):
    environment = Environment(executor="local", tasks={"send": {"mock": fake_send}})
    run = sending(4).start(environment)
    assert run.get_results(wait=True, timeout=30) == ["send", 4]


def test_a_record_of_an_environment_can_be_read_again(project):
    environment = Environment(executor="in_process", tasks={"send": {"mock": lambda model: model}})
    again = Environment.from_record(environment.record())
    assert again.tasks[0]["send"]["mock"].endswith("<lambda>")
    with pytest.raises(ConfigurationError, match=r"send: .*has no 'test_a_record"):
        sending(1).run(again)


def test_a_check_tells_what_cannot_stand_in(project):
    environment = Environment(executor="in_process", tasks={"send": {"mock": no_arguments}, "sned": {"mock": "stub"}})
    assert sending(1).check(environment) == [
        "tasks.sned: matches no task (nearest: 'send'); the real one would run in place of its stand-in",
        f"tasks.send.mock: send: {__name__}:no_arguments takes no 'model', which the task is given",
    ]


def test_debugging_runs_the_stand_ins(project):
    environment = Environment(executor="local", tasks={"send": {"mock": fake_send}})
    assert sending(5).run(environment, debug=True).get_results() == ["send", 5]
    assert sending(5).run("mock", debug=True).get_results() is None


@task(catalog=Catalog(put=["*.txt"]))
def write(number):
    Path("note.txt").write_text("real")
    return number


@task(catalog=Catalog(get=["*.txt"]))
def read(number):
    return Path("note.txt").read_text()


@workflow
def filing(number):
    return read(write(number))


def fake_write(number):
    Path("note.txt").write_text("fake")
    return number


@pytest.mark.parametrize(
    ("tasks", "result"),
    [
        ({}, "real"),
        ({"write": {"mock": fake_write}}, "fake"),
        ({"write": {"mock": {"value": 1}}, "read": {"mock": {"value": "none"}}}, "none"),
        ({"write": {"mock": "stub"}, "read": {"mock": "stub"}}, None),
        ({"read": {"mock": "stub"}}, None),
    ],
)
def test_files_are_put_away_by_functions_that_stand_in_and_by_nothing_else(project, tasks, result):
    assert filing(1).run(Environment(executor="in_process", tasks=tasks)).get_results() == result


def test_files_that_a_stand_in_does_not_give_are_missed_before_anything_runs(project):
    environment = Environment(executor="in_process", tasks={"write": {"mock": "stub"}})
    with pytest.raises(DefinitionError, match=r"matches '\*.txt', and no task puts one away"):
        filing(1).run(environment)


def test_a_rehearsal_needs_no_files(project):
    assert filing(1).run("mock").get_status() == "succeeded"
