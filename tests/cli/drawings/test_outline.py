from fairlead.cli.drawings.document import document
from fairlead.cli.drawings.outline import Arrow, outline
from fairlead.model.run import Group
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import After, Const, Container, MapNode, Parameter, ParamRef, Ref, TaskNode, Workflow
from tests.cli.records import study, study_groups


def arrows(scope):
    return {(arrow.source, arrow.target): arrow for arrow in scope.arrows}


def test_parameters_tasks_maps_and_results_are_boxes():
    scope = outline(study(), defaults={"folds": "5"})
    assert [(box.label, box.kind, box.detail) for box in scope.boxes] == [
        ("folds", "parameter", "int = 5"),
        ("load", "task", ""),
        ("split", "task", ""),
        ("train", "map", ""),
        ("picture", "map", ""),
        ("choose", "task", "best"),
        ("tell", "task", ""),
        ("result", "result", ""),
    ]
    train = scope.boxes[3]
    assert train.inner is not None
    assert [box.id for box in train.inner.boxes] == ["n2_0", "n2_1"]
    assert train.inner.arrows == [Arrow("n2_0", "n2_1", takes="model")]
    assert scope.boxes[1].about == "Does load. · jobs.py:7"
    assert scope.boxes[4].about == "Does picture. · jobs.py:7"


def test_arrows_say_what_flows():
    found = arrows(outline(study()))
    assert found["n0", "n1"] == Arrow("n0", "n1", "labels", "labels")
    assert found["n0", "n2"].label == "images"
    assert found["n1", "n2"].each
    assert not found["n0", "n2"].each
    assert found["p0", "n1"].takes == "n"
    assert ("n4", "r0") in found


def test_an_order_that_other_arrows_say_already_is_not_drawn():
    found = arrows(outline(study()))
    assert found["n4", "n5"].order
    assert found["n3", "n5"].order
    assert ("n0", "n5") not in found


def test_two_arguments_from_one_task_are_one_arrow():
    tasks = (TaskDefinition(name="a", outputs=("x", "y")), TaskDefinition(name="b"))
    both = Container("list", (Ref(0, 0), Ref(0, 1), Const(0)), (ParamRef("p"),))
    nodes = (TaskNode("a", 0), TaskNode("b", 1, {"one": both, "two": Ref(0, 0)}, after=(After(0), After(0, "failed"))))
    scope = outline(Workflow("w", (Parameter("p"),), nodes, {"r": Const(0)}, tasks=tasks))
    assert scope.arrows == [Arrow("p0", "n1", takes="one"), Arrow("n0", "n1", "", "one, two")]
    assert [box.kind for box in scope.boxes] == ["parameter", "task", "task"]


def test_a_workflow_that_gives_its_parameter_back_is_drawn():
    scope = outline(Workflow("w", (Parameter("p", "int"),), (), {"a": ParamRef("p")}, single=False))
    assert [(box.label, box.detail) for box in scope.boxes] == [("p", "int"), ("a", "")]
    assert scope.arrows == [Arrow("p0", "r0")]


def test_a_run_gives_boxes_a_status_and_says_how_far_they_are():
    boxes = {box.label: box for box in outline(study(), study_groups()).boxes}
    assert boxes["load"].status == "succeeded"
    assert boxes["load"].progress == "0.40 s"
    assert boxes["split"].status == "reused"
    assert boxes["train"].status == "failed"
    fit, score = boxes["train"].inner.boxes
    assert fit.progress == "15/20 · 1 failed · 12.0 s"
    assert fit.share == (0.75, 0.05)
    assert score.status == "running"
    assert boxes["picture"].status == "waiting"
    assert boxes["picture"].progress == "0/?"
    assert boxes["tell"].status == "waiting"


def test_a_map_has_the_status_of_its_inside():
    body = Workflow("b", (Parameter("x"),), (TaskNode("f", 0), TaskNode("g", 0)), {"r": Ref(1)})
    workflow = Workflow("w", (), (MapNode("m", body, over={"x": Const(0)}),), tasks=(TaskDefinition(name="f"),))

    def status(**counts):
        return outline(workflow, [Group(f"m.{name}", 1, {said: 1}) for name, said in counts.items()]).boxes[0].status

    assert status(f="succeeded", g="succeeded") == "succeeded"
    assert status(f="succeeded", g="waiting") == "running"
    assert status(f="waiting", g="waiting") == "waiting"
    assert status(f="failed", g="skipped") == "failed"
    empty = Workflow("w", (), (MapNode("m", Workflow("b"), over={"x": Const(0)}),))
    assert outline(empty, [Group("x", 1)]).boxes[0].status == "waiting"


def test_a_drawing_as_json_holds_everything():
    told = document(outline(study(), study_groups()))
    assert told["nodes"][3]["body"]["nodes"][0]["path"] == "train.fit"
    assert told["edges"][1] == {
        "from": "n0",
        "to": "n1",
        "output": "labels",
        "takes": "labels",
        "kind": "data",
        "when": "ok",
        "each": False,
    }
