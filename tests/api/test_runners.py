"""Runners where they run: components chosen by environment files, on both executors, reused and resumed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from fairlead import DefinitionError, RunFailed, WorkflowRun
from fairlead.api import load_target, resume_run

CHURN = """
    import os
    from dataclasses import dataclass
    from enum import Enum
    from pathlib import Path
    from typing import Literal

    from fairlead import Component, Runner, task, workflow

    BUILT = []


    class Source(Component):
        def load(self) -> list[int]: ...
        def parts(self, count: int) -> list[int]: ...


    class Numbers(Source):
        \"\"\"Numbers that are written down.\"\"\"

        numbers: list[int]
        scale: int = 1

        def load(self):
            return [self.scaled(number) for number in self.numbers]

        def parts(self, count):
            return list(range(count))

        def scaled(self, number):
            return number * self.scale


    class Trainer(Component):
        def fit(self, rows: list[int], rate: float) -> float: ...

        def describe(self) -> str:
            return f"{type(self).__name__} {self.pid() == os.getpid()}"

        def pid(self):
            return os.getpid()


    class Plain(Trainer):
        def fit(self, rows, rate):
            return sum(rows) * rate


    class Loss(Enum):
        SQUARE = "square"
        ABSOLUTE = "absolute"


    @dataclass
    class Limits:
        low: float = 0.0
        high: float = 1.0


    class Boosted(Trainer):
        depth: int = 3
        loss: Loss = Loss.SQUARE
        mode: Literal["fast", "sure"] = "fast"
        cache_in: Path | None = None
        limits: Limits = Limits()
        source: Source = Numbers(numbers=[100])

        @task(retries=1, cache=True)
        def fit(self, rows, rate):
            BUILT.append(id(self))
            return sum(rows) * rate * self.depth + self.source.load()[0]

        def one(self, row: int) -> int:
            return row * self.depth

        def broken(self):
            raise ValueError(f"depth {self.depth} is too much")

        def settings(self):
            return [self.depth, self.loss, self.mode, self.cache_in, self.limits]


    class Churn(Runner):
        \"\"\"Who leaves?\"\"\"

        source: Source
        trainer: Trainer = Plain()

        @workflow
        def train(self, rate: float = 0.5):
            \"\"\"Fit a model.\"\"\"
            return self.trainer.fit(self.rows(), rate)

        @workflow
        def rows(self):
            return self.source.load()

        @workflow
        def each(self, count: int):
            return self.trainer.one.map(self.source.parts(count))

        @workflow
        def broken(self):
            return self.trainer.broken()

        @workflow
        def settings(self):
            return self.trainer.settings(), self.trainer.describe()
"""

PROD = """
    components:
      source: {class: "churn:Numbers", settings: {numbers: [1, 2, 3]}}
      trainer:
        class: churn:Boosted
        settings: {depth: 2}
"""

DEV = """
    components:
      source: {class: "churn:Numbers", settings: {numbers: [7]}}
"""


@pytest.fixture(scope="module")
def churn(place):
    place.write("churn.py", CHURN)
    place.write("prod.yaml", PROD)
    place.write("dev.yaml", DEV)
    sys.path.insert(0, str(place.folder))
    yield importlib.import_module("churn")
    sys.path.remove(str(place.folder))
    del sys.modules["churn"]


@pytest.fixture(params=["in_process", "local"])
def prod(request, place, churn):
    """The name of an environment with components, on each executor."""
    name = f"prod_{request.param}"
    place.write(f"{name}.yaml", f"executor: {request.param}\n" + "\n".join(line[4:] for line in PROD.splitlines()))
    return name


def statuses(run):
    return {one.id: one.status for one in run.get_tasks()}


def test_the_environment_fills_the_roles(churn, prod):
    run = churn.Churn(env=prod).train(rate=0.5).run()
    assert run.get_results() == 6 * 0.5 * 2 + 100
    assert list(statuses(run)) == ["rows:source:load", "trainer:fit"]
    assert run.record.workflow.name == "Churn.train"


def test_an_environment_of_the_run_wins_over_that_of_the_runner(churn):
    runner = churn.Churn(env="prod")
    assert runner.train().run("dev").get_results() == 3.5
    assert runner.train().run().get_results() == 106.0


def test_two_environments_live_side_by_side(churn):
    before = dict(vars(churn.Churn)), dict(vars(churn.Boosted))
    prod, dev = churn.Churn(env="prod"), churn.Churn(env="dev")
    first, second = prod.train(), dev.train()
    assert second.run().get_results() == 3.5
    assert first.run().get_results() == 106.0
    assert prod.trainer.depth == 2 and type(dev.trainer).__name__ == "Plain"
    assert (dict(vars(churn.Churn)), dict(vars(churn.Boosted))) == before


def test_components_given_in_code_win_over_the_environment(churn, env):
    runner = churn.Churn(source=churn.Numbers(numbers=[5], scale=2), trainer=churn.Boosted(depth=1))
    assert runner.train(rate=1.0).run(env).get_results() == 110.0
    assert churn.Churn(env="prod", trainer=churn.Plain()).train().run().get_results() == 3.0


def test_a_plain_call_of_a_runner_is_plain_python(churn):
    assert churn.Churn(env="prod").train.fn(rate=0.5) == 106.0
    assert churn.Churn(env="prod").each.fn(3) == [0, 2, 4]
    assert churn.Numbers(numbers=[2], scale=3).load() == [6]


def test_a_map_over_a_component_method(churn, prod):
    run = churn.Churn(env=prod).each(count=3).run()
    assert run.get_results() == [0, 2, 4]
    assert [one.id for one in run.get_tasks(name="trainer:one")] == [f"trainer:one[{i}]" for i in range(3)]


def test_settings_arrive_with_their_types(churn, place, env):
    place.write(
        f"typed_{env}.yaml",
        """
        executor: ENV
        components:
          source: {class: "churn:Numbers", settings: {numbers: []}}
          trainer:
            class: churn:Boosted
            settings: {depth: "4", loss: absolute, mode: sure, cache_in: data/x, limits: {high: 9}}
        """.replace("ENV", env),
    )
    run = churn.Churn(env=f"typed_{env}").settings().run()
    (depth, loss, mode, cache_in, limits), said = run.get_results()
    assert (depth, loss, mode, str(cache_in)) == (4, churn.Loss.ABSOLUTE, "sure", "data/x")
    assert (limits.low, limits.high) == (0.0, 9.0) and said == "Boosted True"


def test_components_of_components_are_filled_by_the_environment(churn, place):
    place.write(
        "nested.yaml",
        """
        components:
          source: {class: "churn:Numbers", settings: {numbers: [1]}}
          trainer:
            class: churn:Boosted
            components:
              source: {settings: {numbers: [1000]}}
        """,
    )
    run = churn.Churn(env="nested").train(rate=0.0).run()
    assert run.get_results() == 1000.0
    recipe = run.record.workflow.tasks[1].settings["component"]
    assert recipe["components"]["source"]["settings"] == {"numbers": [1000], "scale": 1}


def test_a_component_is_built_once_for_a_run_in_one_process(churn):
    churn.BUILT.clear()
    runner = churn.Churn(source=churn.Numbers(numbers=[1]), trainer=churn.Boosted(depth=8))
    runner.train(rate=0.25).run("in_process")
    runner.train(rate=0.75).run("in_process")
    assert len(set(churn.BUILT)) == len(churn.BUILT) == 2
    assert id(runner.trainer) not in churn.BUILT


def test_a_runner_inside_another_workflow_is_a_part_of_it(churn):
    from fairlead import task, workflow

    @task
    def twice(x):
        return 2 * x

    @workflow
    def outer():
        return twice(churn.Churn(env="dev").train(0.5))

    run = outer().run("in_process")
    assert run.get_results() == 7.0
    assert list(statuses(run)) == ["train:rows:source:load", "train:trainer:fit", "twice"]


def test_a_runners_workflow_is_mapped_and_renamed(churn, env):
    from fairlead import workflow

    @workflow
    def outer(counts: list[int]):
        return churn.Churn(env="prod").each.options(name="every").map(counts)

    run = outer([1, 3]).run(env)
    assert run.get_results() == [[0], [0, 2, 4]]
    assert "every[1].trainer:one[2]" in statuses(run)
    assert churn.Churn(env="prod").each.map([1, 2]) == [[0], [0, 2]]


SESSION = """
from __future__ import annotations
from fairlead import Component, Environment, Runner, workflow

class Numbers(Component):
    count: int = 3
    def load(self) -> list[int]: return list(range(self.count))

class Sums(Runner):
    numbers: Numbers
    @workflow
    def go(self): return self.numbers.load()

made = Environment(components={"numbers": {"class": "__main__:Numbers", "settings": {"count": 2}}})
run = Sums(env=made).go().run()
print(run.get_results(), repr(run.record.target), Sums(numbers=Numbers(count=1)).go().run().get_results())
"""


def test_classes_of_a_session_run_in_workers(place):
    done = subprocess.run(
        [sys.executable, "-"],
        input=SESSION,
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "[0, 1] '' [0]", done.stderr


# --- targets, resume, explain ------------------------------------------------------------------------------


def test_a_target_names_a_runner_and_its_method(churn, place):
    target = load_target(f"{place.folder}/churn.py:Churn.train")
    assert (target.name, target.doc) == ("Churn.train", "Fit a model.")
    assert [one.name for one in target.inputs] == ["rate"]
    run = target.bind({"rate": "2"}, env="prod").run("prod")
    assert run.get_results() == 124.0 and run.record.target == f"{place.folder}/churn.py:Churn.train"


def test_a_target_that_names_only_the_runner_is_told_its_workflows(churn, place):
    with pytest.raises(Exception, match=r"'Churn' is a runner; name one of its workflows: .*churn\.py:Churn\.train"):
        load_target("churn.py:Churn")
    with pytest.raises(Exception, match=r"no workflow 'Churn.trian' \(nearest: 'Churn.train'\)"):
        load_target("churn.py:Churn.trian")


def test_a_draft_needs_no_environment(churn):
    graph = load_target("churn.py:Churn.train").draft({})
    assert [node.name for node in graph.nodes] == ["rows:source:load", "trainer:fit"]


def test_changed_settings_run_again_what_they_are_for_and_are_named(churn, place):
    first = churn.Churn(env="prod").train(rate=3.0).run()
    place.write("prod.yaml", PROD.replace("depth: 2", "depth: 5"))
    try:
        again = resume_run(first.id)
        assert again.get_results() == 190.0
        assert statuses(again) == {"rows:source:load": "reused", "trainer:fit": "succeeded"}
        assert again.explain("trainer:fit")["trainer:fit"][0] == (
            f"ran: component trainer: depth changed since {first.id}"
        )
    finally:
        place.write("prod.yaml", PROD)


def test_nothing_changed_goes_on_with_the_same_run(churn):
    first = churn.Churn(env="prod").train(rate=4.0).run()
    assert resume_run(first.id).id == first.id


def test_a_resume_knows_the_components_that_code_gave(churn):
    runner = churn.Churn(source=churn.Numbers(numbers=[6]), trainer=churn.Boosted(depth=9))
    first = runner.train(rate=1.0).run("in_process")
    again = resume_run(first.id, parameters={"rate": 2.0})
    assert again.get_results() == 6 * 2.0 * 9 + 100
    assert statuses(again)["rows:source:load"] == "reused"


CODE = """
    from fairlead import Component, Runner, task, workflow
    from helper import base

    class Inner(Component):
        def start(self):
            return base()

    class Trainer(Component):
        depth: int = 1
        inner: Inner = Inner()

        def shared(self):
            return {shared}

        @task(cache=True)
        def fit(self, x):
            return x * self.depth + self.shared() + self.inner.start()

    class Jobs(Runner):
        trainer: Trainer = Trainer()

        @workflow
        def go(self, x=1):
            return self.trainer.fit(x)

    if __name__ == "__main__":
        run = Jobs().go().run("{env}")
        print(run.get_results(), [one.status for one in run.get_tasks()], run.explain("trainer:fit")["trainer:fit"])
"""


def test_the_code_of_a_component_and_of_those_inside_it_counts(place):
    def go(env, shared, base):
        place.write("jobs.py", CODE.format(env=env, shared=shared))
        # Of another size: Python takes an edit of equal size within one second for none.
        place.write("helper.py", f"def base():\n    return {base}\n" + "#" * (base // 100))
        done = subprocess.run(
            [sys.executable, "jobs.py"], cwd=place.folder, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert go("in_process", 10, 100).startswith("111 ['succeeded']")
    assert go("local", 10, 100).startswith("111 ['reused']")
    assert "jobs.py: Trainer.shared changed" in (second := go("local", 20, 100)) and second.startswith("121")
    assert "helper.py: base changed" in (third := go("local", 20, 200)) and third.startswith("221")
    assert go("in_process", 20, 200).startswith("221 ['reused']")


def test_a_failure_is_that_of_the_method(churn, prod):
    with pytest.raises(RunFailed, match="ValueError: depth 2 is too much"):
        churn.Churn(env=prod).broken().run()


def test_it_runs_in_a_driver_of_its_own(churn, place):
    run = churn.Churn(env="prod").train(rate=0.125).start()
    assert run.wait(timeout=20) == "succeeded"
    assert WorkflowRun.by_id(run.id).get_results() == 101.5


def test_the_command_line_runs_checks_and_draws(churn, place):
    def fairlead(*words):
        return subprocess.run(
            [sys.executable, "-m", "fairlead", *words],
            cwd=place.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )

    done = fairlead("run", "churn.py:Churn.train", "--env", "prod", "-p", "rate=0.2")
    assert (done.returncode, done.stdout.strip()) == (0, "102.4"), done.stderr
    assert fairlead("check", "churn.py:Churn.train", "--env", "prod").returncode == 0
    refused = fairlead("check", "churn.py:Churn.train")
    assert refused.returncode == 2 and "source" in refused.stderr and "churn:Numbers" in refused.stderr
    assert 'n1["trainer:fit"]' in fairlead("graph", "churn.py:Churn.train", "--env", "prod").stdout


def test_everything_wrong_is_told_before_anything_runs(churn, place):
    place.write(
        "wrong.yaml",
        """
        components:
          source:
            class: churn:Nubmers
          trainer:
            class: "churn:Boosted"
            settings:
              dept: 3
              depth: deep
            components:
              source: {class: churn:Plain}
        """,
    )
    with pytest.raises(DefinitionError) as caught:
        churn.Churn(env="wrong")
    assert str(caught.value).splitlines() == [
        "Churn in environment 'wrong': 4 problems",
        "  source          churn has no class 'Nubmers' (nearest: 'Numbers') (wrong.yaml:3:5)",
        "  trainer         Boosted has no setting 'dept' (nearest: 'depth') (wrong.yaml:7:7)",
        "  trainer         Boosted: setting 'depth' does not fit: 'deep' is not int (wrong.yaml:8:7)",
        "  trainer.source  'churn:Plain' is no Source; it takes a Source: churn:Numbers (wrong.yaml:10:16)",
    ]


# --- with everything else ----------------------------------------------------------------------------------

BLOCKS = """
    from fairlead import Component, Runner, repeat, switch, task, workflow

    class Steps(Component):
        size: int = 2

        def side(self, x: int) -> str:
            return "big" if x > self.size else "small"

        def big(self, x: int) -> int:
            return x * 100

        def small(self, x: int) -> int:
            return -x

        @task(outputs=("x", "done"))
        def grow(self, x: int) -> tuple[int, bool]:
            return x + self.size, x + self.size > 5

        def fail(self, x: int) -> int:
            raise ValueError("no")

        def rescue(self, x: int, failure: dict) -> int:
            return x + 1000

    class Blocks(Runner):
        steps: Steps = Steps()

        @workflow
        def toss(self, x: int):
            return switch(self.steps.side(x), {"big": self.steps.big, "small": self.steps.small})(x)

        @workflow
        def tune(self, x: int = 0):
            return repeat(self.steps.grow, until="done", max_iterations=9, x=x)[0]

        @workflow
        def saved(self, x: int):
            return self.steps.fail.on_failure(self.steps.rescue)(x)

        @workflow
        def one(self, x: int):
            return self.toss(x)

        @workflow
        def many(self, xs: list[int]):
            return self.one.map(xs)
"""


@pytest.fixture(scope="module")
def blocks(place):
    place.write("blocks_of.py", BLOCKS)
    sys.path.insert(0, str(place.folder))
    yield importlib.import_module("blocks_of").Blocks
    sys.path.remove(str(place.folder))


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [("toss", 3, 300), ("toss", 1, -1), ("tune", 0, 6), ("saved", 4, 1004), ("many", [1, 3], [-1, 300])],
)
def test_methods_stand_in_blocks_as_any_task(blocks, env, name, given, result):
    method = getattr(blocks(), name)
    assert method(given).run(env).get_results() == result
    assert method.fn(given) == result


def test_a_method_is_mocked_like_any_task(churn, place):
    place.write("fakes.py", "def fit(rows, rate):\n    return [rows, rate]\n")
    text = PROD.replace("\n    ", "\n").lstrip()
    place.write("mocked.yaml", text + "tasks: {'trainer:fit': {mock: 'fakes:fit'}, '*load': {mock: {value: [8]}}}\n")
    assert churn.Churn(env="mocked").train(0.5).run().get_results() == [[8], 0.5]


def test_debugging_raises_the_methods_own_error(churn):
    with pytest.raises(ValueError, match="depth 2 is too much"):
        churn.Churn(env="prod").broken().run(debug=True)


def test_a_recorded_task_runs_again_by_itself(churn):
    from fairlead.testing import run_task

    run = churn.Churn(env="prod").train(rate=0.5).run()
    assert run_task(churn.Boosted(depth=2).fit, run=run, path="trainer:fit") == 106.0


# --- secrets -----------------------------------------------------------------------------------------------

VAULT = """
    import os
    from fairlead import Component, Runner, Secret, workflow

    class Store(Component):
        password: Secret
        url: str = "db"

    class Loader(Component):
        store: Store

        def load(self) -> int:
            return len(self.store.password.get())

    class Vaulted(Runner):
        loader: Loader

        @workflow
        def go(self):
            return self.loader.load()
"""


def test_a_secret_of_a_component_is_nowhere_in_the_store(place, env, monkeypatch):
    value = f"hunter-{os.urandom(8).hex()}"  # written in no file: this one is in the snapshots of other runs
    monkeypatch.setenv("RUNNERS_TEST_PASSWORD", value)
    place.write("vaulted.py", VAULT)
    place.write(
        f"vaulted_{env}.yaml",
        """
        executor: ENV
        components:
          loader:
            class: vaulted:Loader
            components:
              store: {class: "vaulted:Store", settings: {password: RUNNERS_TEST_PASSWORD}}
        """.replace("ENV", env),
    )
    monkeypatch.syspath_prepend(str(place.folder))
    runner = importlib.import_module("vaulted").Vaulted(env=f"vaulted_{env}")
    assert runner.go.fn() == len(value)
    run = runner.go().run(check=False)
    assert run.record.workflow.tasks[0].secrets == ("RUNNERS_TEST_PASSWORD",)
    kept = [path.read_bytes() for path in (place.folder / ".fairlead").rglob("*") if path.is_file()]
    assert any(b"RUNNERS_TEST_PASSWORD" in data for data in kept)
    assert not any(value.encode() in data for data in kept)


def test_a_dynamic_method_is_refused(churn):
    class Odd(churn.Churn):
        def plain(self): ...

    method = vars(churn.Churn)["train"]
    method.dynamic, before = True, getattr(method, "dynamic", False)
    try:
        with pytest.raises(DefinitionError, match="workflow 'train' of runner 'Odd' is dynamic"):
            Odd().train  # noqa: B018
    finally:
        method.dynamic = before
