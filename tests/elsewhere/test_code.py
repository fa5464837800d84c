"""The project's code where a task runs: it travels with the run, or is there already."""

import subprocess
import sys
import textwrap

import pytest

from fairlead import Environment, WorkflowRun
from fairlead.errors import ConfigurationError

PROJECT = {
    "flows_far.py": """
        from fairlead import task, workflow
        from far.tools.scaling import scale
        from far_package import twice

        @task
        def load(x):
            return twice(scale(x))

        @workflow
        def flow(x: int):
            return load(x)
        """,
    "far/tools/scaling.py": "from far_constants import FACTOR\ndef scale(x):\n    return FACTOR * x\n",
    "far_constants.py": "FACTOR = 7\n",
    "far_package/__init__.py": "from .inner import twice\n",
    "far_package/inner.py": "def twice(x):\n    return 2 * x\n",
}

MAIN = """
    import sys
    from fairlead import Environment, task, workflow

    FACTOR = 5

    def helper(x):
        return FACTOR * x

    @task
    def here(x):
        return helper(x)

    @workflow
    def flow(x: int):
        return here(x)

    print(flow(3).prepare().id)
    """


@pytest.fixture
def project(place):
    folder = place.folder / "project"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def made(place, folder, text, env="local"):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], cwd=folder, text=True, capture_output=True, check=False,
        env={"PATH": "/usr/bin:/bin", "FAIRLEAD_ENV": env},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return WorkflowRun.by_id(done.stdout.strip(), place.env)


IMPORTED = "import flows_far; print(flows_far.flow(3).prepare().id)"


def test_a_task_runs_where_its_project_is_not(place, project):
    run = made(place, project, IMPORTED)
    assert set(run.record.code.modules) >= {"flows_far", "far.tools.scaling", "far_constants", "far_package.inner"}
    project.rename(place.folder / "away")
    assert place.node(run, "load") == (0, "")
    assert place.attempts(run, "load")[0].outputs[0].data == b"42"


def test_an_edit_changes_nothing_for_a_run_that_was_made_before(place, project):
    run = made(place, project, IMPORTED)
    (project / "far_constants.py").write_text("FACTOR = 0\n")
    assert place.node(run, "load") == (0, "")
    assert place.attempts(run, "load")[0].outputs[0].data == b"42"


def test_functions_of_a_session_travel(place, project):
    run = made(place, project, MAIN)
    project.rename(place.folder / "away")
    assert place.node(run, "here") == (0, "")
    assert place.attempts(run, "here")[0].outputs[0].data == b"15"


def test_with_code_image_modules_are_those_that_are_there(place, project):
    image = '{"code": "image", "executor": "in_process"}'
    run = made(place, project, IMPORTED, env=image)
    assert {source.key for source in run.record.code.modules.values()} == {""}
    (project / "far_constants.py").write_text("FACTOR = 1000\n")
    assert place.node(run, "load") == (0, "")
    assert place.attempts(run, "load")[0].outputs[0].data == b"6000"
    project.rename(place.folder / "away")
    other = made(place, place.folder / "away", IMPORTED, env=image)
    (place.folder / "away").rename(place.folder / "further")
    assert place.node(other, "load")[0] == 20
    assert "No module named 'flows_far'" in place.attempts(other, "load")[0].failure.message


def test_an_environment_says_where_code_comes_from():
    assert Environment().code == "bundle"
    assert Environment.from_record(Environment(code="image").record()).code == "image"
    with pytest.raises(ConfigurationError, match="'imag' is neither 'bundle' nor 'image'"):
        Environment(code="imag")
