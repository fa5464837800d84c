"""What other tools get wrong about definitions. Each test is one line of the list."""

import pytest

from fairlead import DefinitionError, RunFailed, task, workflow

pytestmark = pytest.mark.usefixtures("project")


@task
def text() -> str:
    return "seven"


@task
def half(number: int) -> float:
    return number / 2


@task
def anything(value):
    return value


# A misspelt key is ignored; a missing parameter shows after an hour's work.


def test_a_misspelt_option_is_refused_with_the_nearest_name():
    with pytest.raises((DefinitionError, TypeError), match="retries"):

        @task(retrys=2)
        def load(): ...


def test_a_missing_parameter_is_refused_before_anything_runs(project):
    ran = project.folder / "ran"

    @task
    def first():
        ran.touch()

    @workflow
    def job(path, rate):
        first()
        return anything([path, rate])

    with pytest.raises((DefinitionError, TypeError), match="rate"):
        job("data.csv").run("in_process")
    assert not ran.exists()


def test_everything_wrong_is_told_at_once_on_the_command_line(project):
    project.write(
        "jobs.py",
        """
        from pathlib import Path
        from fairlead import task, workflow

        @task
        def train(path, rate):
            Path("ran").touch()

        @workflow
        def training(path: str, rate: float, rounds: int = 1):
            return train(path, rate)
        """,
    )
    said = project.fairlead("run", "jobs.py", "-p", "rat=0.1", "-p", "rounds=many", code=2).stderr
    assert "rat" in said
    assert "'rate'" in said
    assert "path" in said
    assert "rounds" in said
    assert "Traceback" not in said
    assert not (project.folder / "ran").exists()


# A `str` flows into an `int` and the run is green.


def test_a_text_fed_to_a_number_is_refused_when_the_workflow_is_built():
    @workflow
    def job():
        return half(text())

    with pytest.raises(DefinitionError) as refused:
        job().run("in_process")
    assert "half" in str(refused.value)
    assert "number" in str(refused.value)
    assert "str" in str(refused.value)
    assert "test_definition.py" in str(refused.value)


# `if future:`, `future == 1` and f-strings of futures are accepted and mean nonsense.


def _if(handle):
    if handle:
        pass


NONSENSE = {
    "if": _if,
    "==": lambda handle: handle == 1,
    "<": lambda handle: handle < 1,
    "f-string": lambda handle: f"{handle}",
    "%s": lambda handle: "%s" % handle,  # noqa: UP031
    "str": str,
    "len": len,
    "for": lambda handle: [item for item in handle],  # noqa: C416
    "in": lambda handle: 1 in handle,
    "+": lambda handle: handle + 1,
    "int": int,
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_means_nothing_while_a_graph_is_built_is_refused_with_task_file_and_line(name):
    @workflow
    def job():
        return NONSENSE[name](anything(1))

    with pytest.raises(DefinitionError) as refused:
        job().run("in_process")
    said = str(refused.value)
    assert "anything" in said
    assert "test_definition.py:" in said


# Tasks called for their effect are dropped because nobody uses their result.


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_task_called_for_its_effect_runs_in_its_place(project, env):
    project.write(
        "jobs.py",
        """
        import sys
        from fairlead import task, workflow

        @task
        def note(word):
            with open("notes", "a") as file:
                file.write(word + "\\n")

        @task
        def value():
            with open("notes") as file:
                return file.read().split()

        @workflow
        def job():
            note("one")
            note("two")
            seen = value()
            note("three")
            return seen
        """,
    )
    project.fairlead("run", "jobs.py", "--env", env, "--id", "calm-otter", code=0)
    assert project.run("calm-otter").get_results() == ["one", "two"]
    assert project.lines("notes") == ["one", "two", "three"]


# The definition file's main function is called again in every worker to rebuild the graph.


def test_the_workflow_function_is_called_once(project):
    project.write(
        "jobs.py",
        """
        from fairlead import task, workflow

        @task
        def double(value):
            return value * 2

        @workflow
        def job():
            with open("built", "a") as file:
                file.write("once\\n")
            return double.map(list(range(50)))

        if __name__ == "__main__":
            print(job().run(id="calm-otter").get_results()[-1])
        """,
    )
    done = project.python("import runpy\nrunpy.run_path('jobs.py', run_name='__main__')\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["98"]
    assert project.lines("built") == ["once"]


def test_a_script_that_runs_itself_works_without_a_guard(project):
    project.write(
        "jobs.py",
        """
        from fairlead import task, workflow

        @task
        def double(value):
            return value * 2

        @workflow
        def job():
            return double.map([1, 2])

        print(job().run().get_results())
        """,
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "jobs.py"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "[2, 4]"


# A step named `success` never runs; a parameter may not hold `_`; `def deploy()` becomes `deplo`.


@pytest.mark.parametrize(
    "name", ["success", "fail", "end", "deploy", "_private", "self", "type", "größe", "run", "map"]
)
def test_names_are_the_users_own(name):
    ran = []
    scope: dict = {"ran": ran}
    exec(
        f"def {name}(_the_value_, name=0, fn=0, options=0):\n    ran.append(_the_value_)\n    return _the_value_", scope
    )
    named = task(scope[name])

    @workflow
    def job(_a_parameter_):
        return named(_a_parameter_, name=1, fn=2, options=3)

    run = job(5).run("in_process")
    assert run.get_results() == 5
    assert ran == [5]
    assert [t.id for t in run.get_tasks()] == [name]


# Deleting the decorators changes nothing.


def test_the_plain_function_is_plain_python():
    @workflow
    def job(n):
        return anything.map([anything(n), 2])

    assert job.fn(1) == [1, 2]
    assert anything("outside") == "outside"


def test_an_error_in_a_tasks_own_code_is_not_a_definition_error():
    @workflow
    def job():
        return half(0.5 + 0.5).x

    with pytest.raises((DefinitionError, AttributeError)):
        job().run("in_process")

    @task
    def divide(a, b):
        return a / b

    @workflow
    def quotient(b):
        return divide(1, b)

    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        quotient(0).run("in_process")
