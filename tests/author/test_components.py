"""Components as classes: settings, roles, what is refused, and how the roles of a runner are filled."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import pydantic
import pytest

from fairlead import Component, DefinitionError, Runner, Secret, task, workflow
from fairlead.author.runners import Wiring, fillers, wire
from fairlead.errors import NotFound
from fairlead.model.components import build, import_name, members, recipe_of


class Source(Component):
    def load(self) -> list[int]: ...


class CsvSource(Source):
    path: str
    delimiter: str = ","

    def load(self):
        return [len(self.path)]


class Colour(Enum):
    RED = "red"


class Options(pydantic.BaseModel):
    rounds: int = 1


@dataclass
class Box:
    width: int
    label: str = ""


class Wide(Component):
    known: ClassVar[int] = 7
    colour: Colour = Colour.RED
    place: Path = Path("here")
    maybe: int | None = None
    either: Path | int = 3
    mode: Literal["fast", "sure"] = "fast"
    day: date = date(2026, 1, 2)
    box: Box = Box(1)
    options: Options = Options()
    names: list[str] = []  # noqa: RUF012
    table: dict[str, float] = {}  # noqa: RUF012
    far: float = float("inf")
    secret: Secret | None = None
    _hidden: int = 9

    @cached_property
    def twice(self):
        return (self.maybe or 0) * 2


class Model(Component):
    source: Source
    spare: Source | None = None
    depth: int = 1


class Login(pydantic.BaseModel):
    password: pydantic.SecretStr


class Hidden(Component):
    login: Login
    call: Any = None


@dataclass
class Cut(Component):
    at: int
    tags: list[str] = field(default_factory=list)


class Abstract(Source, ABC):
    @abstractmethod
    def close(self): ...


class Full(Abstract):
    def close(self): ...


class Jobs(Runner):
    source: Source
    model: Model


# --- settings ----------------------------------------------------------------------------------------------


def test_settings_are_converted_and_have_defaults():
    made = Wide(colour="red", place="x/y", maybe="4", box={"width": "2"}, options={"rounds": 3}, day="2026-03-04")
    assert (made.colour, made.place, made.maybe, made.box) == (Colour.RED, Path("x/y"), 4, Box(2))
    assert (made.options, made.day, made.mode, made.twice) == (Options(rounds=3), date(2026, 3, 4), "fast", 8)
    assert made.far == float("inf") and (made.known, made._hidden, made.maybe) == (7, 9, 4)
    assert "known" not in members(Wide).settings and "_hidden" not in members(Wide).settings


def test_what_one_component_becomes_is_no_other_ones_business():
    Wide().names.append("x")
    assert Wide().names == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CsvSource(), "path is not given"),
        (lambda: CsvSource(path="x", delimeter=";"), "delimeter is no setting of it (nearest: 'delimiter')"),
        (lambda: CsvSource(path=3), "path does not fit: 3 is not str"),
        (lambda: Wide(mode="slow"), "mode does not fit: 'slow' is not Literal['fast', 'sure']"),
        (lambda: Wide(options={"rounds": "many"}), "rounds: Input should be a valid integer"),
        (lambda: Wide(either=[1]), "either does not fit: [1] is not Path | int"),
        (lambda: Wide(names=[open]), "is not data that a file could hold"),
        (lambda: Hidden(login=Login(password="x")), "Login is not data that a file could hold"),
        (lambda: Hidden(login={"password": "x"}, call=len), "call does not fit: "),
        (lambda: Model(), "source is not given; it takes a Source"),
        (lambda: Model(source=3), "source takes a Source; got 3"),
        (lambda: Model(source=CsvSource(path="x"), dept=2), "dept is no setting of it (nearest: 'depth')"),
    ],
)
def test_a_component_that_cannot_be_made_says_why(make, said):
    with pytest.raises(DefinitionError) as caught:
        make()
    assert said in str(caught.value) and "test_components.py:" in str(caught.value)


def test_an_own_init_is_refused_where_the_class_is_written():
    with pytest.raises(DefinitionError, match=r"a component has no __init__ of its own, and '.*Odd' has"):

        class Odd(Component):
            def __init__(self, x):
                self.x = x

    with pytest.raises(DefinitionError, match=r"a runner has no __init__ of its own"):

        class OddRunner(Runner):
            def __init__(self): ...


def test_a_pydantic_model_is_refused_as_a_component():
    with pytest.raises(DefinitionError, match=r"pydantic model.*take BaseModel away"):

        class Odd(Component, pydantic.BaseModel):
            x: int = 1


def test_a_dataclass_is_a_component_too():
    cut = Cut(3, tags=["a"])
    recipe, _ = recipe_of(cut, "cut")
    assert recipe.settings == {"at": 3, "tags": ["a"]}
    assert build(recipe, lambda name: Cut, None) == cut


def test_a_recipe_is_data_and_builds_an_equal_component():
    made = Model(source=CsvSource(path="x"), depth=4)
    recipe, secrets = recipe_of(made, "model")
    assert recipe.components["source"].role == "model.source" and "spare" not in recipe.components
    again = build(recipe, {import_name(Model): Model, import_name(CsvSource): CsvSource}.__getitem__, None)
    assert (again.depth, again.source.path, again.spare, secrets) == (4, "x", None, set())
    assert repr(again) == "Model(depth=4, source=CsvSource(path='x', delimiter=','), spare=None)"


def test_every_setting_survives_its_recipe():
    made = Wide(maybe=5, either="p", names=["a"], table={"x": 1}, secret="KEY")
    recipe, secrets = recipe_of(made, "wide")
    again = build(recipe, lambda name: Wide, lambda name: f"value of {name}")
    for name in members(Wide).settings:
        assert getattr(again, name) == getattr(made, name), name
    assert secrets == {"KEY"} and recipe.settings["secret"] == "KEY"
    assert again.secret.get() == "value of KEY"


def test_a_secret_is_a_name_until_it_is_asked_for(monkeypatch):
    made = Wide(secret="FAIRLEAD_TEST_KEY")
    assert repr(made.secret) == "Secret('FAIRLEAD_TEST_KEY')" == repr(Secret("FAIRLEAD_TEST_KEY"))
    with pytest.raises(NotFound, match="no secret 'FAIRLEAD_TEST_KEY'"):
        made.secret.get()
    monkeypatch.setenv("FAIRLEAD_TEST_KEY", "hunter2")
    assert made.secret.get() == "hunter2" and made.secret == Secret("FAIRLEAD_TEST_KEY")
    with pytest.raises(Exception, match="fetched where a task runs"):
        Secret("FAIRLEAD_TEST_KEY").get()


def test_an_inherited_default_may_be_changed_without_an_annotation():
    class Semicolons(CsvSource):
        delimiter = ";"

    assert Semicolons(path="x").delimiter == ";"


def test_an_annotation_that_names_nothing_is_told():
    class Odd(Component):
        size: "Nowhere"  # noqa: F821

    with pytest.raises(DefinitionError, match="size is annotated as 'Nowhere', which names nothing"):
        Odd(size=1)


# --- filling roles -----------------------------------------------------------------------------------------


def find(name: str) -> Any:
    known = {"Csv": CsvSource, "Model": Model, "Abstract": Abstract, "Full": Full, "int": int, "Cut": Cut}
    if name not in known:
        raise NotFound(f"no class {name!r}")
    return known[name]


def fill(components: dict[str, Any], runner: type = Jobs, **given: Any) -> dict[str, Any]:
    return wire(runner, given, Wiring("prod", components, lambda path: ".".join(path), find))


GOOD = {
    "source": {"class": "Csv", "settings": {"path": "x"}},
    "model": {"class": "Model", "components": {"source": {"class": "Csv", "settings": {"path": "y"}}}},
}


def test_data_fills_roles_at_every_depth():
    found = fill(GOOD)
    assert found["source"].path == "x" and found["model"].source.path == "y"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": 3}, "source is 3; name a class, or give class and settings (source)"),
        ({"source": "Cvs"}, "source no class 'Cvs' (source.class)"),
        ({"source": "int"}, "source 'int' is no Source"),
        ({"source": "Abstract"}, "source 'Abstract' lacks close, and so cannot be made (source.class)"),
        ({"source": "Csv"}, "source CsvSource: setting 'path' is not given (source.settings.path)"),
        ({"source": {"settings": {"path": "x"}}}, "source names no class; it takes a Source: "),
        ({"source": {"class": "Csv", "settings": ["x"]}}, "source 'settings' must be a mapping"),
        (
            {"source": {"class": "Csv", "settings": {"path": "x"}, "setings": 1}},
            "source has an unknown key 'setings' (nearest: 'settings') (source.setings)",
        ),
        (
            {"source": {"class": "Csv", "settings": {"path": [1]}}},
            "source CsvSource: setting 'path' does not fit: [1] is not str",
        ),
        (
            {"source": {"class": "Csv", "settings": {"path": "x", "delimeter": ";"}}},
            "source CsvSource has no setting 'delimeter' (nearest: 'delimiter') (source.settings.delimeter)",
        ),
        ({"model": "Model"}, "model.source is filled by nothing; it takes a Source: "),
        (
            {"model": {"class": "Model", "settings": {"source": "x"}, "components": GOOD["model"]["components"]}},
            "model Model: 'source' is a role of it; give it under 'components' (model.settings.source)",
        ),
        (
            {"model": {"class": "Model", "components": {"source": GOOD["source"], "other": "Csv"}}},
            "model.other is no role here",
        ),
        ({"model": {"class": "Model", "components": 3}}, "'components' must be a mapping of roles"),
    ],
)
def test_what_cannot_be_is_told_with_role_and_place(change, said):
    with pytest.raises(DefinitionError) as caught:
        fill({**GOOD, **change})
    assert said in " ".join(str(caught.value).split()), str(caught.value)


def test_a_near_miss_of_a_role_is_told_and_other_runners_keys_are_left_alone():
    with pytest.raises(DefinitionError) as caught:
        fill({"sorce": "Csv", "model": GOOD["model"]})
    assert "is no role here (nearest: 'source')" in str(caught.value)
    assert fill({**GOOD, "unrelated": "Csv"})["source"].path == "x"


def test_what_code_gives_wins_and_must_be_of_the_role():
    source = CsvSource(path="z")
    assert fill(GOOD, source=source)["source"] is source
    with pytest.raises(DefinitionError, match=r"source takes a Source; got <class .*; make one: CsvSource\(…\)"):
        fill(GOOD, source=CsvSource)


def test_settings_without_a_class_change_the_default_and_keep_the_rest():
    class Tuned(Runner):
        source: Source = CsvSource(path="a", delimiter=";")

    found = fill({"source": {"settings": {"path": "b"}}}, Tuned)["source"]
    assert (found.path, found.delimiter, Tuned.source.path) == ("b", ";", "a")
    assert fill({}, Tuned)["source"] is not Tuned.source
    assert type(fill({"source": "Full"}, Tuned)["source"]) is Full


def test_an_environment_of_python_may_give_classes_and_components_themselves():
    source = CsvSource(path="q")
    found = fill({"source": source, "model": {"class": Model, "components": {"source": Full}}})
    assert found["source"] is source and type(found["model"].source) is Full
    with pytest.raises(DefinitionError, match=r"source takes a Source; got Cut\("):
        fill({**GOOD, "source": Cut(1)})


def test_a_role_may_stay_empty_where_its_class_says_so():
    class Spared(Runner):
        spare: Source | None = None

    assert fill({}, Spared) == {"spare": None}
    assert fill({"spare": GOOD["source"]}, Spared)["spare"].path == "x"


def test_fillers_are_the_classes_that_could_be_made():
    found = fillers(Source)
    assert CsvSource in found and Full in found and Abstract not in found and Source not in found


# --- in a workflow -----------------------------------------------------------------------------------------


class Trainer(Component):
    @task(outputs=("model", "score"), retries=3)
    def fit(self, rows: list[int], rate: float) -> tuple[str, float]: ...

    @property
    def kind(self):
        return type(self).__name__

    @staticmethod
    def helper():
        return "static"

    def _private(self):
        return "private"


class Boosted(Trainer):
    source: Source = CsvSource(path="abc")
    depth: int = 2

    def fit(self, rows, rate):
        return "model", rate

    @task(name="check it", cache=True)
    def check(self, model: str, /, *more: int, strict: bool = False) -> bool:
        return bool(model)


class Both(Runner):
    trainer: Trainer

    @workflow
    def train(self, rows: list[int]):
        model, score = self.trainer.fit(rows, 0.5)
        assert self.trainer.kind == "Boosted" and self.trainer.helper() == "static"
        assert self.trainer._private() == "private" and self.trainer.depth == 2
        return self.trainer.check(model), score, self.trainer.fit.options(name="again", retries=0)(rows, rate=1.0)

    @workflow
    def inner(self):
        return self.trainer.source.load()

    @workflow
    def wrong(self):
        return self.trainer.fit("text", "more")


class Derived(Both):
    extra: Source = CsvSource(path="e")

    @workflow
    def both(self, rows: list[int]):
        return self.train(rows), self.extra.load()


def runner(kind: type = Both) -> Any:
    return kind(trainer=Boosted())


def test_methods_are_tasks_with_the_options_of_what_they_stand_in_for():
    tasks = runner().train([1]).graph.tasks
    assert [(one.name, one.retries, one.cache) for one in tasks] == [
        ("trainer:fit", 3, False),
        ("check it", 0, True),
        ("again", 0, False),
    ]
    assert tasks[0].outputs == ("model", "score") and tasks[0].target.endswith(":Boosted.fit")
    assert [(param.name, param.annotation) for param in tasks[0].params] == [("rows", "list[int]"), ("rate", "float")]
    assert [param.kind for param in tasks[1].params] == ["positional_only", "varargs", "keyword_only"]


def test_a_component_of_a_component_places_tasks_as_well():
    assert [node.name for node in runner().inner().graph.nodes] == ["trainer:source:load"]


def test_annotations_of_the_interface_count():
    with pytest.raises(DefinitionError) as caught:
        runner().wrong().build()
    assert "'text' given for 'rows: list[int]'" in str(caught.value)


def test_a_derived_runner_has_the_workflows_and_roles_of_its_base():
    graph = runner(Derived).both([1]).graph
    assert [node.name for node in graph.nodes][:2] == ["train:trainer:fit", "train:check it"]
    assert graph.name == "Derived.both" and runner(Derived).train([1]).graph.name == "Derived.train"


def test_a_component_is_no_value():
    @task
    def use(x):
        return x

    class Bad(Runner):
        source: Source

        @workflow
        def whole(self):
            return use(self.source)

        @workflow
        def missing(self):
            return self.source.lood()

    from fairlead.testing import memory_env

    bad = Bad(source=CsvSource(path="x"))
    with memory_env(), pytest.raises(DefinitionError, match="component 'source' is no value that a task could take"):
        bad.whole().run()
    with pytest.raises(DefinitionError, match=r"role 'source' is a CsvSource, which has no 'lood' \(nearest: 'load'\)"):
        bad.missing().build()


def test_a_runner_says_what_it_does_not_know():
    with pytest.raises(DefinitionError, match=r"tainer is no role of it \(nearest: 'trainer'\)"):
        Both(tainer=Boosted())
    with pytest.raises(DefinitionError, match=r"Both.trainer is filled when an environment is known"):
        Both().trainer  # noqa: B018
    with pytest.raises(AttributeError, match="'Both' object has no attribute 'nothing'"):
        Both().nothing  # noqa: B018
    assert repr(Both(trainer=Boosted())).startswith("Both(trainer=Boosted(")


def test_a_decorated_method_is_a_task_in_any_workflow():
    @workflow
    def plain():
        return Boosted().check("model")

    graph = plain().graph
    assert [node.name for node in graph.nodes] == ["check it"]
    assert Boosted().check("model") is True
