"""The kinds of task that come with Fairlead hold what those of others are held to."""

import pytest

from fairlead import notebook, shell, task
from fairlead.config.kinds import OWN, kinds
from fairlead.config.registry import BUILT_IN
from fairlead.model.task import TaskDefinition
from fairlead.testing.contracts.task_kind import Sample, TaskKindContract


def double(x):
    return 2 * x


async def slowly(x):
    return 2 * x, x


def of(function, inputs, expected=None, **options):
    return Sample(task(**options)(function).definition, inputs, expected, function)


def raise_it(x):
    raise ValueError(f"no {x}")


class Own(TaskKindContract):
    name = ""

    @pytest.fixture
    def make_kind(self):
        return lambda: kinds()[self.name]


class TestPython(Own):
    name = "python"

    @pytest.fixture
    def works(self):
        return of(double, {"x": 21}, 42)

    @pytest.fixture
    def fails(self):
        return of(raise_it, {"x": 1})


class TestCoroutines(TestPython):
    @pytest.fixture
    def works(self):
        return of(slowly, {"x": 21}, (42, 21), outputs=("twice", "once"))


class TestShell(Own):
    name = "shell"

    @pytest.fixture
    def works(self):
        return Sample(shell("n=$((2 * x)); export n", outputs=["n"]).definition, {"x": 21}, "42")

    @pytest.fixture
    def fails(self):
        return Sample(shell("grep -q $x /nowhere/at/all").definition, {"x": "a"})


class TestNotebook(Own):
    name = "notebook"

    @pytest.fixture
    def _notebooks(self, tmp_path):
        pytest.importorskip("nbclient")
        import nbformat

        for name, code in (("good", "y = 2 * x"), ("bad", "raise ValueError(x)")):
            cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell(code)]
            cells[0].metadata["tags"] = ["parameters"]
            made = nbformat.v4.new_notebook(cells=cells)
            made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            nbformat.write(made, tmp_path / f"{name}.ipynb")
        return tmp_path

    @pytest.fixture
    def works(self, _notebooks):
        return Sample(notebook(_notebooks / "good.ipynb", outputs=["y"]).definition, {"x": 21}, 42)

    @pytest.fixture
    def fails(self, _notebooks):
        return Sample(notebook(_notebooks / "bad.ipynb").definition, {"x": 1})

    @pytest.mark.skip(reason="four kernels at once take 20 s; each notebook has a kernel of its own")
    def test_it_runs_in_threads_at_once(self): ...


class TestStub(Own):
    name = "stub"

    @pytest.fixture
    def works(self):
        return Sample(TaskDefinition(name="later", kind="stub", outputs=("a", "b")), {}, (None, None))

    @pytest.fixture
    def fails(self):
        pytest.skip("what does nothing cannot fail")


class TestMock(Own):
    name = "mock"

    @pytest.fixture
    def works(self):
        return Sample(TaskDefinition(name="a", kind="mock", settings={"value": [1, 2]}), {}, [1, 2])

    @pytest.fixture
    def fails(self):
        pytest.skip("what stands in for a task cannot fail")


def test_all_of_them_are_in_the_table_of_plugins():
    assert {*BUILT_IN["kinds"], "body"} == OWN
